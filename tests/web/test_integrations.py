"""Organization > Integrations > Okta: Save, what is said beside which field, Delete Integration, two owners at once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from okta_sandbox.wire import send_json, send_page
from portal.store.drafts import drop_draft
from portal.store.integrations import Integration, find_integration
from tests.needs import forget_tries
from tests.pages import Page
from tests.world import Visitor, World

OKTA = "/organizations/acme/integrations/okta"
SECRET = "x9" * 32
FORM = ("spa_client_id", "spa_domain", "native_client_id", "native_domain", "authorization_server", "sign_in")


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


@pytest.fixture
def quiet(quiet: World) -> World:
    """Without the draft of the test before, which the form would show in place of what is live."""
    with quiet.services.db.writing() as connection:
        drop_draft(connection, quiet.acme_id)
    return quiet


@pytest.fixture
def fresh(world: World) -> World:
    """Acme has no Okta any more, and Olivia logs in with her password."""
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    return world


def owner(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def save(visitor: Visitor, **entries: str) -> requests.Response:
    """Opens the page, fills in `entries`, presses Save."""
    return visitor.submit(visitor.get(OKTA), *FORM, button="Save", **entries)


def entries(world: World) -> dict[str, str]:
    return {"spa_client_id": world.sandbox.client_id("spa"), "spa_domain": world.okta}


def stored(world: World) -> Integration | None:
    with world.services.db.reading() as connection:
        return find_integration(connection, world.acme_id)


def test_an_owner_connects_okta_by_two_fields(fresh: World) -> None:
    olivia = owner(fresh)
    page = save(olivia, **entries(fresh))
    assert page.status_code == 200
    assert "Saved" in Page(page.text).find("div", role="status").text
    live = stored(fresh)
    assert live is not None
    assert (live.spa.issuer, live.updated_by, live.checked) == (fresh.okta, "olivia@acme.example", True)
    assert fresh.activity()[0].what == "okta.saved"
    alice = fresh.alice
    alice.log_in()
    assert alice.session()["method"] == "okta"


def test_what_was_saved_is_in_the_form_afterwards(quiet: World) -> None:
    form = Page(owner(quiet).get(OKTA).text).form_with(*FORM, button="Save")
    assert form.fields | {"form_stamp": ""} == {
        "form_stamp": "",
        "version": str(stored(quiet).version),
        "spa_client_id": quiet.sandbox.client_id("spa"),
        "spa_domain": quiet.okta,
        "native_client_id": quiet.sandbox.client_id("native"),
        "native_domain": quiet.okta,
        "authorization_server": "org",
        "sign_in": "redirect",
    }


def test_labels_and_values_are_the_guides(quiet: World) -> None:
    page = Page(owner(quiet).get(OKTA).text)
    for name, label in (
        ("spa_client_id", "SPA: Okta Client ID"),
        ("spa_domain", "SPA: Okta Domain"),
        ("native_client_id", "Native App: Okta Client ID (Native App)"),
        ("native_domain", "Native App: Okta Domain (Native App)"),
    ):
        assert page.find("label", for_=name).text == label
    shown = {element.text for element in page.elements if element.tag == "code"}
    assert {
        quiet.base + "/login/callback",
        quiet.base,
        "org.pointapp.point:/login",
        "org.pointapp.point:/logout",
    } <= shown
    assert page.find("a", href=OKTA + "/delete").text == "Delete Integration"


# (what is typed, the field that it is said at, words of the sentence there)
WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"spa_client_id": ""}, "spa_client_id", "fill this in"),
    ({"spa_client_id": "   "}, "spa_client_id", "fill this in"),
    ({"spa_client_id": "0oaUnknown0000000001"}, "spa_client_id", "no active app"),
    ({"spa_client_id": "{native}", "native_client_id": "", "native_domain": ""}, "spa_client_id", "redirect URIs"),
    ({"spa_client_id": "https://acme.okta.com"}, "spa_client_id", "looks like an address"),
    ({"spa_client_id": "acme.okta.com"}, "spa_client_id", "looks like an address"),
    ({"spa_client_id": "0oa123/general"}, "spa_client_id", "looks like an address"),
    ({"spa_client_id": "olivia@acme.example"}, "spa_client_id", "usually starts with 0oa"),
    ({"spa_client_id": "0oa 123"}, "spa_client_id", "usually starts with 0oa"),
    ({"spa_client_id": "<script>alert(1)"}, "spa_client_id", "usually starts with 0oa"),
    ({"spa_client_id": SECRET}, "spa_client_id", "client secret"),
    ({"spa_domain": ""}, "spa_domain", "Enter your Okta domain"),
    ({"spa_domain": "{{yourOktaDomain}}"}, "spa_domain", "Enter your Okta domain"),
    ({"spa_domain": "olivia@acme.example"}, "spa_domain", "e-mail address"),
    ({"spa_domain": "acme"}, "spa_domain", "whole domain"),
    ({"spa_domain": "okta.com"}, "spa_domain", "organization's part"),
    ({"spa_domain": "www.okta.com"}, "spa_domain", "organization's part"),
    ({"spa_domain": "acme.okta.com.com"}, "spa_domain", "appears twice"),
    ({"spa_domain": "acme.okta.co"}, "spa_domain", "misspelled"),
    ({"spa_domain": "http://acme.okta.com"}, "spa_domain", "always reached by https"),
    ({"spa_domain": "acme.okta.com:443"}, "spa_domain", "colon"),
    ({"spa_domain": "acme.okta.com/somewhere/else"}, "spa_domain", "without what follows the slash"),
    ({"spa_domain": "10.0.0.1"}, "spa_domain", "by its name"),
    ({"spa_domain": "acme.oktа.com"}, "spa_domain", "only looks like a Latin letter"),
    ({"spa_domain": "acme okta com"}, "spa_domain", "only letters, digits"),
    ({"spa_domain": "0oa1abcdefghijklmnop"}, "spa_domain", "whole domain"),
    ({"spa_domain": "{dead}"}, "spa_domain", "could not reach it"),
    ({"spa_domain": "{portal}"}, "spa_domain", "could not confirm that Okta runs"),
    ({"authorization_server": "no such"}, "authorization_server", "Choose one of the list"),
    ({"authorization_server": "https://acme.okta.com"}, "authorization_server", "Choose one of the list"),
    ({"authorization_server": "aus00000000000000001"}, "authorization_server", "no authorization server with that id"),
    ({"native_client_id": ""}, "native_client_id", "both its Client ID and its domain"),
    ({"native_domain": ""}, "native_domain", "both its Client ID and its domain"),
    ({"native_client_id": "{spa}"}, "native_client_id", "two apps in Okta"),
    ({"native_client_id": "0oaUnknown0000000001"}, "native_client_id", "no active app"),
    ({"native_domain": "olivia@acme.example"}, "native_domain", "e-mail address"),
    ({"native_domain": "{other}"}, "native_domain", "same Okta organization"),
]  # fmt: skip


@pytest.fixture(scope="module")
def dead_port() -> Iterator[str]:
    """An address of this machine at which nothing listens, and nothing will for now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://localhost:{taken.getsockname()[1]}"


