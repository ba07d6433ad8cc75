"""Test logins as they are stored: one return counts, and what passed is found for whom it passed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from portal.store.members import add_member
from portal.store.trial_logins import (
    add_trial,
    begin_sign_out,
    claim_trial,
    end_sign_out,
    find_passed,
    find_trial,
    find_trial_by_name,
    find_trial_by_state,
    finish_trial,
    forget_secrets,
    list_trials,
    remove_old_trials,
    start_trial,
)
from tests.store.conftest import NOW, House

KEY, STATE, BROWSER, OUT = b"k" * 32, b"s" * 32, b"b" * 32, b"o" * 32


def add(connection: Connection, organization: int, number: int = 0, **changes: Any) -> bytes:
    """A test login of these settings; answers the hash of its key."""
    key = bytes([number]) + KEY[1:]
    row = {
        "key_hash": key, "name": f"name-{number}", "subject": "live", "app": "spa", "fingerprint": "f" * 64,
        "who": "olivia@acme.example", "user_id": None, "browser_hash": BROWSER, "now": NOW + number,
    }  # fmt: skip
    add_trial(connection, organization, **{**row, **changes})
    return key


def start(connection: Connection, key: bytes, state: bytes = STATE, **changes: Any) -> bool:
    row = {"sealed_attempt": b"sealed", "tested_hash": BROWSER, "stages": "[1]", "now": NOW}
    return start_trial(connection, key, state_hash=state, **{**row, **changes})


def finish(connection: Connection, key: bytes, **changes: Any) -> bool:
    row = {"was": ("created", "started", "running"), "passed": True, "email": "olivia@acme.example", "stages": "[2]"}
    row |= {"reference": "AB", "now": NOW + 9, "sealed_tokens": b"tokens"}
    return finish_trial(connection, key, **{**row, **changes})


def test_a_test_login_goes_through_its_states(house: House) -> None:
    with house.db.writing() as connection:
        key = add(connection, house.acme)
        made = find_trial(connection, key)
        assert made is not None
        assert (made.status, made.passed, made.stages, made.state_hash) == ("created", None, "[]", None)
        assert start(connection, key)
        assert find_trial_by_state(connection, STATE) == find_trial(connection, key)
        assert claim_trial(connection, key, state_hash=STATE, now=NOW)
        running = find_trial(connection, key)
        assert running is not None
        assert (running.status, running.sealed_attempt, running.claimed_at) == ("running", None, NOW)
        assert finish(connection, key)
        done = find_trial(connection, key)
        assert done is not None
        assert (done.status, done.passed, done.stages, done.reference) == ("done", True, "[2]", "AB")


def test_one_return_counts_and_one_end(house: House) -> None:
    with house.db.writing() as connection:
        key = add(connection, house.acme)
        start(connection, key)
        claims = [claim_trial(connection, key, state_hash=STATE, now=NOW) for _ in range(3)]
        assert claims == [True, False, False]
        assert not start(connection, key, b"t" * 32)
        assert [finish(connection, key), finish(connection, key, passed=False)] == [True, False]


def test_going_to_okta_again_replaces_the_way_before(house: House) -> None:
    with house.db.writing() as connection:
        key = add(connection, house.acme)
        assert start(connection, key)
        assert start(connection, key, b"t" * 32)
        assert find_trial_by_state(connection, STATE) is None
        assert not claim_trial(connection, key, state_hash=STATE, now=NOW)
        assert claim_trial(connection, key, state_hash=b"t" * 32, now=NOW)


def test_another_organization_finds_none(house: House) -> None:
    with house.db.writing() as connection:
        finish(connection, add(connection, house.acme))
        assert find_trial_by_name(connection, house.acme, "name-0") is not None
        assert find_trial_by_name(connection, house.globex, "name-0") is None
        assert list_trials(connection, house.globex) == []
        assert find_passed(connection, house.globex, fingerprint="f" * 64) is None


def test_the_newest_come_first_and_not_all_of_them(house: House) -> None:
    with house.db.writing() as connection:
        for number in range(5):
            add(connection, house.acme, number)
        assert [trial.name for trial in list_trials(connection, house.acme, limit=3)] == ["name-4", "name-3", "name-2"]


@pytest.mark.parametrize(
    ("made", "ended", "asked"),
    [
        ({}, {"passed": False}, {}),
        ({}, {}, {"fingerprint": "0" * 64}),
        ({}, {}, {"app": "native"}),
        ({"app": "native"}, {}, {}),
        ({}, {}, {"since": NOW + 10}),
        ({}, {}, {"browser_hash": b"x" * 32}),
        ({"browser_hash": b"x" * 32}, {}, {"browser_hash": BROWSER}),
        ({"browser_hash": b"x" * 32}, {}, {"browser_hash": b"x" * 32}),
        ({"browser_hash": None}, {}, {"browser_hash": BROWSER}),
    ],
)
def test_what_did_not_pass_or_not_for_them_is_not_found(
    house: House, made: dict[str, Any], ended: dict[str, Any], asked: dict[str, Any]
) -> None:
    with house.db.writing() as connection:
        key = add(connection, house.acme, **made)
        start(connection, key)
        finish(connection, key, **ended)
        assert find_passed(connection, house.acme, **{"fingerprint": "f" * 64, **asked}) is None


def test_it_counts_for_its_person_only_with_the_address_that_okta_vouched_for(house: House) -> None:
    with house.db.writing() as connection:
        olivia = add_member(connection, house.acme, "olivia@acme.example", role="owner", now=NOW)
        adam = add_member(connection, house.acme, "adam@acme.example", role="admin", now=NOW)
        for number, email in enumerate(["olivia@acme.example", "alice@acme.example"]):
            key = add(connection, house.acme, number, user_id=olivia)
            start(connection, key, bytes([number]) * 32)
            finish(connection, key, email=email, now=NOW + number)
        wanted = {"fingerprint": "f" * 64, "browser_hash": BROWSER}
        anybody = find_passed(connection, house.acme, **wanted)  # type: ignore[arg-type]
        assert anybody is not None
        assert anybody.email == "alice@acme.example"
        mine = find_passed(connection, house.acme, user_id=olivia, **wanted)  # type: ignore[arg-type]
        assert mine is not None
        assert (mine.name, mine.app, mine.email, mine.finished_at) == ("name-0", "spa", "olivia@acme.example", NOW)
        assert find_passed(connection, house.acme, user_id=adam, **wanted) is None  # type: ignore[arg-type]


def test_signing_out_begins_once_ends_once_and_forgets_the_tokens(house: House) -> None:
    with house.db.writing() as connection:
        key = add(connection, house.acme)
        finish(connection, key)
        begun = [begin_sign_out(connection, key, sign_out_hash=OUT, stages="[]") for _ in range(2)]
        assert begun == [True, False]
        trial = find_trial(connection, key)
        assert trial is not None
        assert trial.sealed_tokens is None
        assert trial.sign_out_waits
        ended = [end_sign_out(connection, OUT), end_sign_out(connection, OUT), end_sign_out(connection, b"x" * 32)]
        assert [each is not None for each in ended] == [True, False, False]


def test_secrets_are_forgotten_after_minutes_and_the_rest_after_a_month(house: House) -> None:
    with house.db.writing() as connection:
        begun, over = add(connection, house.acme, 0), add(connection, house.acme, 1)
        start(connection, begun)
        start(connection, over, b"t" * 32)
        finish(connection, over)
        assert forget_secrets(connection, before=NOW) == 0
        assert forget_secrets(connection, before=NOW + 1) == 1
        assert forget_secrets(connection, before=NOW + 10) == 1
        found = [find_trial(connection, key) for key in (begun, over)]
        assert [(each.sealed_attempt, each.sealed_tokens) for each in found if each] == [(None, None)] * 2
        assert remove_old_trials(connection, before=NOW + 1) == 1
        assert [trial.name for trial in list_trials(connection, house.acme)] == ["name-1"]
