"""Looking through what happened: by kind, person, time and reference, newest first, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select, tuple_, union_all

from portal.store.models import activity, sessions, users
from portal.store.sessions import hash_id

PAGE = 50
_SAME_MOMENT = 2  # seconds between the end of a session and the line about it, which are of one transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; everything that is empty says nothing.

    whats     -- kinds of events, each by its code.
    who       -- an e-mail address, whole, in lower case.
    reference -- as it stands on an error page.
    since, until -- epoch seconds; until is not itself included.
    """

    whats: Sequence[str] = ()
    who: str = ""
    reference: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the time and the id of its last event."""

    at: int
    id: int


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One thing that happened, with its place in the list. `about` holds nothing secret."""

    place: Place
    who: str
    what: str
    about: Mapping[str, Any]
    reference: str


def search_events(
    connection: Connection, organization_id: int, wanted: Wanted, *, after: Place | None = None, limit: int = PAGE
) -> list[FoundEvent]:
    """Events of this organization, newest first, from behind `after`; one statement whatever is looked for.

    Each kind is looked up by itself in the order of its index and the newest of all of them are taken: a kind that is
    one in a million costs no more than any other.
    """
    parts = [_part(organization_id, wanted, what, after, limit) for what in wanted.whats or ("",)]
    if len(parts) > 1:
        together = union_all(*(select(part.subquery()) for part in parts)).subquery()
        statement = select(together).order_by(together.c.at.desc(), together.c.id.desc()).limit(limit)
    else:
        statement = parts[0]
    return [
        FoundEvent(Place(at, number), who, what, json.loads(about), reference)
        for number, at, who, what, about, reference in connection.execute(statement)
    ]


def find_reference_of_end(connection: Connection, session_id: str, whats: Sequence[str]) -> str:
    """The reference of what ended this session, an event of one of these kinds; "" where there is none.

    Who is told of the end is seldom who caused it: the reference of their own page would find nothing.
    """
    table = activity.c
    statement = (
        select(table.reference)
        .join(sessions, sessions.c.organization_id == table.organization_id)
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.id_hash == hash_id(session_id),
            table.what.in_(whats),
            table.at.between(sessions.c.ended_at, sessions.c.ended_at + _SAME_MOMENT),
            table.reference != "",
        )
        # Somebody else's may have ended in the same second.
        .order_by((table.who == users.c.email).desc(), table.at, table.id)
        .limit(1)
    )
    return connection.execute(statement).scalar() or ""


def _part(organization_id: int, wanted: Wanted, what: str, after: Place | None, limit: int) -> Select[Any]:
    table = activity.c
    conditions = [table.organization_id == organization_id]
    if what:
        conditions.append(table.what == what)
    if wanted.who:
        conditions.append(table.who == wanted.who)
    if wanted.reference:
        conditions.append(table.reference == wanted.reference)
    if wanted.since is not None:
        conditions.append(table.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.at < wanted.until)
    if after is not None:
        conditions.append(tuple_(table.at, table.id) < tuple_(after.at, after.id))
    columns = (table.id, table.at, table.who, table.what, table.about, table.reference)
    return select(*columns).where(*conditions).order_by(table.at.desc(), table.id.desc()).limit(limit)
