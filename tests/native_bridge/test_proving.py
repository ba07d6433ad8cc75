"""A session of the app proves itself at Okta every ten minutes of use: whom Okta has put out is out here too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from okta_sandbox import RawAnswer
from portal.logins import read_tokens
from portal.store.models import sessions
from tests.native_bridge.steps import Phone, said
from tests.web.steps import take_over
from tests.world import World

OUT = (401, "token_refused", "okta_ended")


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    """Alice's, logged in for longer than a proof counts."""
    phone = Phone(world)
    phone.log_in()
    world.clock.forward(601)
    return phone


def asked(world: World) -> list[Any]:
    """The refreshes that Okta was asked for."""
    return [call for call in world.requests_to("/token") if call.form["grant_type"] == ["refresh_token"]]


def kept(world: World) -> dict[str, str]:
    with world.services.db.reading() as connection:
        [row] = connection.execute(sessions.select().where(sessions.c.kind == "phone"))
    return read_tokens(world.services, row.id_hash, row.sealed_tokens)


def test_a_proof_counts_for_ten_minutes(world: World) -> None:
    phone = Phone(world)
    phone.log_in()
    world.clock.forward(580)
    assert phone.refresh().status_code == 200
    assert asked(world) == []


def test_rp_31_73_after_that_okta_is_asked_once_with_the_newest_token_each_time(world: World, phone: Phone) -> None:
    [app] = [each for each in world.sandbox.apps.values() if each.client_id == world.sandbox.client_id("native")]
    app.oauth["refresh_token"] = {"rotation_type": "ROTATE", "leeway": 30}
    used = []
    for _ in range(3):
        before = kept(world)["refresh_token"]
        assert phone.refresh().status_code == 200
        assert phone.refresh().status_code == 200
        used.append(before)
        world.clock.forward(601)
    assert [call.form["refresh_token"][0] for call in asked(world)] == used
    assert len(set(used)) == 3
    assert kept(world)["refresh_token"] not in used
    phone.refresh()
    assert phone.log_out(okta=True).json()["logout_url"]


def test_idt_125_an_okta_that_keeps_the_refresh_token_ends_nothing(world: World, phone: Phone) -> None:
    world.sandbox.app(world.sandbox.client_id("native")).oauth["refresh_token"] = {"rotation_type": "STATIC"}
    world.sandbox.fault("refresh_no_new_token")
    old = kept(world)["refresh_token"]
    for _ in range(2):
        assert phone.refresh().status_code == 200
        world.clock.forward(601)
    assert [call.form["refresh_token"] for call in asked(world)] == [[old]] * 2
    assert (kept(world)["refresh_token"], phone.is_logged_in()) == (old, False)
    assert phone.refresh().status_code == 200


def test_somebody_whom_okta_has_deactivated_is_out(world: World, phone: Phone) -> None:
    world.sandbox.deactivate("alice@acme.example")
    assert said(phone.refresh()) == OUT
    assert said(phone.ask("GET", "/me"))[0] == 401
    assert said(phone.refresh()) == OUT
    assert len(asked(world)) == 1
    event = world.activity()[0]
    assert (event.what, event.about["reason"]) == ("session.okta_ended", "refresh_refused")


def test_somebody_who_is_no_longer_assigned_is_out(world: World, phone: Phone) -> None:
    world.sandbox.assign("alice@acme.example", world.sandbox.client_id("native"), on=False)
    assert said(phone.refresh()) == OUT


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("refresh_wrong_issuer", "issuer_mismatch"), ("refresh_wrong_sub", "subject_mismatch")],
    ids=["RP-32 another issuer", "RP-33 another person"],
)
def test_a_new_id_token_of_somebody_else_ends_it(world: World, phone: Phone, fault: str, reason: str) -> None:
    world.sandbox.fault(fault)
    assert said(phone.refresh()) == OUT
    assert world.activity()[0].about["reason"] == reason


AWAY = [RawAnswer(200, reset=True), RawAnswer(503), RawAnswer(429), RawAnswer(200, [], b"?")]


@pytest.mark.parametrize("answer", AWAY, ids=["gone", "503", "429", "nonsense"])
def test_while_okta_is_away_people_stay_for_an_hour(world: World, phone: Phone, answer: RawAnswer) -> None:
    take_over(world.sandbox, "/token", answer)
    assert phone.refresh().status_code == 200
    world.clock.forward(world.settings.away_seconds)
    refused = phone.refresh()
    assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (503, "okta_unreachable", True)
    assert phone.refresh().status_code == 503  # Asking again at once is no way around it.
    world.sandbox.answer = lambda request: None
    world.clock.forward(16)
    assert phone.refresh().status_code == 200
    assert phone.is_logged_in()


def test_an_okta_that_is_away_is_not_asked_by_everybody(world: World, phone: Phone) -> None:
    take_over(world.sandbox, "/token", RawAnswer(503))
    for _ in range(5):
        assert phone.refresh().status_code == 200
    assert len(asked(world)) == 1


@pytest.mark.parametrize("slept", [0, 8 * 3600], ids=["in use", "after a night"])
def test_twenty_at_once_ask_okta_once(world: World, phone: Phone, slept: int) -> None:
    world.clock.forward(slept)
    world.sandbox.delay_ms = 100
    token = phone.tokens["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: phone.call("POST", "/token", {"refresh_token": token}), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(asked(world)) == 1


def test_a_login_by_password_is_nobody_s_to_prove_again(world: World) -> None:
    olivia = Phone(world, "olivia@acme.example")
    olivia.log_in_by_password()
    world.clock.forward(601)
    assert olivia.refresh().status_code == 200
    assert asked(world) == []
