"""Who is logged in: server-side sessions, of whose id only a hash is stored, and the claim on a returning login."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from portal.store.hot import Hot
from portal.store.left_tokens import leave_tokens_of
from portal.store.models import (
    claimed_attempts,
    identities,
    integrations,
    members,
    organizations,
    revocations,
    sessions,
    users,
)

IDLE_SECONDS = 12 * 3600
ABSOLUTE_SECONDS = 14 * 86400
PHONE_IDLE_SECONDS = 7 * 86400
PHONE_ABSOLUTE_SECONDS = 90 * 86400
# By Okta, but without a refresh token: nobody can ask Okta about it, so it does not outlast a working day.
UNPROVED_SECONDS = 12 * 3600
FRESH_SECONDS = 900  # So long after proving themselves people may change what matters.
TOUCH_SECONDS = 60  # A session's last use is written at most once a minute.


@dataclass(frozen=True, slots=True)
class Session:
    """A live session and whose it is. Times in epoch seconds; `method` is "okta", "password" or "recovery".

    proving_until -- somebody asks Okta about it, until then at most. signed_in_at -- the person last proved themselves.
    idle_seconds, most_seconds -- the organization's own limits, None where the usual ones hold.
    """

    id_hash: bytes
    user_id: int
    email: str
    name: str
    organization_id: int
    organization_slug: str
    organization_name: str
    role: str
    method: str
    identity_id: int | None
    integration_id: int | None
    integration_version: int | None
    sealed_tokens: bytes | None
    created_at: int
    used_at: int
    proved_at: int
    expires_at: int
    proving_until: int | None
    signed_in_at: int | None
    idle_seconds: int | None
    most_seconds: int | None
    okta_issuer: str | None
    okta_email: str | None

    @property
    def ends_at(self) -> int:
        """When it ends if it is not used any more."""
        most = self.expires_at - self.created_at if self.most_seconds is None else self.most_seconds
        idle = IDLE_SECONDS if self.idle_seconds is None else self.idle_seconds
        return min(self.expires_at, self.created_at + most, self.used_at + idle)

    def is_fresh(self, now: int) -> bool:
        """Whether the person has proved themselves in the last 15 minutes. A recovery code counts as long as its short
        session: it is there to put things right, and good only once."""
        return self.method == "recovery" or (self.signed_in_at is not None and now - self.signed_in_at < FRESH_SECONDS)


_FIND = Hot(
    select(
        sessions.c.id_hash,
        users.c.id,
        users.c.email,
        users.c.name,
        organizations.c.id,
        organizations.c.slug,
        organizations.c.name,
        members.c.role,
        sessions.c.method,
        sessions.c.identity_id,
        sessions.c.integration_id,
        sessions.c.integration_version,
        sessions.c.sealed_tokens,
        sessions.c.created_at,
        sessions.c.used_at,
        sessions.c.proved_at,
        sessions.c.expires_at,
        sessions.c.proving_until,
        sessions.c.signed_in_at,
        organizations.c.session_idle_seconds,
        organizations.c.session_seconds,
        identities.c.issuer,
        identities.c.email,
    )
    .select_from(sessions)
    .join(users, users.c.id == sessions.c.user_id)
    .join(organizations, organizations.c.id == sessions.c.organization_id)
    # Somebody who is no longer a member is no longer logged in.
    .join(members, (members.c.user_id == users.c.id) & (members.c.organization_id == organizations.c.id))
    .outerjoin(identities, identities.c.id == sessions.c.identity_id)
    .where(
        sessions.c.id_hash == bindparam("id_hash"),
        sessions.c.kind == "web",
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > bindparam("now"),
        sessions.c.used_at + func.coalesce(organizations.c.session_idle_seconds, IDLE_SECONDS) > bindparam("now"),
        sessions.c.created_at + func.coalesce(organizations.c.session_seconds, ABSOLUTE_SECONDS) > bindparam("now"),
    )
)
_LATER = ("ended_at", "ended_why", "proving_until")
_OPEN = Hot(insert(sessions), [column.name for column in sessions.c if column.name not in _LATER])
_TOUCH = Hot(update(sessions).where(sessions.c.id_hash == bindparam("key")).values(used_at=bindparam("now")))
_END = Hot(
    update(sessions)
    .where(sessions.c.id_hash == bindparam("key"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), ended_why=bindparam("why"), sealed_tokens=bindparam("kept"))
)
_ENDED = Hot(
    select(sessions.c.ended_why, organizations.c.slug, organizations.c.name)
    .join(organizations, organizations.c.id == sessions.c.organization_id)
    .where(sessions.c.id_hash == bindparam("id_hash"), sessions.c.ended_at.is_not(None))
)
_CURRENT = select(
    bindparam("state_hash", type_=LargeBinary), bindparam("claimed_at", type_=BigInteger)
).where(
    exists().where(
        integrations.c.id == bindparam("integration_id"),
        integrations.c.organization_id == bindparam("organization_id"),
        integrations.c.version == bindparam("version"),
        integrations.c.deleted_at.is_(None),
    )
)
_CLAIM_CURRENT = Hot(
    {
        "sqlite": sqlite_insert(claimed_attempts)
        .from_select(["state_hash", "claimed_at"], _CURRENT)
        .on_conflict_do_nothing(),
        "postgresql": postgresql_insert(claimed_attempts)
        .from_select(["state_hash", "claimed_at"], _CURRENT)
        .on_conflict_do_nothing(),
    }
)
_LOGGED_OUT = Hot(
    select(sessions.c.id_hash, sessions.c.integration_id, sessions.c.sealed_tokens).where(
        sessions.c.id_hash == bindparam("id_hash"),
        sessions.c.ended_why == "logout",
        sessions.c.ended_at > bindparam("since"),
        sessions.c.sealed_tokens.is_not(None),
    )
)
_CLAIMED = select(claimed_attempts.c.claimed_at).where(claimed_attempts.c.state_hash == bindparam("state_hash"))
_CLAIM = Hot(
    {
        "sqlite": sqlite_insert(claimed_attempts).on_conflict_do_nothing(),
        "postgresql": postgresql_insert(claimed_attempts).on_conflict_do_nothing(),
    },
    ("state_hash", "claimed_at"),
)


def hash_id(session_id: str) -> bytes:
    """What is stored of a session's id."""
    return hashlib.sha256(session_id.encode()).digest()


