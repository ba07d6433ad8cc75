"""Forged ID tokens and token answers (`cases/id_token_attacks.json`), each through a login of the app."""

from __future__ import annotations

from typing import Any

import pytest

from tests.native_bridge.steps import Phone, said, sent_to_okta
from tests.okta.forgery import by_id
from tests.web.steps import account_for, add_person, change_answer, count_rows
from tests.web.test_id_token_attacks import APART, CASES, EARLIER, accounts_of, attack
from tests.web.test_id_token_attacks import ELSEWHERE as NOT_FOR_US
from tests.world import World

ELSEWHERE = {
    **NOT_FOR_US,
    "IDT-125": "tests/native_bridge/test_proving.py::test_idt_125_an_okta_that_keeps_the_refresh_token_ends_nothing",
}
PHONE = [case for case in CASES if case["id"] not in APART | set(ELSEWHERE)]


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


def assert_refused(phone: Phone, reason: str, *, status: int = 502) -> None:
    """Nobody comes in, the app hears the reason, and the owner finds it; Okta was asked for tokens once."""
    world, before = phone.world, count_rows(phone.world)
    link, asked = phone.come_back(), sent_to_okta(world)
    answer = phone.complete(link)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert said(phone.complete(link)) == said(answer)
    assert count_rows(world) == before
    assert sent_to_okta(world) == asked + 1
    event = world.activity()[0]
    assert (event.what, event.reference) == ("login.refused", answer.json()["reference"])
    assert event.about["reason"] == reason


def test_every_case_is_proved_here_or_listed_with_a_reason() -> None:
    account_for(globals(), "IDT", CASES, ELSEWHERE)


@pytest.mark.parametrize("case", by_id([case for case in PHONE if case["expect"] == "reject"]))
def test_the_forged_token_lets_nobody_in(world: World, case: dict[str, Any]) -> None:
    attack(world, case["recipe"])
    assert_refused(Phone(world), EARLIER.get(case["id"], case["error"]))
    assert len(world.requests_to("/userinfo")) == ("userinfo" in case["recipe"].get("ctx", ""))
    assert len(world.requests_to("/keys")) <= 2  # An unknown kid asks once more, and only once.
    assert {request.path.split("/")[1] for request in world.sandbox.requests} <= {"oauth2", "login", ".well-known"}


@pytest.mark.parametrize("case", by_id([case for case in PHONE if case["expect"] == "accept"]))
def test_the_sound_token_lets_its_person_in(world: World, case: dict[str, Any]) -> None:
    attack(world, case["recipe"])
    assert Phone(world).log_in()["user"]["email"] == "alice@acme.example"
    assert world.activity()[0].what in ("login", "login.joined")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"access_token": ""}, "token_response_invalid"),
        ({"access_token": None}, "token_response_invalid"),
        ({"access_token": "a b"}, "token_response_invalid"),
        ({"id_token": None}, "id_token_missing"),
    ],
)
def test_idt_121_an_answer_without_a_token_that_can_be_used_lets_nobody_in(
    world: World, answer: Any, reason: str
) -> None:
    change_answer(world.sandbox, "/v1/token", lambda document: document.update(answer))
    assert_refused(Phone(world), reason)


def test_idt_88_a_sub_in_other_letters_is_another_person(world: World) -> None:
    add_person(world.sandbox, "dora@acme.example", "Dora", sub="00udoraabcdefgh12345")
    attack(world, {})
    dora = Phone(world, "dora@acme.example").log_in()["user"]
    attack(world, {"claims": {"sub": "$SUB_UPPER", "email": "dora.two@acme.example"}})
    other = Phone(world, "dora@acme.example").log_in()["user"]
    assert (other["email"], other["id"] == dora["id"]) == ("dora.two@acme.example", False)
    found = accounts_of(world)
    assert found["00udoraabcdefgh12345"] != found["00UDORAABCDEFGH12345"]


def test_idt_88_a_sub_in_other_letters_does_not_get_the_account_with_its_address(world: World) -> None:
    add_person(world.sandbox, "finn@acme.example", "Finn", sub="00ufinnabcdefgh12345")
    attack(world, {})
    Phone(world, "finn@acme.example").log_in()
    attack(world, {"claims": {"sub": "$SUB_UPPER"}})
    assert_refused(Phone(world, "finn@acme.example"), "account_of_another_sub", status=409)


@pytest.mark.parametrize("claimed", ["victim@acme.com", "adam@acme.example"])
def test_idt_89_the_sub_decides_whatever_address_comes_with_it(world: World, claimed: str) -> None:
    attack(world, {})
    alice = Phone(world).log_in()["user"]
    before = count_rows(world)
    attack(world, {"claims": {"email": claimed, "preferred_username": claimed.partition("@")[0]}})
    assert Phone(world).log_in()["user"] == alice
    assert count_rows(world) == {**before, "sessions": before["sessions"] + 1}


def test_idt_113_a_token_of_another_login_is_refused(world: World) -> None:
    issued: list[str] = []

    def replay(header: dict[str, Any], claims: dict[str, Any], signer: Any) -> str:
        issued.append(signer.encode(header, claims))
        return issued[0]

    world.sandbox.forge = replay
    assert Phone(world).log_in()["user"]["email"] == "alice@acme.example"
    assert_refused(Phone(world), "nonce_mismatch")
