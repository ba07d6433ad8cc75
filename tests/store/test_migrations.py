"""The schema: how it comes to be, on both databases, and that the models say the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from portal.store.db import Database
from portal.store.members import add_member
from portal.store.organizations import create_organization
from portal.store.sessions import find_session, open_session
from portal.store.setup_tables import metadata
from portal.store.upgrade import upgrade_database
from tests.store.conftest import NOW
from tests.store.databases import KINDS, empty_database

MIGRATIONS = sorted((Path(__file__).parents[2] / "portal/store/migrations/versions").glob("0*.py"))
# What code that knows nothing of it can live with: it goes on reading and writing what it knows.
ADDS = {"add_column", "create_table", "create_index", "drop_index", "batch_alter_table", "execute", "f", "bulk_insert"}
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


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_flt_103_a_migration_only_adds_so_that_the_version_before_it_goes_on_beside_it(path: Path) -> None:
    (upgrade,) = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == "upgrade"]
    for call in [node for node in ast.walk(upgrade) if isinstance(node, ast.Call)]:
        if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
            continue
        if call.func.value.id in ("op", "batch_op"):
            assert call.func.attr in ADDS, ast.unparse(call)
        if call.func.attr == "add_column":
            # The version before it writes rows without this column.
            column = call.args[-1]
            assert isinstance(column, ast.Call)
            told = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
            assert told.get("nullable") != "False" or "server_default" in told, ast.unparse(call)


@pytest.mark.parametrize("kind", KINDS)
def test_flt_103_a_session_goes_on_over_two_migrations_and_beside_one_of_tomorrow_s(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as url:
        upgrade_database(url)
        database = Database(url)
        with database.writing() as connection:
            acme = create_organization(connection, "acme", name="Acme", domain_names=["acme.example"], now=NOW).id
            user = add_member(connection, acme, "alice@acme.example", role="volunteer", now=NOW)
            open_session(connection, acme, session_id="today's", user_id=user, method="password", now=NOW)
        _go_back(url, 2)
        upgrade_database(url)
        with database.writing() as connection:
            # What a version of tomorrow might add, while this one is still running.
            connection.execute(text("ALTER TABLE sessions ADD COLUMN tomorrow VARCHAR(10)"))
            connection.execute(text("CREATE TABLE tomorrow (id INTEGER PRIMARY KEY)"))
        with database.writing() as connection:
            open_session(connection, acme, session_id="tomorrow's", user_id=user, method="password", now=NOW)
        with database.reading() as connection:
            for session_id in ("today's", "tomorrow's"):
                found = find_session(connection, session_id, now=NOW + 60)
                assert found is not None
                assert found.email == "alice@acme.example"
        database.close()


def _go_back(url: str, steps: int) -> None:
    """As the schema was so many migrations ago."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "portal/store/migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, f"-{steps}")
        connection.commit()
    engine.dispose()
