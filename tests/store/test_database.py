"""Connections: what a transaction keeps, what counts as "the database is away", and that ids are never used again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.errors import Problem, Refused
from portal.store.activity import list_events, record_event
from portal.store.db import Database
from portal.store.models import members
from portal.store.organizations import create_organization, find_organization
from portal.store.setup_tables import metadata
from tests.store.conftest import NOW, House

WITH_IDS = [table.name for table in metadata.sorted_tables if "id" in table.columns]


def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.writing() as connection:
        create_organization(connection, "acme", name="Acme", now=NOW)
        raise ZeroDivisionError
    with db.reading() as connection:
        assert find_organization(connection, "acme") is None


def test_foreign_keys_hold(house: House) -> None:
    row = {"organization_id": house.acme, "user_id": 987654, "role": "owner", "created_at": NOW}
    with pytest.raises(IntegrityError), house.db.writing() as connection:
        connection.execute(insert(members), row)


def test_an_id_is_never_used_again(db: Database) -> None:
    with db.writing() as connection:
        first = create_organization(connection, "first", name="First", now=NOW).id
        connection.execute(text("DELETE FROM organizations"))
        second = create_organization(connection, "second", name="Second", now=NOW).id
    assert second > first


def test_every_table_with_an_id_counts_up_on_sqlite(tmp_path: Path) -> None:
    assert all(metadata.tables[name].dialect_options["sqlite"]["autoincrement"] for name in WITH_IDS)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://nobody@127.0.0.1:1/nowhere", "sqlite:////no-such-folder/portal.db"]
)
@pytest.mark.parametrize("use", ["reading", "writing"])
def test_a_database_that_is_away_is_refused_as_unavailable(url: str, use: str) -> None:
    database = Database(url)
    with pytest.raises(Refused) as caught, getattr(database, use)():
        pass
    database.close()
    assert caught.value.problem is Problem.UNAVAILABLE


def test_a_connection_lost_in_the_middle_is_refused_and_the_next_works(db: Database) -> None:
    if db.engine.dialect.name == "sqlite":
        return  # A file cannot be lost that way.
    with pytest.raises(Refused) as caught, db.reading() as connection:
        mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with db.writing() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        connection.execute(text("SELECT 1"))
    assert caught.value.problem is Problem.UNAVAILABLE
    with db.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_mistake_of_ours_is_not_called_unavailable(db: Database) -> None:
    """SQLite says "no such column" with the same class of error as "unable to open"."""
    with pytest.raises(Exception, match="no_such_column") as caught, db.reading() as connection:
        connection.execute(text("SELECT no_such_column FROM users"))
    if db.engine.dialect.name == "postgresql":
        assert isinstance(caught.value, ProgrammingError)


def test_activity_is_newest_first_and_of_one_organization_only(house: House) -> None:
    with house.db.writing() as connection:
        for number in range(5):
            record_event(
                connection, house.acme, who="olivia", what=f"event.{number}", now=NOW, reference="ABCD-EFGH",
                about={"number": number},
            )  # fmt: skip
        record_event(connection, house.globex, who="gus", what="theirs", now=NOW, reference="")
        record_event(connection, None, who="", what="nobody's", now=NOW, reference="")
    with house.db.reading() as connection:
        events = list_events(connection, house.acme, limit=3)
    assert [event.what for event in events] == ["event.4", "event.3", "event.2"]
    assert events[0].about == {"number": 4}
    assert (events[0].at, events[0].who, events[0].reference) == (NOW, "olivia", "ABCD-EFGH")


def test_closing_waits_for_whoever_is_using_sqlites_shared_connection(tmp_path: Path) -> None:
    """Closed in the middle of a statement, it would take the process with it."""
    db = Database(f"sqlite:///{tmp_path / 'closed.db'}")
    with ThreadPoolExecutor(1) as pool:
        with db.writing() as connection:
            closing = pool.submit(db.close)
            time.sleep(0.2)
            assert not closing.done()
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        closing.result(timeout=20)
