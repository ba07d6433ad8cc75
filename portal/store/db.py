"""Connections to the database: SQLite in WAL mode or PostgreSQL, reads without and writes with a transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from portal.errors import Problem, Refused

__all__ = ["Database", "after_commit"]

_AFTERWARDS = "after_commit"
_CLOSE_SECONDS = 10.0


def after_commit(connection: Connection, work: Callable[[], object]) -> None:
    """Calls `work` once the transaction of `connection` is committed and the connection given back; never after a
    rollback. It must not raise and shall take no time: whoever wrote waits for it.
    """
    connection.info.setdefault(_AFTERWARDS, []).append(work)


class Database:
    """One engine for the whole process.

    url -- any SQLAlchemy URL. Errors that mean "the database is away" become Refused(Problem.UNAVAILABLE).
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        is_sqlite = url.startswith("sqlite")
        self._shared = _Shared() if is_sqlite else None
        self._own = _Own() if is_sqlite else None
        # A read needs no BEGIN: each statement sees one committed state, which is all a single SELECT asks for.
        self._reads = self.engine if is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def reading(self) -> _Use:
        """A connection for SELECTs."""
        return _Use(self._reads, self._shared, self._own, writes=False, begins=False)

    def single(self) -> _Use:
        """A connection for one statement that commits by itself, whatever it does."""
        return _Use(self._reads, self._shared, self._own, writes=True, begins=False)

    def writing(self) -> _Use:
        """A connection in a transaction that commits at the end, or rolls back on any exception."""
        return _Use(self.engine, self._shared, self._own, writes=True, begins=True)

    def close(self) -> None:
        """Gives all connections back. SQLite's shared one is waited for: closed while a thread is using it, it would
        take the process with it."""
        if self._shared is not None and self._shared.take(seconds=_CLOSE_SECONDS):
            if self._shared.connection is not None:
                self._shared.connection.close()
                self._shared.connection = None
            self._shared.give_back()
        self.engine.dispose()


class _Shared:
    """SQLite's one connection that writes, for all threads of the process, one after the other.

    SQLite lets only one write at a time anyway, and makes the others sleep and ask again. And whenever another
    connection has written, a connection forgets all pages it knows; the one that writes itself keeps them.
    """

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self._lock = threading.Lock()

    def take(self, *, seconds: float) -> bool:
        """Whether it is the caller's now; waits for it at most so long, or not at all."""
        return self._lock.acquire(timeout=seconds) if seconds else self._lock.acquire(blocking=False)

    def give_back(self) -> None:
        self._lock.release()


class _Own(threading.local):
    """SQLite's connection of this thread, for reading while somebody writes; kept open, since a file has no server that
    could close it, and taking it out of the pool costs more than most statements."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self._taken = False

    def take(self, *, seconds: float) -> bool:
        """Whether it is free: not so inside another use by the same thread."""
        free, self._taken = not self._taken, True
        return free

    def give_back(self) -> None:
        self._taken = False


class _Use:
    """One use of a connection, as a context manager; a class, since every request pays for it several times."""

    __slots__ = ("_begins", "_connection", "_engine", "_home", "_own", "_shared", "_writes")

    def __init__(
        self, engine: Engine, shared: _Shared | None, own: _Own | None, *, writes: bool, begins: bool
    ) -> None:
        self._engine, self._shared, self._own, self._writes, self._begins = engine, shared, own, writes, begins
        self._home: _Shared | _Own | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Connection:
        self._home = self._find_home()
        try:
            connection = self._connection = self._connect()
            if self._begins:
                self._begin(connection)
        except (DBAPIError, sqlite3.Error) as exc:
            self._give_back(broken=True)
            raise _translated(exc) from exc
        return connection

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        connection, broken = self._connection, isinstance(error, DBAPIError)
        assert connection is not None
        afterwards = self._take_afterwards(connection) if self._writes else ()
        try:
            if self._begins and error is None:
                connection.commit()
            elif connection.in_transaction():
                connection.rollback()
        except (DBAPIError, sqlite3.Error) as exc:
            broken = True
            raise _translated(exc) from exc
        finally:
            self._give_back(broken=broken)
        if isinstance(error, DBAPIError) and (refused := _translated(error)) is not error:
            raise refused from error
        if error is None:
            for work in afterwards:
                work()

    @staticmethod
    def _take_afterwards(connection: Connection) -> Sequence[Callable[[], object]]:
        """What `after_commit` was told; nothing of it stays with the connection, which somebody else gets next."""
        if connection.invalidated:
            return ()
        found: Sequence[Callable[[], object]] = connection.info.pop(_AFTERWARDS, ())
        return found

    def _find_home(self) -> _Shared | _Own | None:
        """Whose connection it is: the shared one for writing, and for reading when it is free; else the pool's."""
        if self._shared is None or self._own is None:
            return None
        if self._writes:
            if not self._shared.take(seconds=_BUSY_SECONDS):
                raise Refused(Problem.UNAVAILABLE, "database_locked", "another thread is writing")
            return self._shared
        if self._shared.take(seconds=0):
            return self._shared
        return self._own if self._own.take(seconds=0) else None

    def _connect(self) -> Connection:
        if self._home is None:
            return self._engine.connect()
        if self._home.connection is None:
            self._home.connection = self._engine.connect()
        return self._home.connection

    @staticmethod
    def _begin(connection: Connection) -> None:
        connection.begin()
        if connection.dialect.name == "sqlite":
            # IMMEDIATE takes the write lock at once, so that a read that turns into a write can never fail as
            # "locked" without waiting for the busy timeout.
            driver: Any = connection.connection.dbapi_connection
            driver.execute("BEGIN IMMEDIATE").close()

    def _give_back(self, *, broken: bool) -> None:
        home, connection = self._home, self._connection
        if home is not None and broken:
            home.connection = None
        if (home is None or broken) and connection is not None:
            connection.close()  # Rolls back what has not been committed.
        if home is not None:
            home.give_back()


def _translated(error: Exception) -> Exception:
    """"The database is away" in our words; every other error is a bug and stays what it is."""
    if isinstance(error, sqlite3.Error):
        return Refused(Problem.UNAVAILABLE, "database_locked", str(error)[:200])
    if not isinstance(error, DBAPIError):
        return error
    if isinstance(error, DataError) and type(error.orig).__name__ in ("DataError", "NumericValueOutOfRange"):
        # NUL in a text, a number of more than 64 bits: whatever was looked for or to be kept cannot be there.
        return Refused(Problem.BAD_REQUEST, "not_for_a_database", type(error.orig).__name__)
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


_BUSY_SECONDS = 10.0
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