@pytest.mark.parametrize(("typed", "field", "words"), WRONG, ids=[str(typed) for typed, *_ in WRONG])
def test_a_wrong_entry_is_explained_at_its_field(
    quiet: World, dead_port: str, typed: dict[str, str], field: str, words: str
) -> None:
    places = {"spa": quiet.sandbox.client_id("spa"), "native": quiet.sandbox.client_id("native"), "dead": dead_port}
    places |= {"portal": quiet.base, "other": quiet.okta.replace("localhost", "127.0.0.1")}
    filled = {name: value.format(**places) for name, value in typed.items()}
    before = stored(quiet)
    answer = save(owner(quiet), **filled)
    page = Page(answer.text)
    assert answer.status_code == 422
    assert words in page.problem_at(field)
    assert {element.attributes["name"] for element in page.elements if "aria-invalid" in element.attributes} == {field}
    assert page.find("a", href=f"#{field}").text
    for name, value in filled.items():
        assert page.find("input", name=name).attributes.get("value", "") == value.strip()
    assert "<script>alert" not in answer.text
    assert stored(quiet) == before


def test_several_wrong_entries_are_all_explained(quiet: World) -> None:
    answer = save(owner(quiet), spa_client_id="", spa_domain="olivia@acme.example", native_domain="")
    page = Page(answer.text)
    assert "3 things to put right" in page.text
    for name in ("spa_client_id", "spa_domain", "native_domain"):
        assert page.problem_at(name)
    assert page.find("title").text.startswith("Error: ")


# (how the domain is pasted, the issuer that it means)
MENDED = [
    ("  {okta}/ ", "{okta}"),
    ("{okta}/oauth2/default", "{okta}/oauth2/default"),
    ("{okta}/oauth2/default/", "{okta}/oauth2/default"),
    ("{okta}/oauth2/default/.well-known/openid-configuration", "{okta}/oauth2/default"),
    ("{okta}/.well-known/openid-configuration", "{okta}"),
    ("{okta}/.well-known/okta-organization", "{okta}"),
    ("{okta}/admin/app/oidc_client/instance/0oa123#tab-general", "{okta}"),
    ("{okta}/app/UserHome", "{okta}"),
]


