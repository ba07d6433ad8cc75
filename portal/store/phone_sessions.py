"""Sessions of the app, and the refresh tokens that carry them on: each is used once, and its use is remembered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from portal.store.hot import Hot
from portal.store.models import members, organizations, refresh_tokens, sessions, users
from portal.store.sessions import PHONE_IDLE_SECONDS

ANSWER_SECONDS = 60
KEPT_SECONDS = 7 * 86400  # How long a used refresh token is known as such.

_PERSON = (
    users.c.id,
    users.c.email,
    users.c.name,
    organizations.c.id,
    organizations.c.slug,
    organizations.c.name,
    members.c.role,
)
_SESSION = (
    sessions.c.id_hash,
    sessions.c.method,
    sessions.c.integration_id,
    sessions.c.sealed_tokens,
    sessions.c.dpop_jkt,
    sessions.c.opened_by,
    sessions.c.created_at,
    sessions.c.used_at,
    sessions.c.proved_at,
    sessions.c.expires_at,
    sessions.c.ended_at,
    sessions.c.ended_why,
    organizations.c.session_seconds,
)
_WHOSE = (
    sessions.join(users, users.c.id == sessions.c.user_id)
    .join(organizations, organizations.c.id == sessions.c.organization_id)
    # Somebody who is no longer a member has no role, and is turned away.
    .outerjoin(members, (members.c.user_id == users.c.id) & (members.c.organization_id == organizations.c.id))
)
_FIND = Hot(
    select(*_SESSION, *_PERSON)
    .select_from(_WHOSE)
    .where(sessions.c.id_hash == bindparam("id_hash"), sessions.c.kind == "phone")
)
_FIND_BY_TOKEN = Hot(
    select(refresh_tokens.c.used_at, refresh_tokens.c.answer, *_SESSION, *_PERSON)
    .select_from(_WHOSE.join(refresh_tokens, refresh_tokens.c.session_hash == sessions.c.id_hash))
    .where(refresh_tokens.c.token_hash == bindparam("token_hash"), sessions.c.kind == "phone")
)
_ADD = Hot(insert(refresh_tokens), ("token_hash", "session_hash", "created_at"))
_USE = Hot(
    update(refresh_tokens)
    .where(refresh_tokens.c.token_hash == bindparam("key"), refresh_tokens.c.used_at.is_(None))
    .values(used_at=bindparam("now"), answer=bindparam("sealed"))
)
_TOUCH_LIVE = Hot(
    update(sessions)
    .where(sessions.c.id_hash == bindparam("key"), sessions.c.ended_at.is_(None))
    .values(used_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class PhoneSession:
    """A session of the app, live or over, and whose it is. Times in epoch seconds; `role` is None once the person is
    no longer a member; `opened_by` is the hash of the browser session that was begun for it; `most_seconds` is the
    organization's own limit, if it has one.
    """

    id_hash: bytes
    method: str
    integration_id: int | None
    sealed_tokens: bytes | None
    dpop_jkt: str | None
    opened_by: bytes | None
    created_at: int
    used_at: int
    proved_at: int
    expires_at: int
    ended_at: int | None
    ended_why: str | None
    most_seconds: int | None
    user_id: int
    email: str
    name: str
    organization_id: int
    organization_slug: str
    organization_name: str
    role: str | None

    def over(self, now: int) -> str:
        """Why nobody is logged in by it any more, as a stable code; "" while it lives."""
        if self.ended_at is not None:
            return self.ended_why or "ended"
        if self.expires_at <= now or (self.most_seconds is not None and self.created_at + self.most_seconds <= now):
            return "session_expired"
        if self.used_at <= now - PHONE_IDLE_SECONDS:
            return "session_idle"
        return "" if self.role else "not_a_member"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token that was given out: `used_at` and the sealed `answer` to its use are None before it."""

    used_at: int | None
    answer: bytes | None
    session: PhoneSession


def find_phone_session(connection: Connection, id_hash: bytes) -> PhoneSession | None:
    """The session of the app with this hash, live or over."""
    row = _FIND.first(connection, {"id_hash": id_hash})
    return PhoneSession(*row) if row else None


def find_refresh_token(connection: Connection, token_hash: bytes) -> RefreshToken | None:
    """The refresh token with this hash, used or not."""
    row = _FIND_BY_TOKEN.first(connection, {"token_hash": token_hash})
    return RefreshToken(row[0], row[1], PhoneSession(*row[2:])) if row else None


def add_refresh_token(connection: Connection, token_hash: bytes, session_hash: bytes, *, now: int) -> None:
    """Writes down that this refresh token was given out."""
    _ADD.run(connection, {"token_hash": token_hash, "session_hash": session_hash, "created_at": now})


def use_refresh_token(
    connection: Connection, token_hash: bytes, *, session_hash: bytes, successor: bytes, answer: bytes, now: int
) -> bool:
    """True for exactly one caller, over all threads and nodes: its answer counts, and its successor is the next.

    False also when the session has ended meanwhile; the caller rolls back or looks again.
    """
    used = _USE.run(connection, {"key": token_hash, "now": now, "sealed": answer})
    if used != 1 or _TOUCH_LIVE.run(connection, {"key": session_hash, "now": now}) != 1:
        return False
    add_refresh_token(connection, successor, session_hash, now=now)
    return True


def remove_used_tokens(connection: Connection, *, now: int) -> int:
    """Forgets refresh tokens that were used a week ago, and the answers that nobody can ask for again; returns how
    many tokens."""
    old = refresh_tokens.c.used_at < now - ANSWER_SECONDS
    connection.execute(update(refresh_tokens).where(old, refresh_tokens.c.answer.is_not(None)).values(answer=None))
    gone = connection.execute(delete(refresh_tokens).where(refresh_tokens.c.used_at < now - KEPT_SECONDS))
    return gone.rowcount
