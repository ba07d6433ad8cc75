"""A database with two organizations, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, text

from portal.store.db import Database
from portal.store.integrations import App, Integration, save_integration
from portal.store.organizations import create_organization
from portal.store.setup_tables import metadata
from portal.store.upgrade import upgrade_database
from tests.store.databases import KINDS, empty_database

NOW = 1_800_000_000
SPA = App("spa", "0oaSpa00000000000001", "acme.okta.com", "https://acme.okta.com", "openid profile email")
NATIVE = App("native", "0oaNative00000000001", "acme.okta.com", "https://acme.okta.com", "openid profile email")


@dataclass
class House:
    """A database and the two organizations in it."""

    db: Database
    acme: int
    globex: int

    def connect(self, connection: Connection, organization: int, *apps: App, **changes: object) -> Integration:
        """Saves an integration as Save does."""
        known = {"authorization_server": "auto", "sign_in": "redirect", "checked": True, "who": "olivia", "now": NOW}
        return save_integration(connection, organization, saved_apps=apps or (SPA,), **{**known, **changes})


@pytest.fixture(scope="session", params=KINDS)
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database that the tests of a run share; each finds it empty."""
    with empty_database(request.param, tmp_path_factory.mktemp("store")) as url:
        upgrade_database(url)
        yield url


@pytest.fixture
def db(migrated: str) -> Iterator[Database]:
    """The shared database, empty."""
    with ExitStack() as stack:
        database = Database(migrated)
        stack.callback(database.close)
        with database.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        yield database


@pytest.fixture
def house(db: Database) -> House:
    """Acme and Globex, nobody in them yet."""
    with db.writing() as connection:
        acme = create_organization(connection, "acme", name="Acme", domain_names=["acme.example"], now=NOW)
        globex = create_organization(connection, "globex", name="Globex", domain_names=["globex.example"], now=NOW)
    return House(db, acme.id, globex.id)


def count(connection: Connection, table: str) -> int:
    """How many rows a table has."""
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
