"""The life of an app's login: created, completed, failed, expired; what each says a second time, and to strangers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.native_bridge.steps import LOGIN, USED, Phone, said, sent_to_okta
from tests.web.steps import change_query, count_rows, query_of
from tests.world import World


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world)


# -- completed ---------------------------------------------------------------------------------------------------------


def test_a_login_is_created_then_completed_and_only_its_hashes_are_kept(world: World, phone: Phone) -> None:
    link = phone.come_back()
    created = phone.attempt
    assert (created.status, created.purpose, created.flow, created.link_hash) == ("created", "login", "okta", None)
    answer = phone.complete(link)
    done = phone.attempt
    assert (done.status, done.failure) == ("completed", None)
    assert done.created_at <= (done.returned_at or 0) <= (done.ended_at or 0) <= world.services.now()
    kept = b"|".join([done.sealed_attempt, done.answer or b"", done.link_hash or b"", done.state_hash])
    for secret in (*query_of(link).values(), answer.json()["access_token"], answer.json()["refresh_token"]):
        assert secret.encode() not in kept


@pytest.mark.parametrize("seconds", [0, 29])
def test_a_lost_answer_is_given_again_byte_for_byte(world: World, phone: Phone, seconds: int) -> None:
    link = phone.come_back()
    answer = phone.complete(link)
    world.clock.forward(seconds)
    again = phone.complete(link)
    assert (again.status_code, again.content) == (200, answer.content)
    assert sent_to_okta(world) == count_rows(world)["sessions"] == 1
    assert phone.refresh(answer.json()["refresh_token"]).status_code == 200


def test_after_half_a_minute_the_same_link_is_used(world: World, phone: Phone) -> None:
    link = phone.come_back()
    phone.complete(link)
    world.clock.forward(31)
    assert said(phone.complete(link)) == USED
    assert phone.is_logged_in()


@pytest.mark.parametrize("change", [{"code": "another"}, {"code": None, "error": "access_denied"}, {"foo": "bar"}])
def test_another_link_for_a_login_that_is_over_is_used(world: World, phone: Phone, change: dict[str, Any]) -> None:
    link = phone.come_back()
    phone.complete(link)
    assert said(phone.complete(change_query(link, **change))) == USED
    assert sent_to_okta(world) == 1
    assert phone.is_logged_in()


def test_the_answer_is_for_the_app_with_the_verifier_alone(world: World, phone: Phone) -> None:
    link = phone.come_back()
    phone.complete(link)
    assert said(Phone(world).complete(link)) == (400, "attempt_unknown", "state_other_device")
    assert phone.complete(link).status_code == 200


# -- failed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, 300])
@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("wrong_nonce", (502, "id_token_refused", "nonce_mismatch")),
        ("email_not_verified", (403, "email_not_verified", "email_not_verified")),
        ("token_200_error", (502, "okta_answer_invalid", "token_error")),
    ],
)
def test_a_login_that_failed_says_so_again_and_is_never_tried_twice(
    world: World, phone: Phone, fault: str, problem: tuple[int, str, str], seconds: int
) -> None:
    link = phone.come_back()
    world.sandbox.fault(fault)
    assert said(phone.complete(link)) == problem
    assert (phone.attempt.status, phone.attempt.answer) == ("failed", None)
    world.sandbox.clear_faults()
    world.clock.forward(seconds)
    assert said(phone.complete(link)) == problem
    assert said(phone.complete(change_query(link, code="another"))) == USED
    assert (sent_to_okta(world), count_rows(world)["sessions"]) == (1, 0)
    assert sum(event.what == "login.refused" for event in world.activity()) == 1


def test_somebody_without_the_app_is_told_so_each_time(world: World) -> None:
    ben = Phone(world, "ben@acme.example")
    link = ben.come_back()
    assert query_of(link)["error"] == "access_denied"
    for _ in range(2):
        assert said(ben.complete(link)) == (403, "login_not_assigned", "op_access_denied")
    assert sent_to_okta(world) == 0


# -- expired -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["code={code}", "error=access_denied"])
def test_a_login_that_took_too_long_is_expired_and_nothing_is_sent(world: World, phone: Phone, query: str) -> None:
    link = phone.come_back()
    sent = f"{LOGIN}?{query.format(**query_of(link))}&state={query_of(link)['state']}"
    world.clock.forward(600)
    for _ in range(2):
        assert said(phone.complete(sent)) == (400, "attempt_expired", "state_expired")
    assert said(phone.complete(link + "&foo=bar")) == (400, "attempt_expired", "state_expired")
    assert (sent_to_okta(world), world.activity()[0].what) == (0, "okta.saved")
    assert world.app.test_cli_runner().invoke(args=["maintenance"]).exit_code == 0
    world.clock.forward(601)
    assert world.app.test_cli_runner().invoke(args=["maintenance"]).exit_code == 0
    assert said(phone.complete(sent)) == (400, "attempt_unknown", "unknown_state")


def test_a_login_is_good_until_its_last_second(world: World, phone: Phone) -> None:
    link = phone.come_back()
    world.clock.ahead += phone.attempt.created_at + 599 - world.clock()
    world.sandbox.grants.codes.clear()  # Okta's own code is long gone by then.
    assert said(phone.complete(link)) == (400, "code_refused", "code_rejected_by_op")


# -- strangers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["error=access_denied&state=native-x", "error=access_denied", "code=1&state=2", ""])
def test_a_stranger_s_link_changes_nothing(world: World, phone: Phone, query: str) -> None:
    link = phone.come_back()
    assert said(phone.complete(f"{LOGIN}?{query}"))[1] in ("attempt_unknown", "deep_link_invalid")
    assert phone.attempt.status == "created"
    assert phone.complete(link).status_code == 200


@pytest.mark.parametrize("verifier", ["x" * 43, "~" * 128, "another phone's"])
@pytest.mark.parametrize("query", ["code={code}&state={state}", "error=access_denied&state={state}"])
def test_without_the_verifier_a_stolen_link_ends_nothing(world: World, phone: Phone, query: str, verifier: str) -> None:
    link = phone.come_back()
    thief = Phone(world, "olivia@acme.example")
    thief.come_back()
    thief.verifier = thief.verifier if verifier == "another phone's" else verifier
    stolen = f"{LOGIN}?{query.format(**query_of(link))}"
    assert said(thief.complete(stolen)) == (400, "attempt_unknown", "state_other_device")
    assert (sent_to_okta(world), world.activity()[0].what) == (0, "okta.saved")
    assert phone.complete(link).status_code == 200


@pytest.mark.parametrize("verifier", ["", "x" * 42, "x" * 129, "ä" * 43, None, 43])
def test_what_is_no_verifier_is_said_with_its_field(world: World, phone: Phone, verifier: Any) -> None:
    link = phone.come_back()
    answer = phone.complete(link, code_verifier=verifier)
    assert (said(answer)[:2], answer.json()["field"]) == ((422, "field_invalid"), "code_verifier")
    assert phone.complete(link).status_code == 200


def test_the_state_of_a_logout_finishes_no_login(world: World, phone: Phone) -> None:
    phone.log_in()
    state = phone.log_out(okta=True).json()["state"]
    assert said(phone.complete(f"{LOGIN}?code=1&state={state}")) == (400, "attempt_unknown", "wrong_flow")


def test_a_code_of_one_way_is_not_taken_for_another_s(world: World, phone: Phone) -> None:
    for link, foreign in ((phone.come_back(), "interaction_code"), (phone.come_back_embedded(), "code")):
        query = query_of(link)
        wrong = f"{LOGIN}?{foreign}=abc&state={query['state']}"
        assert said(phone.complete(wrong)) == (400, "deep_link_invalid", "wrong_flow")
        assert phone.complete(link).status_code == 200


@pytest.mark.parametrize("answer", ["error=interaction_required", "otp=123456"])
def test_a_sign_in_that_goes_on_in_the_app_stays_open(world: World, phone: Phone, answer: str) -> None:
    link = phone.come_back_embedded()
    sent = f"{LOGIN}?{answer}&state={query_of(link)['state']}"
    assert said(phone.complete(sent)) == (400, "login_required_at_okta", "op_interaction_required")
    assert phone.complete(link).status_code == 200
