"""Orders of an Okta to end somebody's sessions that have been obeyed: each counts once (RFC 7519 4.1.7)."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from portal.store.models import revocations


def use_revocation(connection: Connection, organization_id: int, issuer: str, jti: str, *, expires_at: int) -> bool:
    """True for exactly one caller, over all nodes; the row is kept for a day after `expires_at` (epoch seconds)."""
    named = hashlib.sha256(f"{organization_id}\0{issuer}\0{jti}".encode()).digest()
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    row = {"jti_hash": named, "expires_at": expires_at}
    added = insert(revocations).values(row).on_conflict_do_nothing().returning(revocations.c.expires_at)
    return connection.execute(added).first() is not None
