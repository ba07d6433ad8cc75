"""The cast and the stage: a sandbox Okta, a portal connected to it, and people with a browser of their own.

Both servers are real ones on loopback; nothing of ours is replaced. `world.alice` and `world.olivia` belong to Acme,
`world.carol` and `world.gus` to Globex, which has not connected Okta.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit
from weakref import WeakSet

import requests
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.serving import WSGIRequestHandler, make_server

import native_bridge
from okta_sandbox import Sandbox
from portal import create_app
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.passwords import hash_password
from portal.services import Services
from portal.settings import Settings
from portal.store.members import add_member
from portal.store.organizations import create_organization
from portal.store.upgrade import upgrade_database
from tests.pages import Page

OKTA_PASSWORD = "demo-okta-password"
POINT_PASSWORD = "demo-owner-password"
_HASH = hash_password(POINT_PASSWORD)


class _Compiled(BytecodeCache):
    """Templates that the application of one test has compiled are there for the next one's: that is a third of the
    time that the tests of pages take. What a template says with constants alone is settled when it is compiled
    (`portal/web/render.py`); `settled` is what that depends on."""

    code: ClassVar[dict[tuple[Any, ...], bytes]] = {}

    def __init__(self, *settled: Any) -> None:
        self.settled = settled

    def load_bytecode(self, bucket: Bucket) -> None:
        known = self.code.get((*self.settled, bucket.key, bucket.checksum))
        if known is not None:
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[(*self.settled, bucket.key, bucket.checksum)] = bucket.bytecode_to_string()


def keep_compiled(app: Flask) -> None:
    """What the application's templates are compiled to is kept for those after it."""
    settings = app.extensions["point"].settings
    for language, pages in app.extensions["pages"].items():
        pages.bytecode_cache = _Compiled(language, settings.demo, settings.support_email)


class Clock:
    """The real time, moved forward by hand; the portal and the sandbox look at the same one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += seconds


class Visitor:
    """A person's browser: cookies, redirects followed by hand, forms filled in and sent."""

    def __init__(self, base: str, email: str = "") -> None:
        self.base = base
        self.email = email
        self.http = requests.Session()
        self.http.trust_env = False
        self.trail: list[str] = []

    def step(self, url: str, *, method: str = "GET", **kwargs: Any) -> requests.Response:
        """One request, no redirect followed."""
        address = urljoin(self.base, url)
        self.trail.append(address)
        return self.http.request(method, address, allow_redirects=False, timeout=20, **kwargs)

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """A page, with redirects followed."""
        return self.follow(self.step(url, **kwargs))

    def follow(self, response: requests.Response, until: str | None = None) -> requests.Response:
        """Goes where the answer leads, to the end or until an address begins with `until`."""
        for _ in range(12):
            location = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                return response
            address = urljoin(response.url, location)
            if until and address.startswith(until):
                return response
            response = self.step(address)
        raise AssertionError(f"redirected in circles: {self.trail[-12:]}")

    def submit(
        self, page: requests.Response, *names: str, button: str | None = None, follow: bool = True, **fields: str
    ) -> requests.Response:
        """Fills in and sends the form of `page` that has the fields `names` and `fields`."""
        form = Page(page.text).form_with(*names, *fields, button=button)
        response = self.step(urljoin(page.url, form.action), method="POST", data={**form.fields, **fields})
        return self.follow(response) if follow else response

    def sign_in_at_okta(self, page: requests.Response, password: str = OKTA_PASSWORD) -> requests.Response:
        """Fills in Okta's own page; answers what comes of it, not followed."""
        return self.submit(page, identifier=self.email, password=password, follow=False)

    def log_in(self, next_: str = "", slug: str = "acme") -> requests.Response:
        """The whole login by Okta."""
        page = self.get(f"/login/{slug}/okta", params={"next": next_} if next_ else {})
        return self.follow(self.sign_in_at_okta(page)) if "identifier" in page.text else page

    def come_back(self, **query: str) -> requests.Response:
        """Signs in at Okta and stops before the callback; answers Okta's redirect to it."""
        page = self.get("/login/acme/okta", params=query)
        response = self.sign_in_at_okta(page) if "identifier" in page.text else page
        return self.follow(response, until=self.base + "/login/callback")

    def log_in_by_password(self, password: str = POINT_PASSWORD, next_: str = "") -> requests.Response:
        data = {"email": self.email, "password": password, "next": next_}
        return self.follow(self.step("/login", method="POST", data=data))

    def session(self) -> dict[str, Any]:
        """What `GET /session` says."""
        found: dict[str, Any] = self.step("/session").json()
        return found

    def page(self, response: requests.Response) -> Page:
        return Page(response.text)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args: Any) -> None:
        return None


