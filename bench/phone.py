"""What the app's calls cost: CPU of the serving process for a refresh, `/me` and a login, and how many there are a
second. Part of `make bench`; the connections are kept open, as phones behind a proxy keep theirs.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from bench.people import PASSWORD, PEOPLE, Browser, cpu_seconds, sign_in


class Phone:
    """One app: a kept connection and its tokens."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=15)
        self.tokens: dict[str, Any] = {}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if method == "GET":
            headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        content = json.dumps(body) if body is not None else None
        self.connection.request(method, f"/native/v1{path}", content, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        found: dict[str, Any] = json.loads(text)
        return found

    def log_in(self, browser: Browser, email: str) -> None:
        """The whole login by Okta."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        wish = {"organization": "acme", "code_challenge": challenge, "code_challenge_method": "S256"}
        url = self.call("POST", "/login", wish)["authorization_url"]
        link, _page = sign_in(browser, url, email, PASSWORD, until="org.pointapp.point:")
        self.tokens = self.call("POST", "/login/complete", {"deep_link": link, "code_verifier": verifier})

    def refresh(self) -> None:
        self.tokens = self.call("POST", "/token", {"refresh_token": self.tokens["refresh_token"]})

    def me(self) -> None:
        self.call("GET", "/me")


def measure(base: str, pids: list[int], *, calls: int, phones: int) -> dict[str, float]:
    """CPU in milliseconds a call, and calls a second."""
    apps = []
    for number in range(phones):
        app = Phone(base)
        app.log_in(Browser(), PEOPLE[number % len(PEOPLE)])
        apps.append(app)
    found = {}
    for name, act in (("token", Phone.refresh), ("me", Phone.me)):
        _round(apps, act, calls // 5)
        before, began = cpu_seconds(pids), time.perf_counter()
        _round(apps, act, calls)
        found[f"{name}_cpu_ms"] = (cpu_seconds(pids) - before) * 1000 / calls
        found[f"{name}_per_second"] = calls / (time.perf_counter() - began)
    browser, app = Browser(), apps[0]
    app.log_in(browser, PEOPLE[0])
    before = cpu_seconds(pids)
    for _ in range(calls // 20):
        app.log_in(browser, PEOPLE[0])
    found["login_cpu_ms"] = (cpu_seconds(pids) - before) * 1000 / (calls // 20)
    return found


def _round(apps: list[Phone], act: Callable[[Phone], None], calls: int) -> None:
    def work(app: Phone) -> None:
        for _ in range(calls // len(apps)):
            act(app)

    threads = [threading.Thread(target=work, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
