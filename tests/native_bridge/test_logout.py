"""Logging the app out: POINT's tokens are dead before the answer, Okta's as far as Okta can be reached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from okta_sandbox import RawAnswer
from portal.giving_back import finish_giving_back
from portal.store.models import native_attempts
from tests.native_bridge.steps import LOGOUT, Phone, delete_okta, said
from tests.web.steps import query_of, take_over
from tests.world import POINT_PASSWORD, World, second_app

NOTHING = {"logout_url": None, "state": None}
OVER = (401, "token_refused", "logout")


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    """Alice's, logged in by Okta."""
    phone = Phone(world)
    phone.log_in()
    return phone


def events(world: World, what: str) -> list[Any]:
    return [event for event in world.activity() if event.what == what]


# -- POINT's side ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("okta", [True, False], ids=["Okta too", "this phone only"])
def test_after_the_answer_nothing_of_this_login_is_good(world: World, phone: Phone, okta: bool) -> None:
    old = phone.tokens
    phone.refresh()
    assert phone.log_out(okta=okta).status_code == 200
    for tokens in (old, phone.tokens):
        assert said(phone.ask("GET", "/me", token=tokens["access_token"])) == OVER
        assert said(phone.call("POST", "/token", {"refresh_token": tokens["refresh_token"]})) == OVER
    assert said(phone.ask("GET", "/sessions")) == OVER
    [event] = events(world, "logout")
    assert (event.who, event.about) == ("alice@acme.example", {"kind": "phone"})


def test_a_logout_ends_no_other_login_of_the_person(world: World, phone: Phone) -> None:
    tablet, web = Phone(world), world.alice
    tablet.log_in()
    web.log_in()
    phone.log_out(okta=True)
    assert tablet.is_logged_in()
    assert web.session()["authenticated"] is True


def test_another_node_knows_at_once(world: World, phone: Phone) -> None:
    with second_app(world) as other:
        bearer = {"Authorization": f"Bearer {phone.tokens['access_token']}"}
        assert other.test_client().get("/native/v1/me", headers=bearer).status_code == 200
        phone.log_out()
        assert other.test_client().get("/native/v1/me", headers=bearer).status_code == 401


@pytest.mark.parametrize("body", [{"okta": "yes"}, {"okta": 1}, {"okta": None}])
def test_what_is_neither_yes_nor_no_logs_nobody_out(phone: Phone, body: Any) -> None:
    answer = phone.ask("POST", "/logout", body)
    assert (said(answer)[:2], answer.json()["field"]) == ((422, "field_invalid"), "okta")
    assert phone.is_logged_in()


def test_an_empty_object_means_this_phone_only(phone: Phone) -> None:
    assert phone.ask("POST", "/logout", {}).json() == NOTHING
    assert not phone.is_logged_in()


def test_without_a_token_nobody_is_logged_out(phone: Phone) -> None:
    assert said(phone.call("POST", "/logout", {"okta": True})) == (401, "token_refused", "token_missing")
    assert phone.is_logged_in()


# -- Okta's side -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("okta", [True, False], ids=["Okta too", "this phone only"])
def test_okta_s_refresh_token_is_given_back(world: World, phone: Phone, okta: bool) -> None:
    phone.log_out(okta=okta)
    finish_giving_back(world.services)
    [call] = world.requests_to("/revoke")
    assert call.form["client_id"] == [world.sandbox.client_id("native")]
    assert call.form["token_type_hint"] == ["refresh_token"]
    assert [sign_in.dead for sign_in in world.sandbox.grants.sign_ins.values()] == [True]


def test_this_phone_only_needs_no_browser(world: World, phone: Phone) -> None:
    assert phone.log_out().json() == NOTHING
    assert len(world.sandbox.sessions) == 1


@pytest.mark.parametrize("refreshes", [0, 5])
def test_okta_too_leads_to_okta_s_sign_out_and_back_to_the_app(world: World, phone: Phone, refreshes: int) -> None:
    for _ in range(refreshes):
        world.clock.forward(3600)
        phone.refresh()
    left = phone.log_out(okta=True).json()
    address, sent = left["logout_url"], query_of(left["logout_url"])
    assert address.startswith(f"{world.okta}/oauth2/v1/logout?")
    assert sent["post_logout_redirect_uri"] == LOGOUT
    assert sent["state"] == left["state"]
    assert left["state"].startswith("native-")
    assert len(left["state"]) == len("native-") + 44
    back = phone.browser.step(address).headers["Location"]
    assert back == f"{LOGOUT}?state={left['state']}"
    assert world.sandbox.sessions == []
    assert phone.call("POST", "/logout/complete", {"deep_link": back}).status_code == 204


def test_a_lost_answer_is_given_again_for_a_minute(world: World, phone: Phone) -> None:
    first = phone.log_out(okta=True).json()
    world.clock.forward(59)
    again = phone.log_out(okta=True).json()
    assert query_of(first["logout_url"])["id_token_hint"] == query_of(again["logout_url"])["id_token_hint"]
    assert phone.browser.step(again["logout_url"]).headers["Location"] == f"{LOGOUT}?state={again['state']}"
    finish_giving_back(world.services)
    assert len(events(world, "logout")) == len(world.requests_to("/revoke")) == 1
    with world.services.db.reading() as connection:
        kept = select(func.count()).where(native_attempts.c.purpose == "logout")
        assert connection.execute(kept).scalar_one() == 1
    world.clock.forward(3)
    assert said(phone.log_out(okta=True)) == OVER


def test_whoever_was_logged_out_on_this_phone_only_can_still_leave_okta(world: World, phone: Phone) -> None:
    assert phone.log_out().json() == NOTHING
    address = phone.log_out(okta=True).json()["logout_url"]
    assert phone.browser.step(address).headers["Location"].startswith(LOGOUT)
    assert world.sandbox.sessions == []


