"""Connections to the database: SQLite in WAL mode or PostgreSQL, reads without and writes with a transaction."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from portal.errors import Problem, Refused

__all__ = ["Database"]


class Database:
    """One engine for the whole process.

    url -- any SQLAlchemy URL. Errors that mean "the database is away" become Refused(Problem.UNAVAILABLE).
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._kept = _Kept(self.engine) if url.startswith("sqlite") else None
        # A read needs no BEGIN: each statement sees one committed state, which is all a single SELECT asks for.
        self._reads = self.engine if self._kept else self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def reading(self) -> _Use:
        """A connection for SELECTs."""
        return _Use(self._reads, self._kept, writes=False)

    def single(self) -> _Use:
        """A connection for one statement that commits by itself, whatever it does."""
        return self.reading()

    def writing(self) -> _Use:
        """A connection in a transaction that commits at the end, or rolls back on any exception."""
        return _Use(self.engine, self._kept, writes=True)

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


class _Kept(threading.local):
    """SQLite's connection of this thread, kept open between uses: a file has no server that could close it, and taking
    it out of the pool and giving it back costs more than most statements."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.connection: Connection | None = None
        self.in_use = False


class _Use:
    """One use of a connection, as a context manager; a class, since every request pays for it several times."""

    __slots__ = ("_connection", "_engine", "_kept", "_writes")

    def __init__(self, engine: Engine, kept: _Kept | None, *, writes: bool) -> None:
        # A use inside a use gets a connection of its own from the pool.
        self._engine, self._kept, self._writes = engine, kept if kept and not kept.in_use else None, writes

    def __enter__(self) -> Connection:
        try:
            connection = self._connection = self._take()
            if self._writes:
                self._begin(connection)
        except (DBAPIError, sqlite3.Error) as exc:
            self._give_back(broken=True)
            raise _translated(exc) from exc
        return connection

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        broken = isinstance(error, DBAPIError)
        try:
            if self._writes and error is None:
                self._connection.commit()
            elif self._connection.in_transaction():
                self._connection.rollback()
        except (DBAPIError, sqlite3.Error) as exc:
            broken = True
            raise _translated(exc) from exc
        finally:
            self._give_back(broken=broken)
        if isinstance(error, DBAPIError) and (refused := _translated(error)) is not error:
            raise refused from error

    @staticmethod
    def _begin(connection: Connection) -> None:
        connection.begin()
        if connection.dialect.name == "sqlite":
            # IMMEDIATE takes the write lock at once, so that a read that turns into a write can never fail as
            # "locked" without waiting for the busy timeout.
            driver: Any = connection.connection.dbapi_connection
            driver.execute("BEGIN IMMEDIATE").close()

    def _take(self) -> Connection:
        kept = self._kept
        if kept is None:
            return self._engine.connect()
        if kept.connection is None:
            kept.connection = self._engine.connect()
        kept.in_use = True
        return kept.connection

    def _give_back(self, *, broken: bool) -> None:
        kept = self._kept
        if kept is not None:
            kept.in_use = False
        if kept is None or broken:
            connection = getattr(self, "_connection", None) if kept is None else kept.connection
            if kept is not None:
                kept.connection = None
            if connection is not None:
                connection.close()  # Rolls back what has not been committed.


def _translated(error: Exception) -> Exception:
    """"The database is away" in our words; every other error is a bug and stays what it is."""
    if isinstance(error, sqlite3.Error):
        return Refused(Problem.UNAVAILABLE, "database_locked", str(error)[:200])
    if not isinstance(error, DBAPIError):
        return error
    if isinstance(error, OperationalError):
        return Refused(Problem.UNAVAILABLE, "database_unavailable", str(error.orig)[:200])
    if error.connection_invalidated:
        return Refused(Problem.UNAVAILABLE, "database_connection_lost", str(error.orig)[:200])
    return error


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=16, max_overflow=48, pool_pre_ping=True, pool_recycle=1800)
    engine = create_engine(url, connect_args={"timeout": 10, "check_same_thread": False}, pool_size=16, max_overflow=64)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


# A longer log than the usual 1,000 pages: the same pages come again and again, and are written back once for all.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "wal_autocheckpoint=4000",
)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # We say BEGIN ourselves; the driver's own guesses begin too late.
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()
