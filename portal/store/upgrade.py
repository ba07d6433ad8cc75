"""Brings the schema up to date with Alembic; safe on every start and from several nodes at once."""

from __future__ import annotations

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

_LOCK = 7_046_029_254  # Any number; all nodes of this portal ask PostgreSQL for the same one.


def upgrade_database(url: str) -> None:
    """Runs every migration that has not run yet.

    On PostgreSQL an advisory lock, on SQLite the write lock makes other nodes wait until it is done.
    """
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 60} if url.startswith("sqlite") else {})
    try:
        with engine.connect() as connection:
            _lock(connection)
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.isolation_level = None
    _switch_to_wal(driver)
    driver.execute("BEGIN IMMEDIATE").close()


def _switch_to_wal(driver: object) -> None:
    """The switch itself does not wait for other nodes that do the same, so this does."""
    for _ in range(100):
        try:
            driver.execute("PRAGMA journal_mode=WAL").close()  # type: ignore[attr-defined]
            return
        except Exception as exc:
            if "locked" not in str(exc):
                raise
            time.sleep(0.05)
    raise OperationalError("PRAGMA journal_mode=WAL", None, TimeoutError("database is locked"))
