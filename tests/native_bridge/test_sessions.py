"""Where a person is logged in, who may end it, and what is accepted as an access token."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from native_bridge.answering import session_name
from portal.giving_back import finish_giving_back
from portal.store.models import sessions
from portal.store.sessions import PHONE_IDLE_SECONDS, hash_id
from tests.native_bridge.steps import Phone, said
from tests.web.steps import add_person
from tests.world import World

GONE = (404, "not_found", "session_unknown")


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    """Alice's, logged in by Okta."""
    phone = Phone(world)
    phone.complete(phone.come_back(), device="Alice's phone")
    return phone


def ids_of(phone: Phone) -> list[str]:
    return [each["id"] for each in phone.ask("GET", "/sessions").json()["sessions"]]


def end(phone: Phone, session_id: str) -> tuple[int, str, str] | int:
    answer = phone.ask("DELETE", f"/sessions/{session_id}")
    return 204 if answer.status_code == 204 else said(answer)


# -- who am I ----------------------------------------------------------------------------------------------------------


def test_me_says_who_where_and_until_when(world: World, phone: Phone) -> None:
    me = phone.ask("GET", "/me").json()
    assert me["user"] == phone.tokens["user"]
    assert me["organization"] == phone.tokens["organization"]
    assert (me["method"], [me["session_id"]]) == ("okta", ids_of(phone))
    assert me["expires_at"] > world.services.now()


def test_a_login_by_password_says_so(world: World) -> None:
    olivia = Phone(world, "olivia@acme.example")
    olivia.log_in_by_password()
    assert olivia.ask("GET", "/me").json()["method"] == "password"


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_list_has_every_login_of_this_person_and_nobody_else_s(world: World, phone: Phone) -> None:
    web, tablet, olivia = world.alice, Phone(world), Phone(world, "olivia@acme.example")
    world.clock.forward(5)
    web.log_in()
    world.clock.forward(5)
    tablet.log_in()
    olivia.log_in()
    listed = phone.ask("GET", "/sessions").json()["sessions"]
    told = [(each["kind"], each["method"], each["organization"], each["current"]) for each in listed]
    assert told == [("phone", "okta", "acme", False), ("web", "okta", "acme", False), ("phone", "okta", "acme", True)]
    assert (listed[1]["device"], listed[2]["device"]) == (None, "Alice's phone")
    assert all(each["created_at"] <= each["used_at"] <= each["expires_at"] for each in listed)
    assert set(ids_of(phone)) & set(ids_of(olivia)) == set()


def test_a_refresh_is_a_use_and_comes_first(world: World, phone: Phone) -> None:
    tablet = Phone(world)
    world.clock.forward(5)
    tablet.log_in()
    world.clock.forward(5)
    phone.refresh()
    listed = phone.ask("GET", "/sessions").json()["sessions"]
    assert [each["current"] for each in listed] == [True, False]
    assert 10 <= listed[0]["used_at"] - listed[0]["created_at"] <= 12


@pytest.mark.parametrize(
    ("sent", "shown"), [("  My phone ", "My phone"), ("", "Point/1.0"), (None, "Point/1.0"), ("<b>", "<b>")]
)
def test_a_device_is_called_as_it_says_or_as_its_app(world: World, sent: str | None, shown: str) -> None:
    phone = Phone(world)
    phone.http.headers["User-Agent"] = "Point/1.0"
    phone.complete(phone.come_back(), **({} if sent is None else {"device": sent}))
    assert phone.ask("GET", "/sessions").json()["sessions"][0]["device"] == shown


def test_a_device_without_a_name_has_none(world: World) -> None:
    phone = Phone(world)
    phone.http.headers["User-Agent"] = ""
    phone.log_in()
    assert phone.ask("GET", "/sessions").json()["sessions"][0]["device"] is None


