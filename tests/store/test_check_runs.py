"""Runs of the checks: one at a time for each organization, their rows as they grow, the last 20; on both databases."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from portal.store.check_runs import (
    KEPT,
    LIFE_SECONDS,
    CheckRun,
    drop_run,
    find_latest_run,
    find_run,
    finish_run,
    save_rows,
    start_run,
    stop_run,
)
from tests.store.conftest import NOW, House, count

ROW = {"step": "domain", "verdict": "right", "cause": "", "found": "acme.okta.com", "expected": "", "at": NOW}


def start(house: House, *, now: int = NOW, subject: str = "live", print_: str = "a" * 64) -> tuple[int, bool]:
    with house.db.writing() as connection:
        return start_run(connection, house.acme, subject=subject, fingerprint=print_, who="olivia", now=now)


def finish(house: House, run_id: int, *, now: int = NOW) -> None:
    with house.db.writing() as connection:
        finish_run(connection, house.acme, run_id, okta_host="acme.okta.com", server_id="default", now=now)


def latest(house: House, **which: str | bool) -> CheckRun | None:
    with house.db.reading() as connection:
        return find_latest_run(connection, house.acme, **which)  # type: ignore[arg-type]


def test_a_run_grows_and_is_over(house: House) -> None:
    run_id, is_new = start(house)
    assert is_new
    begun = latest(house)
    assert begun is not None
    assert (begun.rows, begun.finished_at, begun.is_running(NOW)) == ([], None, True)
    with house.db.writing() as connection:
        save_rows(connection, house.acme, run_id, [ROW], now=NOW + 3)
    finish(house, run_id, now=NOW + 5)
    over = latest(house)
    assert over is not None
    assert over.rows == [ROW]
    assert (over.okta_host, over.server_id, over.who) == ("acme.okta.com", "default", "olivia")
    assert (over.started_at, over.beat_at, over.finished_at) == (NOW, NOW + 5, NOW + 5)
    assert not over.is_running(NOW + 5)


def test_a_second_start_finds_the_run_under_way(house: House) -> None:
    first, _ = start(house)
    assert start(house, subject="draft", now=NOW + 5) == (first, False)
    finish(house, first)
    assert start(house)[1]


def test_a_run_without_a_sign_of_life_is_in_nobodys_way(house: House) -> None:
    first, _ = start(house)
    with house.db.writing() as connection:
        save_rows(connection, house.acme, first, [ROW], now=NOW + 9)
    assert start(house, now=NOW + 8 + LIFE_SECONDS) == (first, False)
    second, is_new = start(house, now=NOW + 9 + LIFE_SECONDS)
    assert is_new
    assert second > first


def test_eight_presses_at_once_are_one_run(house: House) -> None:
    together, found = Barrier(8), []

    def press() -> None:
        together.wait()
        found.append(start(house))

    threads = [Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(is_new for _, is_new in found) == [False] * 7 + [True]
    assert len({run_id for run_id, _ in found}) == 1


def test_the_last_twenty_are_kept_and_another_organization_keeps_its_own(house: House) -> None:
    with house.db.writing() as connection:
        start_run(connection, house.globex, subject="live", fingerprint="b", who="gus", now=NOW)
    made = []
    for number in range(KEPT + 3):
        made.append(start(house, now=NOW + number)[0])
        finish(house, made[-1])
    with house.db.reading() as connection:
        assert count(connection, "check_runs") == KEPT + 1
        assert find_run(connection, house.acme, made[2]) is None
        assert find_run(connection, house.acme, made[3]) is not None


def test_a_run_is_nothing_to_another_organization(house: House) -> None:
    run_id, _ = start(house)
    with house.db.writing() as connection:
        save_rows(connection, house.globex, run_id, [ROW], now=NOW)
        finish_run(connection, house.globex, run_id, okta_host="x", server_id="x", now=NOW)
        drop_run(connection, house.globex, run_id)
        assert find_run(connection, house.globex, run_id) is None
        assert find_latest_run(connection, house.globex) is None
    kept = latest(house)
    assert kept is not None
    assert (kept.rows, kept.finished_at) == ([], None)


def test_the_newest_is_found_by_subject_by_settings_and_by_being_over(house: House) -> None:
    draft, _ = start(house, subject="draft", print_="d" * 64)
    finish(house, draft)
    live, _ = start(house, print_="e" * 64)
    for which, expected in (
        ({}, live),
        ({"subject": "draft"}, draft),
        ({"subject": "live"}, live),
        ({"subject": "draft", "finished": True}, draft),
        ({"subject": "draft", "fingerprint": "e" * 64}, live),
        ({"finished": True}, draft),
    ):
        found = latest(house, **which)  # type: ignore[arg-type]
        assert found is not None
        assert found.id == expected, which
    assert latest(house, subject="live", finished=True) is None


def test_a_run_that_came_to_grief_is_not_over_and_in_nobodys_way(house: House) -> None:
    run_id, _ = start(house)
    with house.db.writing() as connection:
        save_rows(connection, house.acme, run_id, [ROW], now=NOW)
        stop_run(connection, house.acme, run_id)
    stopped = latest(house)
    assert stopped is not None
    assert (stopped.rows, stopped.finished_at, stopped.is_running(NOW)) == ([ROW], None, False)
    assert start(house)[1]


@pytest.mark.parametrize("before", ["running", "over"])
def test_a_run_that_could_not_begin_leaves_nothing(house: House, before: str) -> None:
    run_id, _ = start(house)
    if before == "over":
        finish(house, run_id)
    with house.db.writing() as connection:
        drop_run(connection, house.acme, run_id)
    assert latest(house) is None