def closing(app: Any, environ: Any, start_response: Any) -> Iterator[bytes]:
    """What `app` answers, ended even if the visitor hangs up: Werkzeug forgets to, when the connection is reset."""
    answer = app(environ, start_response)
    try:
        yield from answer
    finally:
        if hasattr(answer, "close"):
            answer.close()


class Stage:
    """The servers that a whole test run shares, and the empty database that each test gets a copy of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app: Any = None
        self.server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.base = f"http://localhost:{self.server.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.empty = folder / "empty.db"
        upgrade_database(f"sqlite:///{self.empty}")

    def _answer(self, environ: Any, start_response: Any) -> Any:
        return closing(self.app, environ, start_response)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


LIVING: WeakSet[World] = WeakSet()


class World:
    """One test's portal and sandbox."""

    def __init__(self, stage: Stage, sandbox: Sandbox, okta: str, database_url: str, **settings: Any) -> None:
        self.stage, self.sandbox, self.okta = stage, sandbox, okta
        self.base = stage.base
        self.clock = Clock()
        self.settings = Settings(
            base_url=stage.base,
            database_url=database_url,
            secret_keys=("a key for the tests that is long enough 0123456789",),
            loopback_okta=True,
            instance=stage.folder,
            log_level="error",
            **settings,
        )
        self.app: Flask = create_app(self.settings, clock=self.clock)
        keep_compiled(self.app)
        native_bridge.init_app(self.app)
        stage.app = self.app
        LIVING.add(self)
        self.services: Services = self.app.extensions["point"]

    def person(self, email: str) -> Visitor:
        """A new browser for this person."""
        return Visitor(self.base, email)

    @property
    def alice(self) -> Visitor:
        return self.person("alice@acme.example")

    @property
    def olivia(self) -> Visitor:
        return self.person("olivia@acme.example")

    @property
    def carol(self) -> Visitor:
        return self.person("carol@globex.example")

    @property
    def gus(self) -> Visitor:
        return self.person("gus@globex.example")

    @property
    def stranger(self) -> Visitor:
        return self.person("")

    def populate(self) -> None:
        """The two organizations and their people; Okta is not connected yet."""
        now = self.services.now()
        with self.services.db.writing() as connection:
            ours = {"name": "Acme Volunteers", "domain_names": ["acme.example"]}
            acme = create_organization(connection, "acme", **ours, now=now)  # type: ignore[arg-type]
            globex = create_organization(connection, "globex", name="Globex", domain_names=["globex.example"], now=now)
            for organization, email, role in (
                (acme, "olivia@acme.example", "owner"),
                (acme, "adam@acme.example", "admin"),
                (globex, "gus@globex.example", "owner"),
                (globex, "carol@globex.example", "volunteer"),
            ):
                add_member(connection, organization.id, email, role=role, now=now, password_hash=_HASH)
            self.acme_id, self.globex_id = acme.id, globex.id

    def connect(self, *, check: bool = False, authorization_server: str = "org", **entries: str) -> None:
        """Acme's Okta is connected, as its owner would have done."""
        known = {"spa_client_id": self.sandbox.client_id("spa"), "spa_domain": self.okta}
        known |= {"native_client_id": self.sandbox.client_id("native"), "native_domain": self.okta}
        save_okta(
            self.services,
            self.acme_id,
            Entries(**{**known, **entries}, authorization_server=authorization_server),
            sign_in="redirect",
            who="olivia@acme.example",
            reference="",
            check=check,
        )

    def requests_to(self, path: str) -> list[Any]:
        """What the sandbox was asked at paths that end so."""
        return [request for request in self.sandbox.requests if request.path.endswith(path)]

    def activity(self) -> list[Any]:
        """Acme's activity, newest first."""
        from portal.store.activity import list_events

        with self.services.db.reading() as connection:
            return list_events(connection, self.acme_id, limit=100)

    def close(self) -> None:
        self.services.close()


@contextmanager
def second_app(world: World, **changes: Any) -> Iterator[Flask]:
    """A portal with the same settings but these."""
    app = create_app(replace(world.settings, **changes))
    native_bridge.init_app(app)
    try:
        yield app
    finally:
        app.extensions["point"].close()


@contextmanager
def make_world(stage: Stage, folder: Path, **settings: Any) -> Iterator[World]:
    """A connected world of its own for one test."""
    database = folder / "portal.db"
    shutil.copy(stage.empty, database)
    sandbox = Sandbox(portal=stage.base)
    with sandbox.serve(host="127.0.0.1", port=0) as server:
        okta = f"http://localhost:{urlsplit(server.url).port}"
        settings = {"database_url": f"sqlite:///{database}", **settings}
        world = World(stage, sandbox, okta, **settings)
        sandbox.clock = world.clock
        world.populate()
        world.connect()
        try:
            yield world
        finally:
            world.close()
