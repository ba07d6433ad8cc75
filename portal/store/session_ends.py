"""Ending many sessions at once, so that none which is being opened at that moment goes on.

On SQLite one transaction writes at a time. On PostgreSQL a session that is being opened is not seen before its commit:
whoever ends all sessions of somebody first waits for those who are opening one, by a lock that they hold. The order of
all transactions: organization, integration, members, the person, sessions.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select, update

from portal.store.left_tokens import leave_tokens_where
from portal.store.models import integrations, sessions, users


def end_where(
    connection: Connection, mine: ColumnElement[bool], *, why: str, now: int, collect_later: bool = False
) -> int:
    """Ends all live sessions of which `mine` is true; how many. Okta's tokens are left to be given back: the caller
    says `give_back_after`.

    collect_later -- there may be ten thousand: their tokens stay with them until somebody collects them in batches.
    """
    change: dict[str, int | str | None] = {"ended_at": now, "ended_why": why}
    if not collect_later:
        leave_tokens_where(connection, mine, why=why, now=now)
        change["sealed_tokens"] = None
    return connection.execute(update(sessions).where(mine, sessions.c.ended_at.is_(None)).values(change)).rowcount


def hold_person(connection: Connection, user_id: int) -> None:
    """Nobody opens a session for this person before this transaction ends; those who are at it are waited for.

    FOR UPDATE: what conflicts with it is the lock that inserting a row takes on what it refers to, so that no login
    pays for this. Whoever holds it has not locked a session yet.
    """
    connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())


def hold_okta_logins(connection: Connection, organization_id: int) -> None:
    """No login by this organization's Okta goes on before this transaction ends, and what it has to know (a role, a
    domain) it reads after that; those who are at it are waited for."""
    live = (integrations.c.organization_id == organization_id) & integrations.c.deleted_at.is_(None)
    connection.execute(select(integrations.c.id).where(live).with_for_update(key_share=True))
