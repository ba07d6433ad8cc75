"""Forged ID tokens and token answers (`cases/id_token_attacks.json`), each through the whole login."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from portal.store.members import find_user
from portal.store.models import identities
from tests.okta.forgery import by_id, forge, load_cases, test_keys
from tests.web.steps import account_for, add_person, assert_anonymous, assert_refused, change_answer, count_rows
from tests.world import Visitor, World

CASES = load_cases("id_token_attacks")
# Cases that need more than one login, or something of the surroundings: each has a test of its own below.
APART = {"IDT-88", "IDT-89", "IDT-113"}
CHECK = "tests/okta/test_id_token.py::test_the_verdict_of_the_case_holds"
ORDERS = "tests/web/test_universal_logout.py::"
FORGED_ORDER = f"{ORDERS}test_an_order_that_might_be_anybody_s_is_401"
ELSEWHERE = {
    "IDT-106": f"no login of ours sends max_age; the check: {CHECK}",
    "IDT-107": f"no login of ours sends acr_values; the check: {CHECK}",
    "IDT-125": "tests/web/test_sessions_follow_okta.py::test_idt_125_an_okta_that_keeps_the_refresh_token_ends_nothing",
    # Okta has no logout tokens; its orders (Universal Logout) are checked alike.
    "IDT-126": f"{ORDERS}test_an_order_ends_every_session_of_the_person_web_and_phone",
    **{f"IDT-{number}": FORGED_ORDER for number in (127, 129, 133)},
    "IDT-131": f"{ORDERS}test_idt_131_rp_47_the_id_token_of_a_login_is_no_order",
    "IDT-135": f"{ORDERS}test_an_order_counts_once",
    "IDT-136": f"{ORDERS}test_idt_136_an_order_of_an_hour_ago_is_401",
}
WEB = [case for case in CASES if case["id"] not in APART | set(ELSEWHERE)]
# What `ctx` arranges: faults of the sandbox, and members of the token answer.
FAULTS = {
    "userinfo sub differs": ("no_email", "userinfo_wrong_sub"),
    "token_type=mac": ("token_type_mac",),
    "200+error": ("token_200_error",),
}
# The reader of the token answer is stricter than the case and speaks first: white space, and more than 16 kB.
EARLIER = {"IDT-55": "token_response_invalid", "IDT-64": "token_response_invalid"}
MEMBERS = {"access_token=123": {"access_token": 123}, "scope=profile": {"scope": "profile"}}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


def attack(world: World, recipe: dict[str, Any]) -> None:
    """From now on Acme's Okta signs with the keys of the cases, and what the recipe says."""
    keys = test_keys()

    def sign(header: dict[str, Any], claims: dict[str, Any], _signer: Any) -> str:
        access_token = list(world.sandbox.grants.access_tokens)[-1]
        honest = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
        return forge(recipe, header=honest, claims=claims, keys=keys, access_token=access_token)

    def change(document: dict[str, Any]) -> None:
        if "keys" in document:
            document["keys"] = keys.jwks()["keys"]
        else:
            document.update(MEMBERS.get(recipe.get("ctx", ""), {}))

    for fault in FAULTS.get(recipe.get("ctx", ""), ()):
        world.sandbox.fault(fault)
    world.sandbox.forge = sign
    change_answer(world.sandbox, ("/v1/keys", "/v1/token"), change)


def test_every_case_is_proved_here_or_listed_with_a_reason() -> None:
    account_for(globals(), "IDT", CASES, ELSEWHERE)


@pytest.mark.parametrize("case", by_id([case for case in WEB if case["expect"] == "reject"]))
def test_the_forged_token_logs_nobody_in(world: World, case: dict[str, Any]) -> None:
    attack(world, case["recipe"])
    before = count_rows(world)
    alice = world.alice
    assert_refused(world, alice.log_in(next_="/account"), EARLIER.get(case["id"], case["error"]), status=502)
    assert_anonymous(alice)
    assert count_rows(world) == before
    assert len(world.requests_to("/token")) == 1
    assert len(world.requests_to("/userinfo")) == ("userinfo" in case["recipe"].get("ctx", ""))
    assert len(world.requests_to("/keys")) <= 2  # An unknown kid asks once more, and only once.
    assert {request.path.split("/")[1] for request in world.sandbox.requests} <= {"oauth2", "login", ".well-known"}


