"""Which DPoP proofs have been seen (RFC 9449 section 11.1): each counts once, over all threads, workers and nodes."""

from __future__ import annotations

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from portal.store.hot import Hot
from portal.store.models import dpop_proofs

KEEP_SECONDS = 900  # A proof that was seen so long ago is refused for its nonce and its time.

_REMEMBER = Hot(
    {
        "sqlite": sqlite_insert(dpop_proofs).on_conflict_do_nothing(),
        "postgresql": postgresql_insert(dpop_proofs).on_conflict_do_nothing(),
    },
    ("proof_hash", "seen_at"),
)


def remember_proof(connection: Connection, proof_hash: bytes, now: int) -> bool:
    """True for exactly one caller: the first with this hash (32 bytes). `connection` is best that of `single()`."""
    return _REMEMBER.run(connection, {"proof_hash": proof_hash, "seen_at": now}) == 1


def remove_proofs(connection: Connection, *, before: int) -> int:
    """Forgets the proofs seen before then (epoch seconds, `now - KEEP_SECONDS`); returns how many they were."""
    return connection.execute(delete(dpop_proofs).where(dpop_proofs.c.seen_at < before)).rowcount
