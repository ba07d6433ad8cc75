"""Sessions that are due to prove themselves at Okta: the lease on one, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from portal.store.models import identities, sessions

LEASE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Due:
    """A session whose proof this caller alone renews, and whom Okta has to vouch for again."""

    id_hash: bytes
    kind: str
    organization_id: int
    integration_id: int
    sealed_tokens: bytes
    issuer: str
    sub: str
    email: str


def take_lease(connection: Connection, id_hash: bytes, *, now: int, proved_before: int) -> Due | None:
    """The session, for one caller until LEASE_SECONDS have passed; None when it is not due or another one is at it.

    Times in epoch seconds.
    """
    free = sessions.c.proving_until.is_(None) | (sessions.c.proving_until <= now)
    due = (sessions.c.id_hash == id_hash) & sessions.c.ended_at.is_(None) & sessions.c.sealed_tokens.is_not(None)
    due &= (sessions.c.proved_at <= proved_before) & sessions.c.integration_id.is_not(None) & free
    taken = connection.execute(update(sessions).where(due).values(proving_until=now + LEASE_SECONDS))
    if taken.rowcount != 1:
        return None
    row = connection.execute(
        select(
            sessions.c.id_hash,
            sessions.c.kind,
            sessions.c.organization_id,
            sessions.c.integration_id,
            sessions.c.sealed_tokens,
            identities.c.issuer,
            identities.c.sub,
            identities.c.email,
        )
        .join(identities, identities.c.id == sessions.c.identity_id)
        .where(sessions.c.id_hash == id_hash)
    ).first()
    return Due(*row) if row else None


def keep_proof(connection: Connection, id_hash: bytes, *, sealed_tokens: bytes, now: int) -> bool:
    """Okta has vouched again; its new tokens are kept. False when the session has ended meanwhile."""
    live = (sessions.c.id_hash == id_hash) & sessions.c.ended_at.is_(None)
    change = {"sealed_tokens": sealed_tokens, "proved_at": now, "proving_until": None}
    return connection.execute(update(sessions).where(live).values(change)).rowcount == 1


def find_proof(connection: Connection, id_hash: bytes) -> int | None:
    """When Okta vouched for the session last, in epoch seconds; None once it has ended."""
    live = (sessions.c.id_hash == id_hash) & sessions.c.ended_at.is_(None)
    proved_at: int | None = connection.execute(select(sessions.c.proved_at).where(live)).scalar()
    return proved_at