@pytest.mark.parametrize(("pasted", "issuer"), MENDED, ids=[pasted for pasted, _ in MENDED])
def test_a_pasted_address_is_understood(fresh: World, pasted: str, issuer: str) -> None:
    answer = save(owner(fresh), **{**entries(fresh), "spa_domain": pasted.format(okta=fresh.okta)})
    assert answer.status_code == 200, Page(answer.text).text
    live = stored(fresh)
    assert live is not None
    assert live.spa.issuer == issuer.format(okta=fresh.okta)
    assert live.spa.domain == fresh.okta


@pytest.mark.parametrize(("chosen", "issuer"), [("org", ""), ("default", "/oauth2/default"), ("auto", "")])
def test_the_authorization_server_that_was_chosen_is_used(fresh: World, chosen: str, issuer: str) -> None:
    assert save(owner(fresh), **entries(fresh), authorization_server=chosen).status_code == 200
    live = stored(fresh)
    assert live is not None
    assert (live.spa.issuer, live.authorization_server) == (fresh.okta + issuer, chosen)
    fresh.alice.log_in()


def change_app(world: World, **changes: Any) -> None:
    world.sandbox.app(world.sandbox.client_id("spa")).oauth.update(changes)


# (what is wrong at Okta, the field that it is said at, words of the sentence there)
AT_OKTA: list[tuple[str, Callable[[World], object], dict[str, str], str, str]] = [
    ("redirect URI removed", lambda world: change_app(world, redirect_uris=["http://localhost/other"]), {},
     "spa_client_id", "Sign-in redirect URIs"),
    ("no redirect URI", lambda world: change_app(world, redirect_uris=[]), {}, "spa_client_id", "redirect URIs"),
    ("grant unticked", lambda world: change_app(world, grant_types=["refresh_token"]), {},
     "spa_client_id", "Tick Authorization Code"),
    ("no API Access Management", lambda world: world.sandbox.fault("no_api_access_management"),
     {"authorization_server": "default"}, "authorization_server", "authorization server"),
    ("confidential client", lambda world: world.sandbox.app(world.sandbox.client_id("spa")).credentials.update(
        token_endpoint_auth_method="client_secret_basic", client_secret="s"), {}, "spa_client_id", "Single-Page"),
    ("app deactivated", lambda world: world.sandbox.app(world.sandbox.client_id("spa")).json.update(status="INACTIVE"),
     {}, "spa_client_id", "no active app"),
    ("Okta fails", lambda world: world.sandbox.fault("organization_500"), {}, "spa_domain", ""),
    ("discovery fails", lambda world: world.sandbox.fault("discovery_500"), {}, "spa_domain", "could not reach it"),
    ("discovery of others", lambda world: world.sandbox.fault("discovery_issuer_mismatch"), {}, "spa_domain", ""),
    ("token endpoint elsewhere", lambda world: world.sandbox.fault("discovery_foreign_token_endpoint"), {},
     "spa_domain", ""),
    ("Okta is busy", lambda world: world.sandbox.fault("rate_limited"), {}, "spa_domain", ""),
    ("not an Okta", lambda world: setattr(world.sandbox, "answer", lambda _: send_page("<h1>Hello</h1>")), {},
     "spa_domain", "could not confirm that Okta runs"),
    ("a list", lambda world: setattr(world.sandbox, "answer", lambda _: send_json([1, 2])), {},
     "spa_domain", "could not confirm that Okta runs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("break_", "more", "field", "words"), [case[1:] for case in AT_OKTA], ids=[case[0] for case in AT_OKTA]
)
def test_what_is_wrong_at_okta_is_explained_at_the_field(
    fresh: World, break_: Callable[[World], object], more: dict[str, str], field: str, words: str
) -> None:
    break_(fresh)
    answer = save(owner(fresh), **entries(fresh), **more)
    assert answer.status_code in (422, 503), Page(answer.text).text
    assert words in Page(answer.text).problem_at(field)
    assert stored(fresh) is None


def test_an_app_without_refresh_tokens_is_saved_with_a_note_and_a_smaller_scope(fresh: World) -> None:
    fresh.sandbox.fault("offline_access_refused")
    answer = save(owner(fresh), **entries(fresh))
    assert answer.status_code == 200
    assert "offline_access" in Page(answer.text).find("div", role="status").text
    live = stored(fresh)
    assert live is not None
    assert live.spa.scope == "openid profile email"
    alice = fresh.alice
    alice.log_in()
    assert alice.session()["authenticated"]


def test_without_api_access_management_automatic_takes_the_org_server(fresh: World) -> None:
    fresh.sandbox.fault("no_api_access_management")
    assert save(owner(fresh), **entries(fresh)).status_code == 200
    live = stored(fresh)
    assert live is not None
    assert live.spa.issuer == fresh.okta


def test_a_save_on_an_old_page_changes_nothing_and_says_so(world: World) -> None:
    first, second = owner(world), world.olivia
    second.log_in()
    page = second.get(OKTA)
    assert save(first, native_client_id="", native_domain="").status_code == 200
    answer = second.submit(page, *FORM, authorization_server="default")
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text
    assert Page(answer.text).find("input", name="authorization_server").attributes["value"] == "default"
    live = stored(world)
    assert live is not None
    assert (live.authorization_server, list(live.apps)) == ("org", ["spa"])


def test_saving_again_on_the_page_that_says_conflict_goes_through(world: World) -> None:
    olivia = owner(world)
    page = olivia.get(OKTA)
    save(olivia)
    conflict = olivia.submit(page, *FORM, authorization_server="default")
    assert olivia.submit(conflict, *FORM).status_code == 200
    live = stored(world)
    assert live is not None
    assert live.authorization_server == "default"


def test_a_second_save_without_a_change_is_fine_and_keeps_people_logged_in(world: World) -> None:
    alice, olivia = world.alice, owner(world)
    alice.log_in()
    for _ in range(2):
        assert "Saved" in save(olivia).text
    assert alice.session()["authenticated"]


def test_the_client_secret_that_was_pasted_is_in_no_log_and_no_activity(
    quiet: World, capfd: pytest.CaptureFixture[str]
) -> None:
    save(owner(quiet), spa_client_id=SECRET)
    assert SECRET not in capfd.readouterr().err
    assert SECRET not in str(quiet.activity())


def test_an_admin_sees_the_settings_but_no_form(quiet: World) -> None:
    adam = quiet.person("adam@acme.example")
    adam.log_in_by_password()
    page = Page(adam.get(OKTA).text)
    assert quiet.sandbox.client_id("spa") in page.text
    assert [form for form in page.forms if "spa_client_id" in form.fields] == []
    assert "Delete Integration" not in page.text


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ([], "Nobody at Acme Volunteers logs in"),
        (["alice"], "1 person at Acme Volunteers logs in|1 person has no password"),
        (["olivia"], "1 person at Acme Volunteers logs in|They have a password"),
        (["alice", "olivia"], "2 people at Acme Volunteers log in|1 person has no password"),
    ],
    ids=str,
)
def test_the_delete_page_says_how_many_it_is_about(world: World, people: list[str], words: str) -> None:
    for name in people:
        getattr(world, name).log_in()
    answer = owner(world).get(OKTA + "/delete")
    page = Page(answer.text)
    for one in words.split("|"):
        assert one in page.text
    form = page.form_with(button="Delete Integration")
    assert set(form.fields) == {"form_stamp", "version"}


