"""What every answer carries, over http on loopback and over https: headers, cookies, and how little a page weighs."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.needs import forget_tries
from tests.pages import Page
from tests.world import POINT_PASSWORD, Visitor, World, second_app

HTTPS = "https://dash.pointapp.org"
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Pages, redirects, refusals, machine-readable answers; GET where nothing else is said.
PATHS = [
    "/", "/login", "/login?email=x", "/login/acme", "/login/globex", "/login/nowhere", "/login/acme/okta", "/session",
    "/login/globex/okta", "/login/callback", "/login/callback?code=x&state=y", "/login/initiate", "/login/link",
    "/account", "/organizations/acme/integrations", "/healthz", "/readyz", "/metrics", "/no-such-page", "/logout",
    "POST /login", "POST /logout", "POST /login/acme", "DELETE /login", "POST /account", "OPTIONS /login",
]  # fmt: skip


@pytest.fixture(params=[HTTPS, "http://localhost:5000"], ids=["https", "http"])
def base(request: pytest.FixtureRequest) -> str:
    forget_tries()
    return str(request.param)


@pytest.fixture
def client(world: World, base: str) -> Iterator[FlaskClient]:
    with second_app(world, base_url=base) as app:
        yield app.test_client()


def ask(client: FlaskClient, line: str) -> TestResponse:
    method, _, path = line.rpartition(" ")
    return client.open(path, method=method or "GET")


def test_every_answer_carries_the_same_protection(client: FlaskClient, base: str) -> None:
    for line in PATHS:
        answer = ask(client, line)
        for name, value in FIXED.items():
            assert answer.headers.getlist(name) == [value], (line, name)
        assert answer.headers.getlist("Content-Security-Policy") == [CSP], line
        assert answer.headers.getlist("Cache-Control") == ["no-store"], line
        transport = answer.headers.get("Strict-Transport-Security", "")
        assert transport == ("max-age=63072000; includeSubDomains; preload" if base == HTTPS else ""), line
        assert len(answer.headers["X-Request-Id"]) == 9


def test_no_policy_allows_what_is_inline_or_evaluated() -> None:
    assert "unsafe" not in CSP
    assert "nonce" not in CSP
    assert "*" not in CSP
    assert "data:" not in CSP


def test_assets_are_kept_for_a_year_and_everything_else_not_at_all(client: FlaskClient) -> None:
    page = Page(client.get("/login").text)
    sheets = [element.attributes["href"] for element in page.elements if element.tag == "link"]
    assert len(sheets) == 2
    sheet = next(href for href in sheets if ".css" in href)
    answer = client.get(sheet)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "text/css"
    packed = client.get(sheet, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(answer.data)


def test_the_login_page_weighs_less_than_15_kb_and_needs_no_script(client: FlaskClient, base: str) -> None:
    answer = client.get("/login")
    page = Page(answer.text)
    loaded = {element.attributes.get("href", "") for element in page.elements if element.tag == "link"}
    loaded |= {element.attributes["src"] for element in page.elements if "src" in element.attributes}
    assert {urlsplit(urljoin(base, address)).netloc for address in loaded} == {urlsplit(base).netloc}
    total = len(answer.data)
    for address in loaded:
        with client.get(address) as asset:
            assert asset.status_code == 200
            total += len(asset.data)
    assert total <= 15_000, total
    assert "<script" not in answer.text


def cookies(answer: TestResponse) -> dict[str, str]:
    """Name -> attributes of every cookie that an answer sets."""
    found = {}
    for line in answer.headers.getlist("Set-Cookie"):
        pair, _, attributes = line.partition("; ")
        found[pair.partition("=")[0]] = attributes
    return found


def test_every_cookie_is_as_closed_as_the_scheme_allows(client: FlaskClient, base: str) -> None:
    data = {"email": "gus@globex.example", "password": POINT_PASSWORD}
    answers = [client.post("/login", data=data), client.get("/login/acme/okta"), client.post("/logout")]
    found = {name: attributes for answer in answers for name, attributes in cookies(answer).items()}
    prefix = "__Host-point_" if base == HTTPS else "point_"
    assert {name.removeprefix(prefix).split("_")[0] for name in found} == {"session", "known", "attempt", "logged"}
    for name, attributes in found.items():
        assert name.startswith(prefix)
        assert "Path=/; HttpOnly; SameSite=Lax" in attributes
        assert ("; Secure" in attributes) == (base == HTTPS)
        assert "Domain" not in attributes


def test_reading_pages_sets_no_cookie(client: FlaskClient) -> None:
    for line in ("/", "/login", "/login/acme", "/session", "/no-such-page", "/healthz"):
        assert cookies(ask(client, line)) == {}, line


def test_nothing_is_said_about_clearing_cookies(client: FlaskClient) -> None:
    """`Clear-Site-Data: "cookies"` would end the sandbox's session on localhost too."""
    client.post("/login", data={"email": "gus@globex.example", "password": POINT_PASSWORD})
    assert "Clear-Site-Data" not in client.post("/logout").headers


def test_a_whole_login_over_https(world: World) -> None:
    """The portal behind a proxy that ends TLS: every cookie has its prefix, and the session opens."""
    spa = world.sandbox.app(world.sandbox.client_id("spa"))
    spa.oauth["redirect_uris"].append(HTTPS + "/login/callback")
    with second_app(world, base_url=HTTPS) as app:
        client = app.test_client()
        start = client.get("/login/acme/okta?next=/account", base_url=HTTPS)
        alice = Visitor(world.okta, "alice@acme.example")
        back = alice.sign_in_at_okta(alice.get(start.headers["Location"])).headers["Location"]
        assert back.startswith(HTTPS + "/login/callback?")
        answer = client.get(back.removeprefix(HTTPS), base_url=HTTPS)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
        assert "__Host-point_session" in cookies(answer)
        assert client.get("/session", base_url=HTTPS).json["email"] == "alice@acme.example"


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"},
     {"X-Forwarded-Proto": "ftp", "X-Forwarded-Prefix": "/evil.example"}, {"X-Original-Url": "/evil.example"}],
    ids=str,
)  # fmt: skip
def test_no_header_of_a_request_gets_into_a_link(world: World, headers: dict[str, str]) -> None:
    with second_app(world, trusted_proxies=1) as app:
        client = app.test_client()
        for path in ("/", "/login", "/login/acme", "/login/acme/okta", "/account", "/no-such-page"):
            answer = client.get(path, headers=headers)
            assert "evil.example" not in answer.text + answer.headers.get("Location", ""), path


def test_text_that_was_typed_is_text_on_the_page(client: FlaskClient) -> None:
    hostile = '"><script>alert(1)</script>@acme.example'
    for answer in (
        client.get("/login", query_string={"email": hostile}),
        client.post("/login", data={"email": hostile}),
        client.post("/login/acme", data={"email": hostile, "password": hostile}),
        client.get("/login/acme", query_string={"email": hostile, "next": hostile}),
    ):
        assert "<script" not in answer.text


@pytest.mark.parametrize("path", ["/login//okta?code=x", "//okta", "/organizations//integrations", "//evil.example/"])
def test_doubled_slashes_lead_nowhere(client: FlaskClient, path: str) -> None:
    answer = client.open(path=path.partition("?")[0], query_string=path.partition("?")[2])
    assert answer.status_code in (200, 303, 404)
    assert "//" not in answer.headers.get("Location", "")