@pytest.mark.parametrize("name", ["My\0 phone", "My\n phone", "My\x1b[31m phone", "My\u202e phone", "My\x85 phone"])
def test_what_no_name_is_made_of_is_left_out_or_refused(world: World, name: str) -> None:
    """PostgreSQL keeps no NUL at all, and nobody should read a name backwards."""
    phone = Phone(world)
    answer = phone.complete(phone.come_back(), device=name)
    if answer.status_code != 422:
        shown = phone.ask("GET", "/sessions").json()["sessions"][0]["device"]
        assert (shown.startswith("My"), shown.isprintable()) == (True, True)


def test_a_name_that_is_too_long_is_said_and_ends_nothing(world: World) -> None:
    phone = Phone(world)
    link = phone.come_back()
    assert phone.complete(link, device="x" * 101).json()["field"] == "device"
    assert phone.complete(link, device="x" * 100).status_code == 200


def test_what_is_over_is_not_listed(world: World, phone: Phone) -> None:
    web, idle, gone = world.alice, Phone(world), Phone(world)
    for each in (web, idle, gone):
        each.log_in()
    gone.log_out()
    world.clock.forward(PHONE_IDLE_SECONDS - 60)
    phone.refresh()
    world.clock.forward(120)
    phone.refresh()
    assert [each["current"] for each in phone.ask("GET", "/sessions").json()["sessions"]] == [True]


def test_flt_83_a_thousand_logins_are_listed_up_to_a_hundred(world: World, phone: Phone) -> None:
    now = world.services.now()
    with world.services.db.writing() as connection:
        [row] = connection.execute(sessions.select().where(sessions.c.kind == "phone")).mappings()
        more = [{**row, "id_hash": hash_id(str(number)), "used_at": now - number} for number in range(1000)]
        connection.execute(insert(sessions), more)
    assert len(ids_of(phone)) == 100


# -- ending one --------------------------------------------------------------------------------------------------------


def test_another_login_of_mine_can_be_ended_and_is_dead_at_once(world: World, phone: Phone) -> None:
    tablet, web = Phone(world), world.alice
    tablet.log_in()
    web.log_in()
    own, *others = sorted(phone.ask("GET", "/sessions").json()["sessions"], key=lambda each: not each["current"])
    assert [end(phone, each["id"]) for each in others] == [204, 204]
    assert said(tablet.ask("GET", "/me")) == (401, "token_refused", "ended_by_person")
    assert said(tablet.refresh()) == (401, "token_refused", "ended_by_person")
    assert web.session() == {"authenticated": False}
    assert ids_of(phone) == [own["id"]]


def test_a_login_that_was_ended_is_written_down_and_over_at_okta(world: World, phone: Phone) -> None:
    tablet = Phone(world)
    tablet.log_in()
    [other] = [each for each in ids_of(phone) if each != phone.ask("GET", "/me").json()["session_id"]]
    answer = phone.ask("DELETE", f"/sessions/{other}")
    event = world.activity()[0]
    assert (event.what, event.who, event.about) == ("session.ended", "alice@acme.example", {"kind": "phone"})
    assert event.reference == answer.headers["X-Request-Id"]
    finish_giving_back(world.services)
    assert len(world.requests_to("/revoke")) == 1
    assert sorted(sign_in.dead for sign_in in world.sandbox.grants.sign_ins.values()) == [False, True]


def test_my_own_login_can_be_ended_too(phone: Phone) -> None:
    assert end(phone, ids_of(phone)[0]) == 204
    assert said(phone.ask("GET", "/me")) == (401, "token_refused", "ended_by_person")
    assert said(phone.refresh()) == (401, "token_refused", "ended_by_person")
    assert said(phone.log_out()) == (401, "token_refused", "ended_by_person")


def test_what_has_ended_cannot_be_ended_again(world: World, phone: Phone) -> None:
    tablet = Phone(world)
    tablet.log_in()
    [other] = [each for each in ids_of(phone) if each != phone.ask("GET", "/me").json()["session_id"]]
    assert [end(phone, other), end(phone, other)] == [204, GONE]


