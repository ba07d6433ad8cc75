"""Which integrations are due to be looked at again, and that each is claimed once; on both databases."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from portal.store.check_watches import (
    DAY,
    DueWatch,
    Watched,
    begin_watches,
    claim_watch,
    find_watched,
    list_due_watches,
    list_owners,
    next_watch,
    save_watched,
)
from portal.store.integrations import delete_integration, restore_integration
from portal.store.members import add_member
from tests.store.conftest import NOW, House


def due(house: House, now: int = NOW) -> list[int]:
    with house.db.writing() as connection:
        begin_watches(connection, now=now)
        return [each.organization_id for each in list_due_watches(connection, now=now, most=10)]


def test_what_is_live_is_due_at_once_and_then_a_day_later(house: House) -> None:
    assert due(house) == []
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
    assert due(house) == [house.acme]
    assert due(house) == [house.acme], "looking does not claim"
    with house.db.writing() as connection:
        assert claim_watch(connection, DueWatch(house.acme, NOW), now=NOW)
    assert due(house) == []
    again = next_watch(house.acme, NOW)
    assert NOW < again <= NOW + DAY
    assert due(house, again - 1) == []
    assert due(house, again) == [house.acme]


def test_a_deleted_integration_is_not_due_until_it_is_back(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        house.connect(connection, house.globex)
        delete_integration(connection, house.globex, who="gus", now=NOW)
    assert due(house) == [house.acme]
    with house.db.writing() as connection:
        restore_integration(connection, house.globex, who="gus", now=NOW)
    assert due(house) == [house.acme, house.globex]
    with house.db.writing() as connection:
        delete_integration(connection, house.globex, who="gus", now=NOW)
    assert due(house) == [house.acme], "it has a row, and is not asked all the same"


def test_those_that_waited_longest_come_first_and_only_so_many(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        begin_watches(connection, now=NOW)
        house.connect(connection, house.globex)
        begin_watches(connection, now=NOW - 5)
        found = list_due_watches(connection, now=NOW, most=1)
    assert [each.organization_id for each in found] == [house.globex]


def test_of_eight_processes_one_gets_it(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        begin_watches(connection, now=NOW)
    together, got = Barrier(8), []

    def claim() -> None:
        together.wait()
        with house.db.writing() as connection:
            begin_watches(connection, now=NOW)
        with house.db.writing() as connection:
            got.append(claim_watch(connection, DueWatch(house.acme, NOW), now=NOW))

    threads = [Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_eight_processes_may_find_a_new_integration_at_once(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
    together, begun = Barrier(8), []

    def begin() -> None:
        together.wait()
        with house.db.writing() as connection:
            begun.append(begin_watches(connection, now=NOW))

    threads = [Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(begun) == 1
    assert len(begun) == 8


@pytest.mark.parametrize("organization_id", [1, 2, 3, 1000])
def test_an_organization_has_its_own_time_of_day(organization_id: int) -> None:
    first = next_watch(organization_id, NOW)
    assert next_watch(organization_id, first) == first + DAY
    assert next_watch(organization_id, first - 1) == first
    assert next_watch(organization_id, first + 3 * DAY + 5) == first + 4 * DAY


def test_the_times_of_day_are_spread_over_the_day() -> None:
    hours = [0] * 24
    for organization_id in range(2400):
        hours[next_watch(organization_id, NOW) % DAY // 3600] += 1
    assert min(hours) > 60
    assert max(hours) < 140


def test_what_is_remembered_comes_back(house: House) -> None:
    told = {"at": NOW, "cause": "grant_missing", "found": "refresh_token", "mailed": True}
    watched = Watched("a" * 64, frozenset({"domain", "spa.client"}), {"spa.refresh_token": told})
    with house.db.writing() as connection:
        assert find_watched(connection, house.acme, lock=True) == Watched()
        save_watched(connection, house.acme, watched, now=NOW)
        assert find_watched(connection, house.acme) == watched
        assert find_watched(connection, house.globex) == Watched()
        save_watched(connection, house.acme, Watched("b" * 64), now=NOW)
        assert find_watched(connection, house.acme) == Watched("b" * 64)


def test_only_this_organizations_owners_are_owners(house: House) -> None:
    with house.db.writing() as connection:
        for organization, email, role in (
            (house.acme, "zoe@acme.example", "owner"), (house.acme, "olivia@acme.example", "owner"),
            (house.acme, "adam@acme.example", "admin"), (house.globex, "gus@globex.example", "owner"),
        ):  # fmt: skip
            add_member(connection, organization, email, role=role, now=NOW)
        assert list_owners(connection, house.acme) == ["olivia@acme.example", "zoe@acme.example"]
