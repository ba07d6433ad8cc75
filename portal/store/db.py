"""Connections to the database: SQLite in WAL mode or PostgreSQL, reads without and writes with a transaction."""

from __future__ import annotations

import sqlite3
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
        # A read needs no BEGIN: each statement sees one committed state, which is all a single SELECT asks for.
        option = {"reads": True} if url.startswith("sqlite") else {"isolation_level": "AUTOCOMMIT"}
        self._reads = self.engine.execution_options(**option)

    def reading(self) -> _Use:
        """A connection for SELECTs."""
        return _Use(self._reads, writes=False)

    def writing(self) -> _Use:
        """A connection in a transaction that commits at the end, or rolls back on any exception."""
        return _Use(self.engine, writes=True)

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


class _Use:
    """One use of a connection, as a context manager; a class, since every request pays for it several times."""

    __slots__ = ("_connection", "_engine", "_writes")

    def __init__(self, engine: Engine, *, writes: bool) -> None:
        self._engine, self._writes = engine, writes

    def __enter__(self) -> Connection:
        try:
            connection = self._connection = self._engine.connect()
        except DBAPIError as exc:
            raise _translated(exc) from exc
        if self._writes:
            try:
                connection.begin()
            except Exception as exc:
                connection.close()
                if isinstance(exc, sqlite3.OperationalError | DBAPIError):
                    raise Refused(Problem.UNAVAILABLE, "database_locked", str(exc)[:200]) from exc
                raise
        return connection

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        try:
            if self._writes and error is None:
                self._connection.commit()
        except DBAPIError as exc:
            raise _translated(exc) from exc
        finally:
            self._connection.close()  # Rolls back what has not been committed.
        if isinstance(error, DBAPIError) and (refused := _translated(error)) is not error:
            raise refused from error


def _translated(error: DBAPIError) -> Exception:
    """"The database is away" in our words; every other error is a bug and stays what it is."""
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
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # We say BEGIN ourselves; the driver's own guesses begin too late.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once, so that a read that turns into a write can never fail as "locked"
    # without waiting for the busy timeout.
    if "reads" not in connection.get_execution_options():
        driver: Any = connection.connection.dbapi_connection
        driver.execute("BEGIN IMMEDIATE").close()
