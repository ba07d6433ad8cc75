"""Logins and logouts of the app under way: found by their state, finished by one return, remembered for the second."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from portal.store.hot import Hot
from portal.store.models import integrations, native_attempts
from portal.store.sessions import hash_id

_T = native_attempts.c
_OPEN = (_T.status == "created") | (_T.status == "opened")


@dataclass(frozen=True, slots=True)
class NativeAttempt:
    """purpose -- "login" or "logout"; flow -- "okta", "embedded" or "page" (the portal's own).

    status -- created; opened (the portal's page was seen); returned (its deep link is being redeemed); completed;
    failed. Times in epoch seconds. `failure` is "problem:reason"; `answer` is sealed.
    """

    state_hash: bytes
    purpose: str
    flow: str
    organization_id: int | None
    code_challenge: str
    sealed_attempt: bytes
    status: str
    created_at: int
    returned_at: int | None
    ended_at: int | None
    link_hash: bytes | None
    answer: bytes | None
    failure: str | None
    code_hash: bytes | None
    code_at: int | None
    web_session: bytes | None
    began_session: bool | None


_ADD = Hot(
    insert(native_attempts),
    (
        "state_hash",
        "purpose",
        "flow",
        "organization_id",
        "code_challenge",
        "sealed_attempt",
        "status",
        "created_at",
    ),
)
_FIND = Hot(
    select(
        _T.state_hash,
        _T.purpose,
        _T.flow,
        _T.organization_id,
        _T.code_challenge,
        _T.sealed_attempt,
        _T.status,
        _T.created_at,
        _T.returned_at,
        _T.ended_at,
        _T.link_hash,
        _T.answer,
        _T.failure,
        _T.code_hash,
        _T.code_at,
        _T.web_session,
        _T.began_session,
    ).where(_T.state_hash == bindparam("state_hash"))
)
_CLAIM = update(native_attempts).where(_T.state_hash == bindparam("key"), _OPEN)
_CLAIM = _CLAIM.values(status="returned", returned_at=bindparam("now"), link_hash=bindparam("link"))
_CURRENT = exists().where(
    integrations.c.id == bindparam("integration_id"),
    integrations.c.organization_id == bindparam("organization"),
    integrations.c.version == bindparam("version"),
    integrations.c.deleted_at.is_(None),
)
_CLAIM_ANY = Hot(_CLAIM)
_CLAIM_CURRENT = Hot(_CLAIM.where(_CURRENT))
_FINISH = Hot(
    update(native_attempts)
    .where(_T.state_hash == bindparam("key"), _T.status == "returned")
    .values(
        status=bindparam("outcome"),
        ended_at=bindparam("now"),
        answer=bindparam("sealed"),
        failure=bindparam("why"),
        code_hash=None,
    )
)


def add_attempt(
    connection: Connection,
    state: str,
    *,
    purpose: str,
    flow: str,
    organization_id: int | None,
    code_challenge: str,
    sealed_attempt: bytes,
    now: int,
) -> None:
    """Writes a new attempt down; of its state only the hash."""
    row = {"state_hash": hash_id(state), "purpose": purpose, "flow": flow, "organization_id": organization_id}
    row |= {"code_challenge": code_challenge, "sealed_attempt": sealed_attempt, "status": "created", "created_at": now}
    _ADD.run(connection, row)


def find_native_attempt(connection: Connection, state_hash: bytes) -> NativeAttempt | None:
    """The attempt whose state has this hash (`sessions.hash_id`)."""
    row = _FIND.first(connection, {"state_hash": state_hash})
    return NativeAttempt(*row) if row else None


def claim_return(connection: Connection, state_hash: bytes, *, link_hash: bytes, now: int) -> bool:
    """True for exactly one return, over all threads, workers and nodes: the one that may redeem."""
    return _CLAIM_ANY.run(connection, {"key": state_hash, "link": link_hash, "now": now}) == 1


def claim_current_return(
    connection: Connection,
    state_hash: bytes,
    *,
    link_hash: bytes,
    organization_id: int,
    integration_id: int,
    version: int,
    now: int,
) -> bool:
    """`claim_return`, and in the same statement: only while the organization's settings are of this version."""
    keys = {"key": state_hash, "link": link_hash, "now": now, "organization": organization_id}
    return _CLAIM_CURRENT.run(connection, {**keys, "integration_id": integration_id, "version": version}) == 1


def complete_attempt(connection: Connection, state_hash: bytes, *, answer: bytes, now: int) -> bool:
    """The login is through; `answer`, sealed, is for whoever lost it. False when it was given up meanwhile."""
    values = {"key": state_hash, "now": now, "outcome": "completed", "sealed": answer, "why": None}
    return _FINISH.run(connection, values) == 1


def fail_attempt(connection: Connection, state_hash: bytes, *, failure: str, now: int) -> bool:
    """The login is over without success; `failure` ("problem:reason") is what is said when it comes a second time."""
    values = {"key": state_hash, "now": now, "outcome": "failed", "sealed": None, "why": failure}
    return _FINISH.run(connection, values) == 1


def reopen_attempt(connection: Connection, state_hash: bytes) -> None:
    """The return could not be finished, and nothing was used up: it may come again."""
    mine = (_T.state_hash == state_hash) & (_T.status == "returned")
    connection.execute(update(native_attempts).where(mine).values(status="opened", link_hash=None, returned_at=None))


def open_attempt(connection: Connection, state_hash: bytes, *, now: int) -> None:
    """The portal's page of this login has been seen."""
    mine = (_T.state_hash == state_hash) & (_T.status == "created")
    connection.execute(update(native_attempts).where(mine).values(status="opened", opened_at=now))


def hand_code(
    connection: Connection, state_hash: bytes, *, code_hash: bytes, web_session: bytes, began: bool, now: int
) -> bool:
    """The portal's one-time code for this login, in the place of an earlier one; False when the login is over.

    web_session -- the hash of the browser session whose person the code stands for; began -- for this login.
    """
    values = {"code_hash": code_hash, "code_at": now, "web_session": web_session, "began_session": began}
    values["status"] = "opened"
    handed = connection.execute(update(native_attempts).where(_T.state_hash == state_hash, _OPEN).values(values))
    return handed.rowcount == 1


def remove_old_attempts(connection: Connection, *, before: int) -> int:
    """Forgets attempts that began before this time; returns how many."""
    return connection.execute(delete(native_attempts).where(_T.created_at < before)).rowcount


def note_logout_return(connection: Connection, state_hash: bytes, *, now: int) -> bool:
    """Okta has sent somebody back from signing out; True the first time, for a logout that was begun."""
    mine = (_T.state_hash == state_hash) & (_T.purpose == "logout") & (_T.status == "created")
    noted = connection.execute(update(native_attempts).where(mine).values(status="completed", ended_at=now))
    return noted.rowcount == 1