def test_after_delete_nobody_comes_in_by_okta_and_every_page_still_answers(world: World) -> None:
    alice, olivia = world.alice, owner(world)
    alice.log_in()
    under_way = world.alice
    back = under_way.come_back()
    page = olivia.submit(olivia.get(OKTA + "/delete"), button="Delete Integration")
    assert "Deleted" in Page(page.text).find("div", role="status").text
    assert not alice.session()["authenticated"]
    assert olivia.session()["authenticated"]
    late = under_way.follow(back)
    assert late.status_code < 500
    assert not under_way.session()["authenticated"]
    for path in ("/login/acme/okta", "/login/acme", "/login/initiate?iss=" + world.okta, "/", OKTA, OKTA + "/delete"):
        assert olivia.get(path).status_code < 500, path
    answer = world.stranger.get("/login/acme/okta")
    assert (answer.status_code, "Reference" in answer.text) == (404, True)
    assert world.requests_to("/token")[-1].form.get("code") != parse(back)


def test_the_second_delete_says_the_same(world: World) -> None:
    olivia = owner(world)
    page = olivia.get(OKTA + "/delete")
    for _ in range(2):
        assert "Deleted" in olivia.submit(page, button="Delete Integration").text
    assert len([event for event in world.activity() if event.what == "okta.deleted"]) == 1


def test_the_list_shows_the_state(world: World) -> None:
    olivia = owner(world)
    path = "/organizations/acme/integrations"
    assert Page(olivia.get(path).text).find("span", class_="badge badge-good").text == "Connected"
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    assert Page(olivia.get(path).text).find("span", class_="badge badge-neutral").text == "Not connected"
    assert Page(olivia.get("/").text).find("a", href=OKTA).text == "Connect Okta"


def test_too_many_saves_have_to_wait(quiet: World) -> None:
    olivia = owner(quiet)
    page = olivia.get(OKTA)
    statuses = {olivia.submit(page, *FORM, spa_client_id="").status_code for _ in range(30)}
    answer = olivia.submit(page, *FORM, spa_client_id="")
    assert statuses == {422}
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 601


def parse(response: requests.Response) -> list[str]:
    from urllib.parse import parse_qs, urlsplit

    return parse_qs(urlsplit(response.headers["Location"]).query)["code"]
