"""How an app's login begins: what there is to choose from, and the address that the browser opens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.connecting import save_okta
from portal.okta.connect import Entries
from tests.native_bridge.steps import Phone, delete_okta, link_on, said
from tests.web.steps import change_answer, connect, query_of
from tests.world import World

ACME, GLOBEX = {"slug": "acme", "name": "Acme Volunteers"}, {"slug": "globex", "name": "Globex"}
OKTA, PASSWORD = {"type": "okta", "flow": "redirect"}, {"type": "password", "flow": "redirect"}
RANDOM = re.compile(r"[A-Za-z0-9_-]{44}")  # 264 bits


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world)


def connect_embedded(world: World) -> None:
    entries = Entries(world.sandbox.client_id("spa"), world.okta, world.sandbox.client_id("native"), world.okta, "org")
    save_okta(world.services, world.acme_id, entries, sign_in="embedded", who="", reference="", check=False)


# -- discover ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "organization", "methods"),
    [
        ({"email": "alice@acme.example"}, ACME, [OKTA, PASSWORD]),
        ({"email": "nobody-we-know@acme.example"}, ACME, [OKTA, PASSWORD]),
        ({"email": " Alice@ACME.example "}, ACME, [OKTA, PASSWORD]),
        ({"email": "gus@globex.example"}, GLOBEX, [PASSWORD]),
        ({"email": "a@unknown.example"}, None, [PASSWORD]),
        ({"email": "no address"}, None, [PASSWORD]),
        ({"organization": "acme"}, ACME, [OKTA, PASSWORD]),
        ({"organization": "globex"}, GLOBEX, [PASSWORD]),
        ({"organization": "unknown"}, None, [PASSWORD]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) and len(value) == 1 else "",
)
def test_discover_says_which_ways_there_are(
    phone: Phone, asked: dict[str, str], organization: Any, methods: list[Any]
) -> None:
    answer = phone.call("POST", "/discover", asked)
    assert answer.status_code == 200
    assert answer.json() == {"organization": organization, "methods": methods}


def test_discover_follows_what_owners_set_up(world: World, phone: Phone) -> None:
    def methods() -> list[dict[str, str]]:
        found: list[dict[str, str]] = phone.call("POST", "/discover", {"organization": "acme"}).json()["methods"]
        return found

    connect_embedded(world)
    assert methods() == [{"type": "okta", "flow": "embedded"}, PASSWORD]
    world.connect(native_client_id="", native_domain="")
    assert methods() == [OKTA, PASSWORD]
    delete_okta(world)
    assert methods() == [PASSWORD]


def test_discover_asks_nobody_and_tells_nothing_of_a_person(world: World, phone: Phone) -> None:
    answers = [phone.call("POST", "/discover", {"email": f"{who}@acme.example"}) for who in ("olivia", "nobody")]
    assert answers[0].content == answers[1].content
    assert {*answers[0].headers} == {*answers[1].headers}
    assert world.sandbox.requests == []


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "email"),
        ({"email": "a@b.example", "organization": "acme"}, "email"),
        ({"email": None, "organization": None}, "email"),
        ({"email": "ab"}, "email"),
        ({"email": f"{'a' * 250}@b.example"}, "email"),
        ({"email": 1}, "email"),
        ({"organization": "Acme"}, "organization"),
        ({"organization": "../acme"}, "organization"),
        ({"organization": ["acme"]}, "organization"),
    ],
)
def test_discover_takes_one_of_the_two_and_names_the_field(phone: Phone, sent: Any, field: str) -> None:
    answer = phone.call("POST", "/discover", sent)
    assert (said(answer)[:2], answer.json()["field"]) == ((422, "field_invalid"), field)


# -- start -------------------------------------------------------------------------------------------------------------


def test_a_login_begins_with_what_okta_needs(world: World, phone: Phone) -> None:
    begun = phone.start().json()
    address, _, _ = begun["authorization_url"].partition("?")
    asked = query_of(begun["authorization_url"])
    assert address == f"{world.okta}/oauth2/v1/authorize"
    assert (begun["redirect_uri"], begun["expires_in"]) == ("org.pointapp.point:/login", 600)
    assert asked["redirect_uri"] == "org.pointapp.point:/login"
    assert asked["client_id"] == world.sandbox.client_id("native")
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["scope"] == "openid profile email offline_access"
    assert asked["state"] == begun["state"]
    assert begun["state"].startswith("native-")
    assert all(RANDOM.fullmatch(value) for value in (asked["state"].removeprefix("native-"), asked["nonce"]))
    assert asked["code_challenge"] != create_s256_code_challenge(phone.verifier)
    assert len(asked["code_challenge"]) == 43
    assert "login_hint" not in asked


def test_no_two_logins_have_anything_secret_in_common(phone: Phone) -> None:
    asked = [query_of(phone.start().json()["authorization_url"]) for _ in range(20)]
    assert all(len({each[name] for each in asked}) == 20 for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize(
    ("hint", "shown"),
    [("alice@acme.example", "alice@acme.example"), ("a+b@acme.example", "a+b@acme.example"), ("no address", None)],
)
def test_the_address_is_handed_on_to_okta_if_it_is_one(phone: Phone, hint: str, shown: str | None) -> None:
    assert query_of(phone.start(login_hint=hint).json()["authorization_url"]).get("login_hint") == shown


def test_a_method_of_okta_is_the_same_as_none(world: World, phone: Phone) -> None:
    assert phone.start(method="okta").json()["authorization_url"].startswith(world.okta)


def test_a_password_login_begins_at_a_page_of_point_s_and_okta_hears_nothing(world: World, phone: Phone) -> None:
    begun = phone.start(method="password", login_hint="olivia@acme.example").json()
    assert begun["authorization_url"].startswith(f"{world.base}/native/login?")
    asked = {"state": begun["state"], "with": "password", "email": "olivia@acme.example"}
    assert query_of(begun["authorization_url"]) == asked
    assert RANDOM.fullmatch(begun["state"].removeprefix("native-"))
    assert world.sandbox.requests == []


@pytest.mark.parametrize("organization", [None, "globex"])
def test_without_an_organization_or_its_okta_point_s_page_asks(world: World, phone: Phone, organization: Any) -> None:
    begun = phone.start(organization=organization).json()
    assert begun["authorization_url"].startswith(f"{world.base}/native/login?")
    assert begun["redirect_uri"] == "org.pointapp.point:/login"


def test_without_an_app_for_phones_the_web_s_way_to_okta_is_offered(world: World, phone: Phone) -> None:
    world.connect(native_client_id="", native_domain="")
    begun = phone.start().json()
    assert query_of(begun["authorization_url"]) == {"state": begun["state"]}


def test_another_organization_s_okta_is_where_its_people_go(world: World, phone: Phone) -> None:
    connect(world, world.globex_id, world.sandbox, world.okta)
    begun = phone.start(organization="globex").json()
    assert begun["authorization_url"].startswith(f"{world.base}/native/login?")


def test_the_embedded_answer_is_what_interact_needs(world: World, phone: Phone) -> None:
    begun = phone.start(flow="embedded").json()
    assert begun.pop("state").startswith("native-")
    assert RANDOM.fullmatch(begun.pop("nonce"))
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", begun.pop("code_challenge"))
    assert begun == {
        "code_challenge_method": "S256",
        "issuer": world.okta,
        "client_id": world.sandbox.client_id("native"),
        "redirect_uri": "org.pointapp.point:/login",
        "scopes": ["openid", "profile", "email", "offline_access"],
        "expires_in": 600,
    }


def test_an_app_link_is_where_okta_returns_to_and_the_login_ends_by_it(world: World, phone: Phone) -> None:
    app_link = f"{world.base}/native/open"
    world.sandbox.app(world.sandbox.client_id("native")).oauth["redirect_uris"].append(app_link)
    assert phone.start(app_link=True).json()["redirect_uri"] == app_link
    page = phone.browser.get(phone.begun["authorization_url"])
    page = phone.browser.follow(phone.browser.sign_in_at_okta(page))
    assert page.url.startswith(app_link + "?")
    assert phone.complete(page.url).status_code == 200
    assert world.requests_to("/token")[0].form["redirect_uri"] == [app_link]


def test_an_app_link_serves_the_private_scheme_too(world: World, phone: Phone) -> None:
    """Where the app did not take the https link, the page "Open POINT" hands it on by the scheme."""
    world.sandbox.app(world.sandbox.client_id("native")).oauth["redirect_uris"].append(f"{world.base}/native/open")
    phone.start(app_link=True)
    page = phone.browser.get(phone.begun["authorization_url"])
    page = phone.browser.follow(phone.browser.sign_in_at_okta(page))
    query = query_of(page.url)
    link = f"org.pointapp.point:/login?code={query['code']}&state={query['state']}"
    assert phone.complete(link).status_code == 200
    assert link_on(phone.browser.get(page.url)).startswith(link[:40])


# -- refused -----------------------------------------------------------------------------------------------------------

GOOD = "a" * 43


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code_challenge": "a" * 42}, "code_challenge"),
        ({"code_challenge": "a" * 44}, "code_challenge"),
        ({"code_challenge": "a" * 42 + "="}, "code_challenge"),
        ({"code_challenge": "a" * 42 + "\n"}, "code_challenge"),
        ({"code_challenge": None}, "code_challenge"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"code_challenge_method": None}, "code_challenge_method"),
        ({"organization": "Acme"}, "organization"),
        ({"organization": ""}, "organization"),
        ({"method": "magic"}, "method"),
        ({"flow": "popup"}, "flow"),
        ({"app_link": "yes"}, "app_link"),
        ({"login_hint": "x" * 255}, "login_hint"),
    ],
    ids=str,
)
def test_what_is_missing_or_wrong_is_named(phone: Phone, change: dict[str, Any], field: str) -> None:
    answer = phone.start(**change)
    assert (said(answer)[:2], answer.json()["field"]) == ((422, "field_invalid"), field)


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"organization": "unknown"}, (404, "organization_unknown", "organization_unknown")),
        ({"organization": "globex", "method": "okta"}, (404, "okta_not_connected", "okta_not_connected")),
        ({"organization": "globex", "flow": "embedded"}, (409, "embedded_unavailable", "no_native_app")),
        ({"organization": None, "flow": "embedded"}, (409, "embedded_unavailable", "no_native_app")),
        ({"organization": None, "method": "okta"}, (404, "okta_not_connected", "okta_not_connected")),
    ],
    ids=str,
)
def test_a_login_that_cannot_begin_says_why(
    world: World, phone: Phone, wish: dict[str, Any], problem: tuple[int, str, str]
) -> None:
    assert said(phone.start(**wish)) == problem
    assert world.sandbox.requests == []


@pytest.mark.parametrize(
    ("fault", "status"), [("discovery_500", 503), ("discovery_html", 502), ("discovery_issuer_mismatch", 502)]
)
def test_an_okta_that_is_away_is_said_at_the_start(world: World, phone: Phone, fault: str, status: int) -> None:
    world.sandbox.fault(fault)
    answer = phone.start()
    assert (answer.status_code, answer.json()["retryable"]) == (status, status == 503)
    assert phone.start(method="password").status_code == 201


def test_metadata_with_a_foreign_address_begins_no_login(world: World, phone: Phone) -> None:
    theirs = {"authorization_endpoint": "https://stranger.example/authorize"}
    change_answer(world.sandbox, "/openid-configuration", lambda document: document.update(theirs))
    assert phone.start().status_code == 502