@pytest.mark.parametrize("case", by_id([case for case in WEB if case["expect"] == "accept"]))
def test_the_sound_token_logs_its_person_in(world: World, case: dict[str, Any]) -> None:
    attack(world, case["recipe"])
    alice = world.alice
    assert alice.log_in(next_="/account").url == f"{world.base}/account"
    assert alice.session()["email"] == "alice@acme.example"
    assert world.activity()[0].what in ("login", "login.joined")


@pytest.mark.parametrize(
    "answer", [{"access_token": ""}, {"access_token": None}, {"access_token": "a b"}, {"id_token": None}]
)
def test_idt_121_an_answer_without_a_token_that_can_be_used_logs_nobody_in(world: World, answer: Any) -> None:
    change_answer(world.sandbox, "/v1/token", lambda document: document.update(answer))
    alice = world.alice
    assert_refused(world, alice.log_in(), "token_response_invalid", "id_token_missing", status=502)
    assert_anonymous(alice)


def accounts_of(world: World) -> dict[str, int]:
    """The user of each sub at Acme's Okta."""
    known = select(identities.c.sub, identities.c.user_id).where(identities.c.issuer == world.okta)
    with world.services.db.reading() as connection:
        return {row.sub: row.user_id for row in connection.execute(known)}


def test_idt_88_a_sub_in_other_letters_is_another_person(world: World) -> None:
    add_person(world.sandbox, "dora@acme.example", "Dora", sub="00udoraabcdefgh12345")
    attack(world, {})
    world.person("dora@acme.example").log_in()
    attack(world, {"claims": {"sub": "$SUB_UPPER", "email": "dora.two@acme.example"}})
    other = world.person("dora@acme.example")
    other.log_in()
    assert other.session()["email"] == "dora.two@acme.example"
    found = accounts_of(world)
    assert found["00udoraabcdefgh12345"] != found["00UDORAABCDEFGH12345"]


def test_idt_88_a_sub_in_other_letters_does_not_get_the_account_with_its_address(world: World) -> None:
    add_person(world.sandbox, "finn@acme.example", "Finn", sub="00ufinnabcdefgh12345")
    attack(world, {})
    world.person("finn@acme.example").log_in()
    attack(world, {"claims": {"sub": "$SUB_UPPER"}})
    other = world.person("finn@acme.example")
    assert_refused(world, other.log_in(), "account_of_another_sub", status=409)
    assert_anonymous(other)


@pytest.mark.parametrize("claimed", ["victim@acme.com", "adam@acme.example"])
def test_idt_89_the_sub_decides_whatever_address_comes_with_it(world: World, claimed: str) -> None:
    attack(world, {})
    world.alice.log_in()
    before = count_rows(world)
    attack(world, {"claims": {"email": claimed, "preferred_username": claimed.partition("@")[0]}})
    alice: Visitor = world.alice
    alice.log_in()
    assert alice.session()["email"] == "alice@acme.example"
    assert count_rows(world) == {**before, "sessions": before["sessions"] + 1}
    with world.services.db.reading() as connection:
        victim = find_user(connection, claimed)
    assert victim is None or victim.id not in accounts_of(world).values()


def test_idt_113_a_token_of_another_login_is_refused(world: World) -> None:
    issued: list[str] = []

    def replay(header: dict[str, Any], claims: dict[str, Any], signer: Any) -> str:
        issued.append(signer.encode(header, claims))
        return issued[0]

    world.sandbox.forge = replay
    alice, again = world.alice, world.alice
    alice.log_in()
    assert alice.session()["authenticated"] is True
    assert_refused(world, again.log_in(), "nonce_mismatch", status=502)
    assert_anonymous(again)