def test_somebody_else_s_login_does_not_exist(world: World, phone: Phone) -> None:
    add_person(world.sandbox, "amy@acme.example", "Amy")
    amy, olivia = Phone(world, "amy@acme.example"), Phone(world, "olivia@acme.example")
    amy.log_in()
    olivia.log_in_by_password()
    for other in (amy, olivia):
        for session_id in ids_of(other):
            assert end(phone, session_id) == GONE
        assert other.is_logged_in()


@pytest.mark.parametrize("session_id", ["x", "A" * 43, "A" * 44, session_name(b"\xff" * 32), "%2e%2e", "A" * 42 + "="])
def test_a_name_that_no_login_has_is_not_found(phone: Phone, session_id: str) -> None:
    assert end(phone, session_id) == GONE


def test_a_name_of_a_login_opens_nothing(world: World, phone: Phone) -> None:
    [session_id] = ids_of(phone)
    assert phone.ask("GET", "/me", token=session_id).status_code == 401
    assert phone.call("POST", "/token", {"refresh_token": session_id}).status_code == 401
    assert phone.call("DELETE", f"/sessions/{session_id}").status_code == 401
    assert phone.is_logged_in()


# -- what is an access token -------------------------------------------------------------------------------------------


def test_what_opens_a_browser_s_session_is_no_bearer_and_the_other_way_round(world: World, phone: Phone) -> None:
    web = world.alice
    web.log_in()
    cookie = web.http.cookies["point_session"]
    assert phone.ask("GET", "/me", token=cookie).status_code == 401
    assert phone.call("POST", "/token", {"refresh_token": cookie}).status_code == 401
    session_id = phone.ask("GET", "/me").json()["session_id"]
    for value in (session_id, phone.tokens["refresh_token"], phone.tokens["access_token"]):
        stranger = world.stranger
        stranger.http.cookies.set("point_session", value, domain="localhost.local", path="/")
        assert stranger.session() == {"authenticated": False}


def test_a_login_of_the_app_is_none_of_the_browser_even_by_its_own_secret(world: World) -> None:
    """Whoever knew the id of the app's session would still be nobody on the web."""
    now, secret = world.services.now(), "s" * 43
    web = world.olivia
    web.log_in_by_password()
    with world.services.db.writing() as connection:
        [row] = connection.execute(sessions.select()).mappings()
        connection.execute(insert(sessions), {**row, "id_hash": hash_id(secret), "kind": "phone", "used_at": now})
    stranger = world.stranger
    stranger.http.cookies.set("point_session", secret, domain="localhost.local", path="/")
    assert stranger.session() == {"authenticated": False}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "token_missing"),
        ("Bearer", "token_missing"),
        ("Bearer ", "token_missing"),
        ("Basic {token}", "token_missing"),
        ("{token}", "token_missing"),
        ("DPoP {token}", "token_type"),
        ("Bearer {token} {token}", "token_malformed"),
        ("Bearer {token}A", "token_invalid"),
        ("Bearer x.y", "token_malformed"),
        ("Bearer {refresh_token}", "token_malformed"),
    ],
)
def test_only_an_access_token_in_the_header_counts(phone: Phone, header: str, reason: str) -> None:
    given = header.format(token=phone.tokens["access_token"], refresh_token=phone.tokens["refresh_token"])
    answer = phone.call("GET", "/me", headers={"Authorization": given} if header else {})
    assert said(answer) == (401, "token_refused", reason)
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.split()[0] == ("DPoP" if header.startswith("DPoP") else "Bearer")
    # RFC 6750 3.1: without a token there is no error to tell.
    assert ("invalid_token" in challenge) is (reason != "token_missing")


def test_a_token_in_the_address_is_none(phone: Phone) -> None:
    answer = phone.call("GET", f"/me?access_token={phone.tokens['access_token']}")
    assert said(answer) == (401, "token_refused", "token_missing")


def test_the_scheme_s_name_may_be_in_any_case(phone: Phone) -> None:
    given = {"Authorization": f"bEARER {phone.tokens['access_token']}"}
    assert phone.call("GET", "/me", headers=given).status_code == 200
