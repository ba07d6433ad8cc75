"""Sessions that are due to prove themselves at Okta: the lease on one, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from portal.store.models import identities, sessions, users

LEASE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Due:
    """A session whose proof this caller alone renews, and whom Okta has to vouch for again.

    email -- at Okta; account_email, account_name -- at POINT.
    """

    id_hash: bytes
    kind: str
    organization_id: int
    integration_id: int
    sealed_tokens: bytes
    identity_id: int
    issuer: str
    sub: str
    email: str
    user_id: int
    account_email: str
    account_name: str


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
            identities.c.id.label("identity_id"),
            identities.c.issuer,
            identities.c.sub,
            identities.c.email,
            users.c.id.label("user_id"),
            users.c.email.label("account_email"),
            users.c.name.label("account_name"),
        )
        .join(identities, identities.c.id == sessions.c.identity_id)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.id_hash == id_hash)
    ).first()
    return Due(**row._mapping) if row else None


def keep_proof(connection: Connection, due: Due, *, sealed_tokens: bytes, proved_at: int | None) -> bool:
    """Okta's new tokens are kept; it has vouched again at `proved_at`, or None where that is not sure yet.

    False when the session has ended meanwhile, or holds other tokens by now than those that Okta was asked with: a
    caller that was held up for longer than its lease must not put an older token over a newer one.
    """
    mine = (sessions.c.id_hash == due.id_hash) & sessions.c.ended_at.is_(None)
    mine &= sessions.c.sealed_tokens == due.sealed_tokens
    change: dict[str, bytes | int | None] = {"sealed_tokens": sealed_tokens}
    if proved_at is not None:
        change |= {"proved_at": proved_at, "proving_until": None}
    return connection.execute(update(sessions).where(mine).values(change)).rowcount == 1


def find_proof(connection: Connection, id_hash: bytes) -> int | None:
    """When Okta vouched for the session last, in epoch seconds; None once it has ended."""
    live = (sessions.c.id_hash == id_hash) & sessions.c.ended_at.is_(None)
    proved_at: int | None = connection.execute(select(sessions.c.proved_at).where(live)).scalar()
    return proved_at
