"""What happened, append-only: who, what, when, and the reference that a person may read out to us."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from portal.store.hot import Hot
from portal.store.models import activity

_RECORD = Hot(insert(activity), ("organization_id", "at", "who", "what", "about", "reference", "cause"))
_NEWEST = (
    select(activity.c.at, activity.c.who, activity.c.what, activity.c.about, activity.c.reference)
    .where(activity.c.organization_id == bindparam("organization_id"))
    .order_by(activity.c.at.desc(), activity.c.id.desc())
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `at` in epoch seconds; `about` holds no secret, code or token."""

    at: int
    who: str
    what: str
    about: Mapping[str, Any]
    reference: str


def record_event(
    connection: Connection,
    organization_id: int | None,
    *,
    who: str,
    what: str,
    now: int,
    reference: str,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Writes one event; `about` is kept as JSON and must hold nothing secret. Its "code", a Problem's, is counted."""
    row = {
        "organization_id": organization_id,
        "at": now,
        "who": who,
        "what": what,
        "about": json.dumps(about, separators=(",", ":")) if about else "{}",
        "reference": reference,
        "cause": about.get("code") if about else None,
    }
    _RECORD.run(connection, row)


def list_events(connection: Connection, organization_id: int, *, limit: int = 50) -> list[Event]:
    """The newest events of this organization, newest first."""
    rows = connection.execute(_NEWEST, {"organization_id": organization_id, "limit": limit})
    return [Event(at, who, what, json.loads(about), reference) for at, who, what, about, reference in rows]