def open_session(
    connection: Connection,
    organization_id: int,
    *,
    session_id: str,
    user_id: int,
    method: str,
    now: int,
    identity_id: int | None = None,
    integration_id: int | None = None,
    integration_version: int | None = None,
    sealed_tokens: bytes | None = None,
    kind: str = "web",
    device: str | None = None,
    dpop_jkt: str | None = None,
    opened_by: bytes | None = None,
    network: str | None = None,
    okta_sid: str | None = None,
    signed_in_at: int | None = None,
    created_at: int | None = None,
    seconds: int = ABSOLUTE_SECONDS,
) -> None:
    """Starts a session; it ends after so many `seconds`, by default 14 days, or after 12 hours without use.

    signed_in_at -- when Okta says that the person signed in there; whoever did not come by Okta has done so just now.
    created_at -- when the session began that this one goes on with; now, unless it does.
    """
    _OPEN.run(
        connection,
        {
            "id_hash": hash_id(session_id),
            "organization_id": organization_id,
            "user_id": user_id,
            "method": method,
            "identity_id": identity_id,
            "integration_id": integration_id,
            "integration_version": integration_version,
            "sealed_tokens": sealed_tokens,
            "kind": kind,
            "device": device,
            "dpop_jkt": dpop_jkt,
            "opened_by": opened_by,
            "network": network,
            "okta_sid": okta_sid,
            "signed_in_at": signed_in_at if method == "okta" else now,
            "created_at": now if created_at is None else created_at,
            "used_at": now,
            "proved_at": now,
            "expires_at": now + seconds,
        },
    )


def find_session(connection: Connection, session_id: str, *, now: int) -> Session | None:
    """The live session of a browser with this id."""
    return find_session_by_hash(connection, hash_id(session_id), now=now)


def find_session_by_hash(connection: Connection, id_hash: bytes, *, now: int) -> Session | None:
    """The same, by what is stored of the id."""
    row = _FIND.first(connection, {"id_hash": id_hash, "now": now})
    return Session(*row) if row else None


