"""The one-time code by which the portal's own page hands a person to the app: whose it is, and for how long."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from portal.store.models import members, users
from tests.native_bridge.steps import LOGIN, USED, Phone, link_on, said
from tests.web.steps import change_query, count_rows, query_of
from tests.world import World

REFUSED = (400, "code_refused", "code_rejected_by_op")


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    """Olivia's; nothing has begun yet."""
    return Phone(world, "olivia@acme.example")


def test_a_reload_gives_a_new_code_and_the_old_one_is_dead(world: World, phone: Phone) -> None:
    old = phone.come_back_by_password()
    new = come_again(phone)
    assert query_of(old)["code"] != query_of(new)["code"]
    assert said(phone.complete(old)) == REFUSED
    assert phone.complete(new).status_code == 200


def come_again(phone: Phone) -> str:
    """Opens the same address once more; this time the page asks."""
    page = phone.browser.get(phone.begun["authorization_url"])
    return link_on(phone.browser.submit(page, "state", button="Continue"))


def test_a_link_alone_gives_nobody_s_login_to_an_app(world: World, phone: Phone) -> None:
    """Mallory starts a login in an app of theirs and sends the address to somebody who has just logged in."""
    phone.start(method="password")
    phone.browser.log_in_by_password()
    for method in ("GET", "HEAD"):
        phone.browser.step(phone.begun["authorization_url"], method=method, headers={"Sec-Fetch-Site": "cross-site"})
    assert phone.attempt.code_hash is None
    page = phone.browser.get(f"/login/acme?next=%2Fnative%2Flogin%3Fstate%3D{phone.begun['state']}")
    assert "Continue" in page.text
    assert phone.attempt.code_hash is None


def test_who_types_a_password_for_the_app_is_told_so(phone: Phone) -> None:
    phone.start(method="password")
    page = phone.browser.get(phone.begun["authorization_url"])
    assert "You are logging in to the POINT app on your phone." in page.text
    assert "POINT app" not in phone.browser.get("/login/acme?next=/account").text


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (302, 400)])
def test_a_code_lives_five_minutes(world: World, phone: Phone, seconds: int, status: int) -> None:
    link = phone.come_back_by_password()
    world.clock.forward(seconds)
    answer = phone.complete(link)
    assert answer.status_code == status
    assert status == 200 or said(answer) == said(phone.complete(link)) == REFUSED


def test_a_browser_that_logged_out_meanwhile_takes_its_code_along(world: World, phone: Phone) -> None:
    link = phone.come_back_by_password()
    phone.browser.submit(phone.browser.get("/"), button="Log out")
    before = count_rows(world)
    for _ in range(2):
        assert said(phone.complete(link)) == (400, "code_refused", "session_ended")
    assert count_rows(world) == before


def test_somebody_who_was_removed_meanwhile_stays_outside(world: World, phone: Phone) -> None:
    link = phone.come_back_by_password()
    with world.services.db.writing() as connection:
        olivia = select(users.c.id).where(users.c.email == "olivia@acme.example").scalar_subquery()
        connection.execute(delete(members).where(members.c.user_id == olivia))
    assert said(phone.complete(link)) == (400, "code_refused", "session_ended")


def test_a_code_counts_for_its_own_login_alone(world: World, phone: Phone) -> None:
    """Mallory's code in Olivia's login would make Olivia's phone Mallory's."""
    mallory = Phone(world, "adam@acme.example")
    theirs = query_of(mallory.come_back_by_password())["code"]
    mine = phone.come_back_by_password()
    assert said(phone.complete(change_query(mine, code=theirs))) == REFUSED
    assert count_rows(world)["sessions"] == 2  # The two browsers'.


@pytest.mark.parametrize("code", ["x", "x" * 43, "%63"])
def test_a_code_that_nobody_gave_is_refused_and_uses_nothing_up(phone: Phone, code: str) -> None:
    link = phone.come_back_by_password()
    for _ in range(2):
        assert said(phone.complete(change_query(link, code=code))) == REFUSED
    assert phone.complete(link).status_code == 200


def test_before_the_page_has_given_a_code_there_is_none(world: World, phone: Phone) -> None:
    phone.start(method="password")
    phone.browser.get(phone.begun["authorization_url"])
    link = f"{LOGIN}?code=&state={phone.begun['state']}&iss={world.base}"
    assert said(phone.complete(link)) == (400, "deep_link_invalid", "missing_code")
    assert said(phone.complete(link.replace("code=", "code=x"))) == REFUSED


@pytest.mark.parametrize(("iss", "reason"), [(None, "issuer_missing"), ("https://acme.okta.com", "issuer_mismatch")])
def test_an_answer_has_to_say_that_it_is_from_here(world: World, phone: Phone, iss: str | None, reason: str) -> None:
    """RFC 9207: no Okta can answer in the place of POINT's page."""
    link = phone.come_back_by_password()
    assert said(phone.complete(change_query(link, iss=iss))) == (400, "issuer_confused", reason)
    assert said(phone.complete(link)) == USED


def test_a_code_of_the_page_is_none_at_okta_and_the_other_way_round(world: World, phone: Phone) -> None:
    alice = Phone(world)
    at_okta, here = alice.come_back(), phone.come_back_by_password()
    assert said(alice.complete(change_query(at_okta, code=query_of(here)["code"]))) == REFUSED
    assert said(phone.complete(change_query(here, code="x" * 43))) == REFUSED
    assert len(world.requests_to("/token")) == 1


def test_the_app_s_session_is_its_own(phone: Phone) -> None:
    """Both may be ended alone: the browser's logout leaves the app logged in."""
    phone.log_in_by_password()
    phone.browser.submit(phone.browser.get("/"), button="Log out")
    assert phone.is_logged_in()
    assert [each["kind"] for each in phone.ask("GET", "/sessions").json()["sessions"]] == ["phone"]
