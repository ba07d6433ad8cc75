"""A person before a real browser. Everything a page must never do is written down while they look at it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

from tests.world import OKTA_PASSWORD, POINT_PASSWORD, Visitor

SCREENSHOTS = os.environ.get("POINT_SCREENSHOTS", "")
_TELL = "addEventListener('securitypolicyviolation', e => console.error('CSP violation: ' + e.violatedDirective))"
# Chromium says this of every page with a status of 400 or more; `_answered` judges the statuses.
_STATUS_LINE = re.compile(r"Failed to load resource: the server responded with a status of [45]\d\d")


class Person:
    """One browser profile with one page to begin with. `faults` lists what went wrong where nothing should, `sent` the
    forms that have been sent: (address, method)."""

    def __init__(
        self, context: BrowserContext, base: str, okta: str, email: str = "", *, scripts: bool = True
    ) -> None:
        self.context, self.base, self.okta, self.email, self.scripts = context, base, okta, email, scripts
        self.hosts = {urlsplit(base).netloc, urlsplit(okta).netloc}
        self.faults: list[str] = []
        self.sent: set[tuple[str, str]] = set()
        self._expected: tuple[int, ...] = ()
        context.set_default_timeout(10_000)
        context.add_init_script(_TELL)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"page error: {error.error}"))
        context.on("request", self._asked)
        context.on("response", self._answered)
        self.page: Page = context.new_page()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _STATUS_LINE.match(message.text):
            self.faults.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in self.hosts:
            self.faults.append(f"a request to {request.url}")
        if request.is_navigation_request() and (request.method == "POST" or "?" in request.url):
            self.sent.add((request.url, request.method))

    def _answered(self, response: Response) -> None:
        if response.status >= 500 and response.status not in self._expected:
            self.faults.append(f"{response.status} from {response.url}")

    @contextmanager
    def expecting(self, *statuses: int) -> Iterator[None]:
        """In here the test provokes these answers."""
        self._expected = statuses
        try:
            yield
        finally:
            self._expected = ()

    # -- looking ---------------------------------------------------------------------------------------------------

    def at(self, title: str, path: str | None = None) -> Self:
        """Waits until the page with this heading is there, and `path` in the address bar."""
        expect(self.page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible(timeout=10_000)
        if path is not None:
            assert self.page.url == self.base + path
        return self

    def at_okta(self) -> Self:
        """Waits for Okta's own sign-in page."""
        expect(self.page.get_by_label("Username")).to_be_visible(timeout=10_000)
        assert self.page.url.startswith(self.okta)
        return self

    def sees(self, text: str) -> Self:
        expect(self.page.get_by_text(text).first).to_be_visible()
        return self

    def session(self) -> dict[str, Any]:
        """What `GET /session` says to this browser."""
        found: dict[str, Any] = self.context.request.get(self.base + "/session").json()
        return found

    def assert_anonymous(self) -> None:
        assert self.session() == {"authenticated": False}

    def assert_logged_in(self, method: str = "okta") -> None:
        session = self.session()
        assert (session.get("email"), session.get("method")) == (self.email, method)

    def picture(self, name: str) -> None:
        """Where POINT_SCREENSHOTS names a folder: the page at two widths, light and dark."""
        if not SCREENSHOTS:
            return
        size = self.page.viewport_size
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                self.page.set_viewport_size({"width": width, "height": 800})
                target = Path(SCREENSHOTS) / f"{name}-{width}-{scheme}.png"
                self.page.screenshot(path=target, full_page=True, animations="disabled")
        self.page.emulate_media(color_scheme="null")
        if size:
            self.page.set_viewport_size(size)

    # -- doing -----------------------------------------------------------------------------------------------------

    def become(self, visitor: Visitor) -> Self:
        """From now on this browser is the visitor's: with their session at POINT, and nothing of anybody before."""
        self.context.clear_cookies()
        ours = [each for each in visitor.http.cookies if each.name.startswith("point_")]
        self.context.add_cookies([{"name": each.name, "value": each.value or "", "url": self.base} for each in ours])
        self.email = visitor.email
        return self

    def go(self, path: str) -> Self:
        self.page.goto(path if path.startswith("http") else self.base + path)
        return self

    def press(self, name: str) -> Self:
        """The button or link with this text."""
        self.control(name).click()
        return self

    def control(self, name: str) -> Locator:
        button = self.page.get_by_role("button", name=name, exact=True)
        return button.or_(self.page.get_by_role("link", name=name, exact=True)).first

    def type(self, label: str, text: str) -> Self:
        self.page.get_by_label(label, exact=True).fill(text)
        return self

    def enter_email(self) -> Self:
        return self.type("E-mail address", self.email).press("Continue")

    def sign_in(self, password: str = OKTA_PASSWORD, username: str = "") -> Self:
        """Fills in Okta's own page."""
        return self.at_okta().type("Username", username or self.email).type("Password", password).press("Sign in")

    def log_in_at_okta(self, slug: str = "acme") -> Self:
        """As far as Okta goes."""
        return self.go(f"/login/{slug}/okta").sign_in()

    def log_in(self, slug: str = "acme") -> Self:
        """The whole login by Okta, to the home page."""
        self.log_in_at_okta(slug).page.wait_for_url(self.base + "/")
        return self

    def log_in_by_password(self, slug: str = "acme", password: str = POINT_PASSWORD) -> Self:
        """As the organization's own page does it, without opening that page, and to the home page. How it is typed is
        in test_keyboard.py, test_login.py and test_without_javascript.py."""
        form = {"email": self.email, "password": password}
        answer = self.context.request.post(f"{self.base}/login/{slug}", form=form, max_redirects=0)
        assert answer.status == 303, answer.text()
        return self.go("/")

    def new_tab(self) -> Page:
        """Another tab of the same browser, which `self.page` does not follow."""
        return self.context.new_page()