def touch_session(connection: Connection, session: Session, *, now: int) -> None:
    """Writes down that the session is in use."""
    _TOUCH.run(connection, {"key": session.id_hash, "now": now})


def end_session(
    connection: Connection,
    id_hash: bytes,
    *,
    why: str,
    now: int,
    kept: bytes | None = None,
    back_at: int | None = None,
    dead_at_okta: bool = False,
) -> bool:
    """Ends a session for good; False when it had ended before. `kept` -- what stays of its sealed tokens.

    Okta's tokens are left to be given back: at once, or not before `back_at` where somebody is at it until then; not at
    all where Okta itself has said that they are `dead_at_okta`. The caller says `give_back_after`.
    """
    if not dead_at_okta:
        leave_tokens_of(connection, id_hash, why=why, now=now, try_at=now if back_at is None else back_at)
    return _END.run(connection, {"key": id_hash, "now": now, "why": why, "kept": kept}) > 0


def freshen_session(
    connection: Connection, id_hash: bytes, *, signed_in_at: int, sealed_tokens: bytes | None = None, now: int
) -> bool:
    """The person has proved themselves again; False when the session has ended meanwhile.

    sealed_tokens -- Okta's new ones, where it was Okta that they proved themselves to.
    """
    live = (sessions.c.id_hash == id_hash) & sessions.c.ended_at.is_(None)
    change: dict[str, int | bytes | None] = {"signed_in_at": signed_in_at}
    if sealed_tokens is not None:
        change |= {"sealed_tokens": sealed_tokens, "proved_at": now, "proving_until": None}
    return connection.execute(update(sessions).where(live).values(change)).rowcount == 1


def find_ended(connection: Connection, session_id: str) -> tuple[str, str, str] | None:
    """(why it was ended, slug and name of its organization) of a session that somebody or something has ended."""
    row = _ENDED.first(connection, {"id_hash": hash_id(session_id)})
    return (row[0] or "", row[1], row[2]) if row else None


def find_logged_out(connection: Connection, session_id: str, *, since: int) -> tuple[bytes, int, bytes] | None:
    """(hash of the id, integration, what was kept of its tokens) of a session that was logged out of since then."""
    row = _LOGGED_OUT.first(connection, {"id_hash": hash_id(session_id), "since": since})
    return (row[0], row[1], row[2]) if row else None


def claim_attempt(connection: Connection, state: str, *, now: int) -> bool:
    """True for exactly one caller, over all threads, workers and nodes: the one that may redeem the code."""
    row = {"state_hash": hash_id(state), "claimed_at": now}
    return _CLAIM.run(connection, row) == 1


def claim_current(
    connection: Connection, state: str, *, organization_id: int, integration_id: int, version: int, now: int
) -> bool:
    """`claim_attempt`, and in the same statement: only while the organization's settings are of this version."""
    values = {"state_hash": hash_id(state), "claimed_at": now, "organization_id": organization_id}
    return _CLAIM_CURRENT.run(connection, {**values, "integration_id": integration_id, "version": version}) == 1


def find_claim(connection: Connection, state: str) -> int | None:
    """When the return with this state was claimed, in epoch seconds."""
    claimed_at: int | None = connection.execute(_CLAIMED, {"state_hash": hash_id(state)}).scalar()
    return claimed_at


def remove_expired(connection: Connection, *, now: int, attempt_seconds: int) -> tuple[int, int]:
    """Forgets sessions that ended a day ago and claims no login can come back to; returns how many of each."""
    day_ago = now - 86400
    gone = connection.execute(
        delete(sessions).where(
            (sessions.c.expires_at < day_ago)
            | (sessions.c.ended_at < day_ago)
            | ((sessions.c.kind == "web") & (sessions.c.used_at < day_ago - IDLE_SECONDS))
            | (sessions.c.used_at < day_ago - PHONE_IDLE_SECONDS)
        )
    )
    connection.execute(delete(revocations).where(revocations.c.expires_at < day_ago))
    claims = connection.execute(
        delete(claimed_attempts).where(claimed_attempts.c.claimed_at < now - 2 * attempt_seconds)
    )
    return gone.rowcount, claims.rowcount
