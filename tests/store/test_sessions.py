"""Sessions end when they should, and one return of a login wins."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, select

from portal.store.db import Database
from portal.store.members import add_member
from portal.store.models import claimed_attempts, members, sessions
from portal.store.sessions import (
    ABSOLUTE_SECONDS,
    IDLE_SECONDS,
    Session,
    claim_attempt,
    end_session,
    find_claim,
    find_session,
    hash_id,
    open_session,
    remove_expired,
    touch_session,
)
from tests.store.conftest import NOW, House, count

ID = "the id in the cookie"


@pytest.fixture
def alice(house: House) -> int:
    with house.db.writing() as connection:
        user = add_member(connection, house.acme, "alice@acme.example", role="volunteer", now=NOW)
        open_session(connection, house.acme, session_id=ID, user_id=user, method="password", now=NOW)
    return user


def look(house: House, now: int = NOW, session_id: str = ID) -> Session | None:
    with house.db.reading() as connection:
        return find_session(connection, session_id, now=now)


def test_a_session_knows_whose_it_is(house: House, alice: int) -> None:
    session = look(house)
    assert session is not None
    assert (session.user_id, session.email, session.role, session.organization_slug, session.method) == (
        alice, "alice@acme.example", "volunteer", "acme", "password"
    )  # fmt: skip
    assert session.ends_at == NOW + IDLE_SECONDS


def test_only_a_hash_of_the_id_is_stored(house: House, alice: int) -> None:
    with house.db.reading() as connection:
        assert connection.execute(select(sessions.c.id_hash)).scalar_one() == hash_id(ID)
    assert look(house, session_id=hash_id(ID).hex()) is None


def test_a_session_ends_after_twelve_hours_without_use(house: House, alice: int) -> None:
    assert look(house, NOW + IDLE_SECONDS - 1) is not None
    assert look(house, NOW + IDLE_SECONDS) is None


def test_a_session_in_use_ends_after_fourteen_days(house: House, alice: int) -> None:
    for now in range(NOW, NOW + ABSOLUTE_SECONDS, IDLE_SECONDS - 1):
        session = look(house, now)
        assert session is not None
        with house.db.writing() as connection:
            touch_session(connection, session, now=now)
    assert session.expires_at == NOW + ABSOLUTE_SECONDS
    assert look(house, NOW + ABSOLUTE_SECONDS - 1) is not None
    assert look(house, NOW + ABSOLUTE_SECONDS) is None


def test_a_session_ends_once_and_forgets_its_tokens(house: House, alice: int) -> None:
    with house.db.writing() as connection:
        open_session(
            connection, house.acme, session_id="2", user_id=alice, method="okta", now=NOW, sealed_tokens=b"sealed"
        )
        assert end_session(connection, hash_id("2"), why="logout", now=NOW)
        assert not end_session(connection, hash_id("2"), why="again", now=NOW + 5)
        row = connection.execute(
            select(sessions.c.ended_at, sessions.c.ended_why, sessions.c.sealed_tokens).where(
                sessions.c.id_hash == hash_id("2")
            )
        ).one()
    assert tuple(row) == (NOW, "logout", None)
    assert look(house, session_id="2") is None
    assert look(house) is not None


def test_whoever_is_no_longer_a_member_is_no_longer_logged_in(house: House, alice: int) -> None:
    with house.db.writing() as connection:
        add_member(connection, house.globex, "alice@acme.example", role="owner", now=NOW)
        connection.execute(delete(members).where(members.c.user_id == alice, members.c.organization_id == house.acme))
    assert look(house) is None


def test_a_changed_role_counts_at_the_next_request(house: House, alice: int) -> None:
    with house.db.writing() as connection:
        add_member(connection, house.acme, "alice@acme.example", role="admin", now=NOW)
    session = look(house)
    assert session is not None
    assert session.role == "admin"


def test_exactly_one_of_twenty_claims_a_return(db: Database) -> None:
    def claim(_number: int) -> bool:
        with db.writing() as connection:
            return claim_attempt(connection, "one state", now=NOW)

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(claim, range(20))) == [False] * 19 + [True]
    with db.reading() as connection:
        assert find_claim(connection, "one state") == NOW
        assert find_claim(connection, "another state") is None


def test_a_claim_that_is_rolled_back_leaves_the_return_to_the_next(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.writing() as connection:
        assert claim_attempt(connection, "state", now=NOW)
        raise ZeroDivisionError
    with db.writing() as connection:
        assert claim_attempt(connection, "state", now=NOW)


def test_the_state_itself_is_not_stored(db: Database) -> None:
    with db.writing() as connection:
        claim_attempt(connection, "the state", now=NOW)
        assert connection.execute(select(claimed_attempts.c.state_hash)).scalar_one() == hash_id("the state")


@pytest.mark.parametrize(
    ("days", "left"),
    [(0.9, 3), (1.3, 2), (1.6, 1), (15.1, 0)],
    ids=["nothing yet", "ended a day ago", "idle since a day", "too old since a day"],
)
def test_maintenance_forgets_what_ended_a_day_ago(
    house: House, alice: int, days: float, left: int, at: Callable[[float], int]
) -> None:
    with house.db.writing() as connection:
        for name in ("ended", "used"):
            open_session(connection, house.acme, session_id=name, user_id=alice, method="password", now=NOW)
        end_session(connection, hash_id("ended"), why="logout", now=NOW)
        used = find_session(connection, "used", now=NOW)
        assert used is not None
        touch_session(connection, used, now=at(13.9))
        removed, _claims = remove_expired(connection, now=at(days), attempt_seconds=600)
        assert count(connection, "sessions") == left
        assert removed == 3 - left


@pytest.fixture
def at() -> Callable[[float], int]:
    return lambda days: NOW + int(days * 86400)


def test_maintenance_keeps_a_claim_for_as_long_as_its_login_may_come_back(db: Database) -> None:
    with db.writing() as connection:
        claim_attempt(connection, "state", now=NOW)
        assert remove_expired(connection, now=NOW + 1200, attempt_seconds=600) == (0, 0)
        assert not claim_attempt(connection, "state", now=NOW + 1200)
        assert remove_expired(connection, now=NOW + 1201, attempt_seconds=600) == (0, 1)
