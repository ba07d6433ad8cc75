"""Places for work behind the pages: nobody takes all of them, and our own short work never stands behind an Okta."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, active_count

import pytest

from portal.background import MOST, MOST_OF_ONE, OWN, Background
from portal.errors import Problem, Refused


@pytest.fixture
def go_on() -> Iterator[Event]:
    """What the work waits for, so that nothing outlives its test."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def background(go_on: Event) -> Iterator[Background]:
    background = Background()
    yield background
    go_on.set()
    background.close()


def fill(background: Background, go_on: Event, owner: object, count: int) -> None:
    for _ in range(count):
        background.start("slow", lambda: go_on.wait(20) and None, owner=owner)


def test_one_organization_gets_a_few_places_and_another_the_rest(background: Background, go_on: Event) -> None:
    fill(background, go_on, "acme", MOST_OF_ONE)
    with pytest.raises(Refused) as refused:
        fill(background, go_on, "acme", 1)
    assert (refused.value.problem, refused.value.reason) == (Problem.UNAVAILABLE, "background_full_for_one")
    background.start("quick", lambda: None, owner="globex").result(5)


def test_a_place_that_is_free_again_can_be_taken(background: Background) -> None:
    for _ in range(MOST_OF_ONE * 3):
        background.start("quick", lambda: None, owner="acme").result(5)


def test_what_fails_is_kept_and_frees_its_place(background: Background) -> None:
    for _ in range(MOST_OF_ONE * 2):
        failed = background.start("bad", lambda: {}["no"], owner="acme")
        assert isinstance(failed.exception(5), KeyError)


def test_work_of_our_own_needs_no_place_of_those_who_wait_for_an_okta(background: Background, go_on: Event) -> None:
    for number in range(MOST):
        fill(background, go_on, number, 1)
    with pytest.raises(Refused):
        fill(background, go_on, "another", 1)
    background.queue("quick", lambda: None).result(5)


def test_work_of_our_own_waits_for_its_turn_and_is_never_turned_away(background: Background, go_on: Event) -> None:
    before = active_count()
    waiting = [background.queue("ours", lambda: go_on.wait(20) and None) for _ in range(OWN * 20)]
    assert active_count() - before <= OWN
    go_on.set()
    for each in waiting:
        each.result(5)


def test_what_is_under_way_is_done_once_more_by_the_same_thread(background: Background, go_on: Event) -> None:
    done: list[int] = []

    def work() -> None:
        go_on.wait(20)
        done.append(1)

    before = active_count()
    assert all(background.start_once("tokens of 1", work, owner="acme") for _ in range(31))
    assert active_count() - before == 1
    assert not background.wait("tokens of *", 0.05)
    go_on.set()
    assert background.wait("tokens of *", 5)
    assert len(done) == 2


def test_where_there_is_no_place_it_says_so_and_can_be_asked_again(background: Background, go_on: Event) -> None:
    fill(background, go_on, "acme", MOST_OF_ONE)
    assert not background.start_once("tokens of 1", lambda: None, owner="acme")
    assert background.wait("tokens of 1", 0)
    go_on.set()
    assert background.wait("slow", 5)
    assert background.start_once("tokens of 1", lambda: None, owner="globex")


def test_closing_waits_for_what_is_under_way(background: Background) -> None:
    ended: list[bool] = []
    background.start("polite", lambda: ended.append(background.stopping.wait(20)), owner="acme")
    background.queue("polite too", lambda: ended.append(background.stopping.wait(20)))
    background.close()
    assert ended == [True, True]
