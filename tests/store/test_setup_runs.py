"""Runs of the one-click set-up: one at a time, one holder, and nobody else's business."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.store.setup_runs import (
    DEAD_SECONDS,
    SetupRun,
    ask_to_stop,
    begin_run,
    find_known_ids,
    find_run,
    list_runs,
    save_run,
    take_run,
)  # fmt: skip
from tests.store.conftest import NOW, House

CHOICES = {"kinds": ["spa"], "sign_in": "redirect", "authorization_server": "auto", "revoke": False}
STEPS = [{"id": "token", "state": "waiting"}]
MADE = {"spa": {"did": "created", "id": "0oaSpa", "shelf": "/api/v1/apps"}}


def begin(house: House, organization: int, now: int = NOW) -> tuple[int, str]:
    with house.db.writing() as connection:
        return begin_run(
            connection, organization, domain="acme.okta.com", what="set_up", choices=CHOICES, steps=STEPS, who="olivia",
            now=now,
        )  # fmt: skip


def load(house: House, organization: int, run_id: int) -> SetupRun:
    with house.db.reading() as connection:
        run = find_run(connection, organization, run_id)
    assert run is not None
    return run


def save(house: House, run_id: int, holder: str, **changes: Any) -> str | None:
    known = {"steps": STEPS, "made": MADE, "now": NOW}
    with house.db.writing() as connection:
        return save_run(connection, run_id, holder, **{**known, **changes})


def take(house: House, organization: int, run_id: int, now: int) -> str:
    with house.db.writing() as connection:
        return take_run(connection, organization, run_id, what="set_up", choices=CHOICES, steps=STEPS, now=now)


def test_a_run_is_found_as_it_was_written(house: House) -> None:
    run_id, holder = begin(house, house.acme)
    assert save(house, run_id, holder, steps=[{"id": "token", "state": "done"}], now=NOW + 3) == "running"
    run = load(house, house.acme, run_id)
    assert (run.status, run.what, run.domain, run.started_by) == ("running", "set_up", "acme.okta.com", "olivia")
    assert (run.steps, run.made, run.choices) == ([{"id": "token", "state": "done"}], MADE, CHOICES)
    assert (run.started_at, run.beat_at, run.finished_at) == (NOW, NOW + 3, None)
    assert run.has_made_something()
    assert save(house, run_id, holder, now=NOW + 4, status="done") == "done"
    assert load(house, house.acme, run_id).finished_at == NOW + 4


def test_another_organization_sees_and_takes_nothing(house: House) -> None:
    run_id, holder = begin(house, house.acme)
    save(house, run_id, holder, status="done")
    with house.db.writing() as connection:
        assert find_run(connection, house.globex, run_id) is None
        assert find_run(connection, house.globex) is None
        assert list_runs(connection, house.globex) == []
        assert find_known_ids(connection, house.globex, "acme.okta.com") == {}
        assert ask_to_stop(connection, house.globex, run_id) is False
    with pytest.raises(Refused) as caught:
        take(house, house.globex, run_id, NOW)
    assert caught.value.problem is Problem.NOT_FOUND


def test_there_is_one_at_a_time_for_each_organization(house: House) -> None:
    begin(house, house.acme)
    begin(house, house.globex)
    with pytest.raises(Refused) as caught:
        begin(house, house.acme, NOW + DEAD_SECONDS)
    assert caught.value.problem is Problem.SET_UP_UNDER_WAY


def test_of_many_at_once_one_begins(house: House) -> None:
    ready = threading.Barrier(4)

    def try_it(_number: int) -> bool:
        ready.wait(10)
        try:
            begin(house, house.acme)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_it, range(4))) == 1


def test_without_a_sign_of_life_it_counts_as_stopped_and_can_be_taken_over(house: House) -> None:
    run_id, first = begin(house, house.acme)
    save(house, run_id, first)
    with pytest.raises(Refused):
        take(house, house.acme, run_id, NOW + DEAD_SECONDS)
    late = NOW + DEAD_SECONDS + 1
    assert load(house, house.acme, run_id).is_alive(NOW + DEAD_SECONDS)
    assert not load(house, house.acme, run_id).is_alive(late)
    second = take(house, house.acme, run_id, late)
    run = load(house, house.acme, run_id)
    assert (run.status, run.made) == ("running", MADE)
    assert save(house, run_id, first, made={}, now=late + 1) is None
    assert load(house, house.acme, run_id).made == MADE
    assert save(house, run_id, second, now=late + 2, status="done") == "done"


def test_a_new_run_marks_the_dead_one_as_stopped(house: House) -> None:
    run_id, holder = begin(house, house.acme)
    begin(house, house.acme, NOW + DEAD_SECONDS + 1)
    run = load(house, house.acme, run_id)
    assert (run.status, run.finished_at) == ("stopped", NOW)
    assert save(house, run_id, holder) is None


def test_asking_to_stop_is_heard_at_the_next_step(house: House) -> None:
    run_id, holder = begin(house, house.acme)
    with house.db.writing() as connection:
        assert ask_to_stop(connection, house.acme, run_id) is True
        assert ask_to_stop(connection, house.acme, run_id) is False
    assert save(house, run_id, holder) == "stopping"
    assert save(house, run_id, holder, status="stopped") == "stopped"
    with house.db.writing() as connection:
        assert ask_to_stop(connection, house.acme, run_id) is False


def test_what_earlier_runs_made_is_known_by_okta(house: House) -> None:
    for number, domain in enumerate(("acme.okta.com", "other.okta.com", "acme.okta.com")):
        with house.db.writing() as connection:
            run_id, holder = begin_run(
                connection, house.acme, domain=domain, what="set_up", choices=CHOICES, steps=STEPS, who="x", now=NOW
            )
        made = {"spa": {"did": "created", "id": f"0oa{number}"}, "native": {"did": "created"}}
        save(house, run_id, holder, made=made, status="done")
    with house.db.reading() as connection:
        assert find_known_ids(connection, house.acme, "acme.okta.com") == {"spa": "0oa2"}
        assert find_known_ids(connection, house.acme, "other.okta.com") == {"spa": "0oa1"}
        assert [run.made["spa"]["id"] for run in list_runs(connection, house.acme)] == ["0oa2", "0oa1", "0oa0"]
