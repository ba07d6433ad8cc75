"""An empty database of its own for a test or a run, on SQLite or on a real PostgreSQL, dropped afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.needs import need

KINDS = ["sqlite", "postgresql"]
SERVER = os.environ.get("POINT_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/test")


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database without a table."""
    name = f"point_test_{secrets.token_hex(6)}"
    if kind == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    need(_server_answers(), "PostgreSQL: POINT_TEST_POSTGRESQL names a database on a server where one may be created")
    tell_server(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    finally:
        tell_server(f'DROP DATABASE "{name}" WITH (FORCE)')


@lru_cache
def _server_answers() -> bool:
    try:
        tell_server("SELECT 1")
    except OperationalError:
        return False
    return True


def tell_server(statement: str) -> None:
    """One statement for the PostgreSQL server itself."""
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