def test_logging_out_twice_at_once_is_one_logout(world: World) -> None:
    for number in range(1, 11):
        phone = Phone(world)
        phone.log_in()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _, phone=phone: phone.log_out(okta=True), range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert all(answer.json()["logout_url"] for answer in answers)
        assert not phone.is_logged_in()
        assert len(events(world, "logout")) == number


@pytest.mark.parametrize(
    "answer", [RawAnswer(200, reset=True), RawAnswer(500), RawAnswer(400, [], b"{}")], ids=["away", "unwell", "refuses"]
)
def test_an_okta_that_does_not_take_the_token_back_stops_nothing(world: World, phone: Phone, answer: RawAnswer) -> None:
    take_over(world.sandbox, "/revoke", answer)
    assert phone.log_out(okta=True).json()["logout_url"].startswith(world.okta)
    assert not phone.is_logged_in()


def test_an_okta_that_is_away_stops_nothing(world: World, phone: Phone) -> None:
    world.services.providers.forget(world.okta)
    world.sandbox.answer = lambda request: RawAnswer(200, reset=True)
    assert phone.log_out(okta=True).json() == NOTHING
    assert not phone.is_logged_in()


def test_a_login_by_password_has_nothing_at_okta(world: World) -> None:
    olivia = Phone(world, "olivia@acme.example")
    olivia.log_in_by_password()
    before = len(world.sandbox.requests)
    assert olivia.log_out(okta=True).json() == NOTHING
    assert not olivia.is_logged_in()
    assert len(world.sandbox.requests) == before


def test_an_integration_that_was_deleted_is_not_asked(world: World, phone: Phone) -> None:
    before = len(world.sandbox.requests)
    delete_okta(world)
    assert said(phone.log_out(okta=True)) == (401, "token_refused", "integration_deleted")
    assert len(world.sandbox.requests) == before


def test_an_app_that_changed_between_two_tries_gets_no_hint_of_the_old_one(world: World, phone: Phone) -> None:
    phone.log_out()
    delete_okta(world)
    assert phone.log_out(okta=True).json() == NOTHING


def test_who_came_by_the_web_s_app_is_sent_back_to_the_web(world: World) -> None:
    phone = Phone(world)
    world.connect(native_client_id="", native_domain="")
    assert phone.complete(phone.come_back_by_the_web()).status_code == 200
    left = phone.log_out(okta=True).json()
    assert left["state"] is None
    assert query_of(left["logout_url"])["post_logout_redirect_uri"] == world.base
    landing = phone.browser.get(left["logout_url"])
    assert (landing.status_code, landing.url.partition("?")[0]) == (200, f"{world.base}/")
    assert world.sandbox.sessions == []


def test_the_next_person_at_this_phone_has_to_sign_in(world: World, phone: Phone) -> None:
    phone.browser.step(phone.log_out(okta=True).json()["logout_url"])
    phone.start()
    assert "identifier" in phone.browser.get(phone.begun["authorization_url"]).text


# -- the way back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?state={state}",
        "?state=native-other",
        "?state=",
        "?error=server_error&state={state}",
        "?foo=bar",
        "#x",
    ],
)
def test_okta_s_return_is_welcome_with_any_state_or_none_however_often(world: World, phone: Phone, query: str) -> None:
    other = Phone(world, "olivia@acme.example")
    other.log_in()
    state = phone.log_out(okta=True).json()["state"]
    for _ in range(3):
        answer = phone.call("POST", "/logout/complete", {"deep_link": LOGOUT + query.format(state=state)})
        assert answer.status_code == 204
    assert other.is_logged_in()


def test_the_state_of_a_login_ends_no_login_there(world: World, phone: Phone) -> None:
    tablet = Phone(world)
    link = tablet.come_back()
    sent = {"deep_link": f"{LOGOUT}?state={query_of(link)['state']}"}
    assert phone.call("POST", "/logout/complete", sent).status_code == 204
    assert tablet.attempt.status == "created"
    assert tablet.complete(link).status_code == 200


def test_a_return_is_noted_once_and_that_of_a_stranger_not(world: World, phone: Phone) -> None:
    state = phone.log_out(okta=True).json()["state"]
    phone.begun = {"state": state}
    assert (phone.attempt.purpose, phone.attempt.status) == ("logout", "created")
    phone.call("POST", "/logout/complete", {"deep_link": f"{LOGOUT}?state={state[:-1]}"})
    assert phone.attempt.status == "created"
    phone.call("POST", "/logout/complete", {"deep_link": f"{LOGOUT}?state={state}"})
    noted = phone.attempt.ended_at
    world.clock.forward(60)
    phone.call("POST", "/logout/complete", {"deep_link": f"{LOGOUT}?state={state}"})
    assert (phone.attempt.status, phone.attempt.ended_at) == ("completed", noted)


def test_a_return_logs_nobody_out_by_itself(phone: Phone) -> None:
    assert phone.call("POST", "/logout/complete", {"deep_link": LOGOUT}).status_code == 204
    assert phone.is_logged_in()


def test_the_https_way_back_is_as_good(world: World, phone: Phone) -> None:
    link = f"{world.base}/native/open/logout?state={phone.log_out(okta=True).json()['state']}"
    assert phone.call("POST", "/logout/complete", {"deep_link": link}).status_code == 204


def test_a_logout_on_the_web_does_not_end_the_app_s_login(world: World, phone: Phone) -> None:
    web = world.alice
    web.log_in()
    web.submit(web.get("/"), button="Log out")
    assert phone.is_logged_in()
    assert POINT_PASSWORD not in str(world.activity())
