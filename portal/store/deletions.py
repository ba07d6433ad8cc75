"""Delete Integration in the tables: whom it would shut out, what it would end, and what is known of one afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from portal.store.integrations import UNDO_SECONDS
from portal.store.models import activity, integrations, members, sessions, users
from portal.store.okta_people import comes_by_okta
from portal.store.setup_tables import check_watches, integration_drafts, mails, setup_links, trial_logins

DELETED = "okta.deleted"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who logs in by Okta and has no password."""

    user_id: int
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Ends:
    """How much would end or be left: live sessions in browsers and apps, hand-over links, test logins under way, and
    whether there is a draft."""

    web_sessions: int
    phone_sessions: int
    setup_links: int
    trial_logins: int
    draft: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """The last Delete Integration of an organization that has not connected Okta since. Times in epoch seconds;
    `about` -- what was written down of it."""

    integration_id: int
    version: int
    at: int
    by: str
    about: Mapping[str, Any]

    @property
    def until(self) -> int:
        """When it can no longer be undone."""
        return self.at + UNDO_SECONDS


def list_without_password(connection: Connection, organization_id: int, limit: int | None = None) -> list[Person]:
    """Members who log in by this organization's Okta and have no password, by name; at most `limit`."""
    people = (
        select(users.c.id, users.c.email, users.c.name)
        .join(members, members.c.user_id == users.c.id)
        .where(
            members.c.organization_id == organization_id,
            users.c.password_hash.is_(None),
            comes_by_okta(organization_id),
        )
        .order_by(users.c.name, users.c.email)
        .limit(limit)
    )
    return [Person(*row) for row in connection.execute(people)]


def find_without_password(connection: Connection, organization_id: int, email: str) -> Person | None:
    """The one of them with this address."""
    mine = select(users.c.id, users.c.email, users.c.name).join(members, members.c.user_id == users.c.id)
    mine = mine.where(members.c.organization_id == organization_id, users.c.email == email)
    row = connection.execute(mine.where(users.c.password_hash.is_(None), comes_by_okta(organization_id))).first()
    return Person(*row) if row else None


def count_ends(connection: Connection, organization_id: int, integration_id: int, *, now: int) -> Ends:
    """What a deletion would end now."""
    live = (
        select(sessions.c.kind, func.count())
        .where(
            sessions.c.organization_id == organization_id,
            sessions.c.integration_id == integration_id,
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
        )
        .group_by(sessions.c.kind)
    )
    by_kind = {row[0]: row[1] for row in connection.execute(live)}
    links = select(func.count()).where(*_open_links(organization_id, now))
    trials = select(func.count()).where(*_open_trials(organization_id))
    draft = select(integration_drafts.c.organization_id).where(integration_drafts.c.organization_id == organization_id)
    return Ends(
        web_sessions=by_kind.get("web", 0),
        phone_sessions=by_kind.get("phone", 0),
        setup_links=connection.execute(links).scalar_one(),
        trial_logins=connection.execute(trials).scalar_one(),
        draft=connection.execute(draft).first() is not None,
    )


def end_set_up(connection: Connection, organization_id: int, *, now: int) -> None:
    """Hand-over links end, test logins of what was live are over, and nothing is watched any more."""
    connection.execute(update(setup_links).where(*_open_links(organization_id, now)).values(revoked_at=now))
    over = {"status": "done", "passed": False, "finished_at": now, "sealed_attempt": None, "sealed_tokens": None}
    connection.execute(update(trial_logins).where(*_open_trials(organization_id)).values(over))
    connection.execute(delete(check_watches).where(check_watches.c.organization_id == organization_id))


def find_deletion(connection: Connection, organization_id: int, *, now: int) -> Deletion | None:
    """The one that can still be undone; None when Okta is connected."""
    mine = integrations.c.organization_id == organization_id
    if connection.execute(select(integrations.c.id).where(mine, integrations.c.deleted_at.is_(None))).first():
        return None
    last = (
        select(integrations.c.id, integrations.c.version, integrations.c.deleted_at, integrations.c.updated_by)
        .where(mine, integrations.c.deleted_at > now - UNDO_SECONDS)
        .order_by(integrations.c.deleted_at.desc(), integrations.c.id.desc())
        .limit(1)
    )
    row = connection.execute(last).first()
    return Deletion(*row, _read_about(connection, organization_id)) if row else None


def count_mails(connection: Connection, organization_id: int, kind: str, *, since: int) -> tuple[int, int, int]:
    """(sent, waiting, given up): this organization's mails of this kind that were written since then."""
    mine = (mails.c.organization_id == organization_id) & (mails.c.kind == kind) & (mails.c.created_at >= since)
    found = select(func.count(mails.c.sent_at), func.count(mails.c.failed_at), func.count()).where(mine)
    sent, failed, every = connection.execute(found).one()
    return sent, every - sent - failed, failed


def _read_about(connection: Connection, organization_id: int) -> Mapping[str, Any]:
    newest = (
        select(activity.c.about)
        .where(activity.c.organization_id == organization_id, activity.c.what == DELETED)
        .order_by(activity.c.id.desc())
        .limit(1)
    )
    found: Mapping[str, Any] = json.loads(connection.execute(newest).scalar() or "{}")
    return found


def _open_links(organization_id: int, now: int) -> tuple[Any, ...]:
    mine = setup_links.c.organization_id == organization_id
    return mine, setup_links.c.revoked_at.is_(None), setup_links.c.expires_at > now


def _open_trials(organization_id: int) -> tuple[Any, ...]:
    mine = (trial_logins.c.organization_id == organization_id) & (trial_logins.c.subject == "live")
    return mine, trial_logins.c.status.in_(("created", "started"))
