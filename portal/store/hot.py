"""Statements that every login or every request runs: written in SQLAlchemy Core, compiled once, and handed to the
driver as they are. Core's own execution costs some ninety microseconds a statement, the driver's ten.

Connections, transactions, pools and dialects stay SQLAlchemy's; so do the exceptions (`docs/decisions/0001`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement


class Hot:
    """A compiled statement.

    statement -- SELECT, UPDATE or INSERT with bind parameters; `columns` names the values of an INSERT.
    Plain types only (numbers, text, bytes): nothing converts what goes in or comes out.
    """

    __slots__ = ("_columns", "_compiled", "_statement")

    def __init__(self, statement: ClauseElement | Mapping[str, ClauseElement], columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, tuple[str, dict[str, Any], list[str] | None]] = {}

    def first(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row."""
        cursor = self._execute(connection, values)
        try:
            row: tuple[Any, ...] | None = cursor.fetchone()
        finally:
            cursor.close()
        return row

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Executes; returns how many rows it changed."""
        cursor = self._execute(connection, values)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        dialect = connection.dialect
        sql, fixed, order = self._compiled.get(dialect.name) or self._compile(connection)
        given = {**fixed, **values}
        parameters: Any = [given[name] for name in order] if order is not None else given
        cursor = connection.connection.cursor()
        try:
            cursor.execute(sql, parameters)
        except Exception as error:
            cursor.close()
            raise self._wrapped(connection, sql, error) from error
        return cursor

    def _compile(self, connection: Connection) -> tuple[str, dict[str, Any], list[str] | None]:
        dialect = connection.dialect
        statement = self._statement[dialect.name] if isinstance(self._statement, Mapping) else self._statement
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
        found = (str(compiled), dict(compiled.params), compiled.positiontup if compiled.positional else None)  # type: ignore[attr-defined]
        self._compiled[dialect.name] = found
        return found

    @staticmethod
    def _wrapped(connection: Connection, sql: str, error: Exception) -> BaseException:
        """The driver's error as SQLAlchemy would raise it; a connection that is gone is not given back to the pool."""
        dialect = connection.dialect
        base = dialect.loaded_dbapi.Error
        if not isinstance(error, base):
            return error
        gone = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        if gone:
            connection.invalidate(error)
        return DBAPIError.instance(
            sql, None, error, base, hide_parameters=True, connection_invalidated=gone, dialect=dialect
        )
