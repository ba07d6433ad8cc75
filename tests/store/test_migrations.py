"""The schema: how it comes to be, on both databases, and that the models say the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from portal.store.db import Database
from portal.store.setup_tables import metadata
from portal.store.upgrade import upgrade_database
from tests.store.databases import KINDS, empty_database

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", KINDS)
def test_upgrading_twice_changes_nothing_and_loses_nothing(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as url:
        upgrade_database(url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO organizations (slug, name, created_at) VALUES ('acme', 'Acme', 1)"))
        upgrade_database(url)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM organizations")).scalar_one() == 1
        engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_four_nodes_may_upgrade_at_once(kind: str, tmp_path: Path) -> None:
    program = "import sys; from portal.store.upgrade import upgrade_database; upgrade_database(sys.argv[1])"
    with empty_database(kind, tmp_path) as url:
        command = [sys.executable, "-W", "error", "-c", program, url]
        nodes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        said = [node.communicate(timeout=60)[1] for node in nodes]
        assert [node.returncode for node in nodes] == [0, 0, 0, 0], said
        engine = create_engine(url)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
            assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        engine.dispose()


def test_models_and_migrations_agree(migrated: str) -> None:
    engine = create_engine(migrated)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    engine.dispose()


def test_every_column_with_a_foreign_key_is_enforced_by_the_database(migrated: str) -> None:
    engine = create_engine(migrated)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            wanted = {column.name for column in table.columns if column.foreign_keys}
            found = {key["constrained_columns"][0] for key in inspect(connection).get_foreign_keys(table.name)}
            assert found == wanted, table.name
    engine.dispose()


def test_sqlite_writes_ahead_and_enforces_foreign_keys_on_every_connection(tmp_path: Path) -> None:
    with empty_database("sqlite", tmp_path) as url:
        upgrade_database(url)
        database = Database(url)
        for use in (database.reading, database.writing, database.reading):
            with use() as connection:
                assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
                assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
                assert connection.execute(text("PRAGMA busy_timeout")).scalar() >= 5000
        database.close()


def test_a_migration_that_fails_leaves_no_half_of_it_on_sqlite(tmp_path: Path) -> None:
    """A table in the way makes the first migration fail in the middle; the tables before it must not stay."""
    with empty_database("sqlite", tmp_path) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE activity (id INTEGER)"))
        with pytest.raises(Exception, match="activity"):
            upgrade_database(url)
        with engine.connect() as connection:
            assert set(inspect(connection).get_table_names()) <= {"activity", "alembic_version"}
        engine.dispose()
