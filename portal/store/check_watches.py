"""When each live integration is checked again by itself, and which of its steps were right and which turned wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.store.models import integrations, members, users
from portal.store.setup_tables import check_watches

DAY = 86400
_LIVE = integrations.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is remembered of an organization's steps.

    fingerprint -- of the settings for which `right` holds.
    right       -- the steps that were right when they were last found out about.
    wrong       -- {step: {"at", "cause", "found", "mailed"}} of those that were right before and turned wrong.
    """

    fingerprint: str = ""
    right: frozenset[str] = frozenset()
    wrong: Mapping[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DueWatch:
    """An integration that is due."""

    organization_id: int
    next_at: int


def begin_watches(connection: Connection, *, now: int) -> int:
    """Every live integration that is not watched yet is due at once; returns how many."""
    unwatched = (
        select(integrations.c.organization_id)
        .outerjoin(check_watches, check_watches.c.organization_id == integrations.c.organization_id)
        .where(_LIVE, check_watches.c.organization_id.is_(None))
    )
    return sum(_insert(connection, organization_id, now) for organization_id in connection.scalars(unwatched).all())


def list_due_watches(connection: Connection, *, now: int, most: int) -> list[DueWatch]:
    """The live integrations that are due, those that have waited longest first. Nobody has claimed them by this."""
    due = (
        select(check_watches.c.organization_id, check_watches.c.next_at)
        .join(integrations, integrations.c.organization_id == check_watches.c.organization_id)
        .where(_LIVE, check_watches.c.next_at <= now)
        .order_by(check_watches.c.next_at, check_watches.c.organization_id)
        .limit(most)
    )
    return [DueWatch(*row) for row in connection.execute(due)]


def claim_watch(connection: Connection, due: DueWatch, *, now: int) -> bool:
    """Whether it is the caller's, alone of all processes; it is due again at the organization's own time of day."""
    claimed = connection.execute(
        update(check_watches)
        .where(check_watches.c.organization_id == due.organization_id, check_watches.c.next_at == due.next_at)
        .values(next_at=next_watch(due.organization_id, now))
    )
    return claimed.rowcount == 1


def next_watch(organization_id: int, now: int) -> int:
    """When this organization is due after `now`: once a day, at a time of its own, so that not all come at once."""
    own = int.from_bytes(hashlib.sha256(b"watch %d" % organization_id).digest()[:8]) % DAY
    return (now - own) // DAY * DAY + DAY + own


def find_watched(connection: Connection, organization_id: int, *, lock: bool = False) -> Watched:
    """What is remembered; with `lock` for a change in this transaction, which nobody else makes meanwhile."""
    mine = select(check_watches.c.told).where(check_watches.c.organization_id == organization_id)
    told = connection.execute(mine.with_for_update() if lock else mine).scalar()
    if not told:
        return Watched()
    known = json.loads(told)
    return Watched(known["fingerprint"], frozenset(known["right"]), known["wrong"])


def save_watched(connection: Connection, organization_id: int, watched: Watched, *, now: int) -> None:
    """Remembers it. An integration that was not watched yet is from now on."""
    told = {"fingerprint": watched.fingerprint, "right": sorted(watched.right), "wrong": dict(watched.wrong)}
    mine = update(check_watches).where(check_watches.c.organization_id == organization_id)
    if connection.execute(mine.values(told=json.dumps(told))).rowcount == 0:
        row = {"organization_id": organization_id, "next_at": next_watch(organization_id, now)}
        connection.execute(insert(check_watches), {**row, "told": json.dumps(told)})


def _insert(connection: Connection, organization_id: int, now: int) -> bool:
    # In a savepoint, since another process may do the same at the same moment.
    try:
        with connection.begin_nested():
            row = {"organization_id": organization_id, "next_at": now, "told": ""}
            connection.execute(insert(check_watches), row)
    except IntegrityError:
        return False
    return True


def list_owners(connection: Connection, organization_id: int) -> list[str]:
    """The e-mail addresses of this organization's owners."""
    owners = (
        select(users.c.email)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.organization_id == organization_id, members.c.role == "owner")
        .order_by(users.c.email)
    )
    return list(connection.scalars(owners))
