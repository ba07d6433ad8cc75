"""The keys that sign POINT's access tokens, as they rest: sealed. Which of them signs is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from portal.store.hot import Hot
from portal.store.models import signing_keys

_LOCK = 7_046_029_255  # Any number but that of the migrations; all nodes ask PostgreSQL for the same one.


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A sealed private key. Times in epoch seconds; it signs from `use_from` until the next key's `use_from`."""

    kid: str
    sealed_key: bytes
    created_at: int
    use_from: int


_LIST = select(
    signing_keys.c.kid, signing_keys.c.sealed_key, signing_keys.c.created_at, signing_keys.c.use_from
).order_by(signing_keys.c.use_from, signing_keys.c.kid)
_ADD = Hot(
    {
        "sqlite": sqlite_insert(signing_keys).on_conflict_do_nothing(),
        "postgresql": postgresql_insert(signing_keys).on_conflict_do_nothing(),
    },
    ("kid", "sealed_key", "created_at", "use_from"),
)


def list_keys(connection: Connection) -> list[StoredKey]:
    """All keys, in the order in which they are used."""
    return [StoredKey(*row) for row in connection.execute(_LIST)]


def lock_keys(connection: Connection) -> None:
    """Until the transaction ends, nobody else who calls this sees or adds a key: one node at a time makes the next.

    connection -- of `Database.writing()`; on SQLite that alone keeps every other writer out.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def add_key(connection: Connection, *, kid: str, sealed_key: bytes, now: int, use_from: int) -> bool:
    """Publishes a key; False, and nothing changes, when there is one with this `kid`."""
    row = {"kid": kid, "sealed_key": sealed_key, "created_at": now, "use_from": use_from}
    return _ADD.run(connection, row) == 1


def remove_keys(connection: Connection, *, before: int) -> int:
    """Forgets the keys whose use began before then (epoch seconds); returns how many they were."""
    return connection.execute(delete(signing_keys).where(signing_keys.c.use_from < before)).rowcount
