"""What may happen between the two halves of an app's login: owners, an Okta in trouble, races, and a killed process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event

import pytest
from sqlalchemy import update

from native_bridge import completing
from okta_sandbox import RawAnswer
from portal.store.models import native_attempts
from tests.native_bridge.steps import USED, Phone, delete_okta, restore_okta, said, sent_to_okta
from tests.web.conftest import open_database
from tests.web.steps import connect, count_rows, take_over, when_asked
from tests.web.test_faults import BROKEN, MARK
from tests.world import World, second_app


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world)


# -- owners change the settings meanwhile ------------------------------------------------------------------------------

CHANGES: dict[str, tuple[Callable[[World], None], str]] = {
    "saved anew": (lambda world: world.connect(), "integration_version"),
    "another Okta": (lambda world: connect(world, world.acme_id, world.sandbox, world.okta), "integration_version"),
    "deleted": (delete_okta, "integration_deleted"),
    "deleted and restored": (restore_okta, "integration_version"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("embedded", [False, True], ids=["redirect", "embedded"])
def test_settings_that_changed_before_the_return_end_it_and_nothing_is_sent(
    world: World, phone: Phone, change: tuple[Callable[[World], None], str], embedded: bool
) -> None:
    link = phone.come_back_embedded() if embedded else phone.come_back()
    change[0](world)
    for _ in range(2):
        assert said(phone.complete(link)) == (409, "settings_changed", change[1])
    assert said(phone.complete(link + "&foo=bar")) == USED
    assert (sent_to_okta(world), count_rows(world)["sessions"]) == (0, 0)
    assert phone.attempt.status == "failed"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_settings_that_change_while_okta_answers_open_no_session(
    world: World, phone: Phone, change: tuple[Callable[[World], None], str]
) -> None:
    link, before = phone.come_back(), count_rows(world)
    when_asked(world.sandbox, "/token", lambda: change[0](world))
    for _ in range(2):
        assert said(phone.complete(link)) == (409, "settings_changed", change[1])
    assert (sent_to_okta(world), count_rows(world)) == (1, before)


# -- Okta is away ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["discovery_500", "discovery_reset", "rate_limited"])
def test_an_okta_that_is_away_before_it_is_asked_costs_nothing(world: World, phone: Phone, fault: str) -> None:
    link = phone.come_back()
    world.services.providers.forget(world.okta)
    world.sandbox.fault(fault)
    answer = phone.complete(link)
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert phone.attempt.status == "created"
    world.sandbox.clear_faults()
    assert phone.complete(link).status_code == 200
    assert sent_to_okta(world) == 1


@pytest.mark.parametrize(("path", "raw"), BROKEN)
def test_an_okta_in_trouble_lets_nobody_in_and_hears_of_a_code_once(
    world: World, phone: Phone, path: str, raw: RawAnswer
) -> None:
    link, before, began = phone.come_back(), count_rows(world), time.monotonic()
    world.sandbox.fault("no_email")
    if path == "/openid-configuration":
        world.services.providers.forget(world.okta)
    take_over(world.sandbox, path, raw)
    answer = phone.complete(link)
    assert time.monotonic() - began < 3
    assert answer.status_code in (502, 503)
    assert MARK not in answer.text
    assert count_rows(world) == before
    world.sandbox.answer = None
    again = phone.complete(link)
    if path == "/openid-configuration":
        # Nothing had been asked of Okta but where to ask.
        assert again.status_code == 200
    else:
        # A code is sent once: nothing that has asked Okta for tokens says that it can be tried again.
        assert (said(again), answer.json()["retryable"]) == (said(answer), False)
    assert sent_to_okta(world) <= 1 + raw.reset


# -- our own troubles --------------------------------------------------------------------------------------------------


@contextmanager
def broken_database(world: World, *statements: str) -> Iterator[None]:
    """What comes first is done to the database, the second repairs it."""
    broken, repaired = statements
    for statement in (broken, repaired):
        with closing(open_database(world)) as database:
            database.execute(statement)
            database.commit()
        if statement is broken:
            yield


AWAY = ("ALTER TABLE refresh_tokens RENAME TO away", "ALTER TABLE away RENAME TO refresh_tokens")
BUG = ("CREATE TRIGGER bug BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'bug'); END", "DROP TRIGGER bug")


@pytest.mark.parametrize(("how", "status"), [(AWAY, 502), (BUG, 500)], ids=["away", "a bug"])
def test_a_code_that_was_sent_is_spent_whatever_fails_afterwards(
    world: World, phone: Phone, how: tuple[str, str], status: int
) -> None:
    link, before = phone.come_back(), count_rows(world)
    with broken_database(world, *how):
        answer = phone.complete(link)
    assert (answer.status_code, answer.json()["retryable"]) == (status, False)
    assert said(phone.complete(link))[:2] == said(answer)[:2]
    assert (phone.attempt.status, count_rows(world), sent_to_okta(world)) == ("failed", before, 1)


def test_a_code_of_our_own_page_is_good_again_once_the_database_is_back(world: World) -> None:
    olivia = Phone(world, "olivia@acme.example")
    link = olivia.come_back_by_password()
    with broken_database(world, *AWAY):
        assert said(olivia.complete(link))[:2] == (503, "unavailable")
    assert (olivia.attempt.status, olivia.attempt.link_hash) == ("opened", None)
    assert olivia.complete(link).status_code == 200


# -- at the same time, and cut off -------------------------------------------------------------------------------------


@contextmanager
def held_at_okta(world: World) -> Iterator[tuple[Event, Event]]:
    """Okta lets everybody wait at its token endpoint: (somebody has come there, they may go on)."""
    arrived, go_on = Event(), Event()

    def hold() -> None:
        arrived.set()
        go_on.wait(10)

    when_asked(world.sandbox, "/token", hold)
    try:
        yield arrived, go_on
    finally:
        go_on.set()
        world.sandbox.answer = None


def test_many_at_once_with_the_same_link_get_one_answer_and_okta_is_asked_once(world: World, phone: Phone) -> None:
    link = phone.come_back()
    with ThreadPoolExecutor(8) as pool, held_at_okta(world) as (arrived, go_on):
        several = [pool.submit(phone.complete, link) for _ in range(7)]
        assert arrived.wait(5)
        assert phone.attempt.status == "returned"
        assert said(pool.submit(phone.complete, link + "&foo=bar").result(5)) == USED
        go_on.set()
        answers = [each.result(10) for each in several]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sent_to_okta(world) == count_rows(world)["sessions"] == 1


def test_who_waits_hears_of_a_failure_too(world: World, phone: Phone) -> None:
    link = phone.come_back()
    world.sandbox.fault("wrong_nonce")
    with ThreadPoolExecutor(2) as pool, held_at_okta(world) as (arrived, go_on):
        both = [pool.submit(phone.complete, link) for _ in range(2)]
        assert arrived.wait(5)
        go_on.set()
        assert {said(each.result(10)) for each in both} == {(502, "id_token_refused", "nonce_mismatch")}
    assert sent_to_okta(world) == 1


def test_flt_25_106_two_nodes_finish_a_login_once(world: World, phone: Phone) -> None:
    with second_app(world) as other, ThreadPoolExecutor(1) as pool:
        for _ in range(5):
            link = phone.come_back()
            body = {"deep_link": link, "code_verifier": phone.verifier}
            there = pool.submit(other.test_client().post, "/native/v1/login/complete", json=body)
            here = phone.complete(link)
            assert (here.status_code, there.result(20).status_code) == (200, 200)
            assert here.content == there.result().data
    assert sent_to_okta(world) == count_rows(world)["sessions"] == 5


def cut_off(world: World, phone: Phone, link: str) -> None:
    """As when the process had been killed after it had claimed the return."""
    values = {"status": "returned", "returned_at": world.services.now()}
    values |= {"link_hash": hashlib.sha256(link.encode()).digest()}
    with world.services.db.writing() as connection:
        mine = native_attempts.c.state_hash == phone.attempt.state_hash
        connection.execute(update(native_attempts).where(mine).values(values))


def test_a_login_that_was_cut_off_is_given_up_after_twelve_seconds(world: World, phone: Phone) -> None:
    link = phone.come_back()
    cut_off(world, phone, link)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(phone.complete, link)
        time.sleep(0.7)  # Long enough to have taken one of the seats.
        assert not waiting.done()
        world.clock.forward(13)
        assert said(waiting.result(5)) == USED
    assert said(phone.complete(link)) == USED
    assert (sent_to_okta(world), count_rows(world)["sessions"]) == (0, 0)
    with all_seats_taken() as seats:
        assert seats == 8  # Whoever has waited has left.


@contextmanager
def all_seats_taken() -> Iterator[int]:
    """As when as many others wait as may; how many they are."""
    seats = 0
    while completing._WAITING.acquire(blocking=False):
        seats += 1
    try:
        yield seats
    finally:
        completing._WAITING.release(seats)


def test_when_very_many_wait_the_next_is_asked_to_come_again(world: World, phone: Phone) -> None:
    link = phone.come_back()
    cut_off(world, phone, link)
    with all_seats_taken():
        assert said(phone.complete(link)) == (503, "login_under_way", "login_under_way")
    assert phone.attempt.status == "returned"


def test_two_people_who_are_new_at_once_are_both_let_in(world: World) -> None:
    phones = [Phone(world), Phone(world)]
    links = [phone.come_back() for phone in phones]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: pair[0].complete(pair[1]), zip(phones, links, strict=True)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.json()["user"]["id"] for answer in answers}) == 1
    assert count_rows(world)["identities"] == 1
