"""How often what happened, by day: finished days are counted once, the rest on demand. And what is too old goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from portal.store.models import activity, activity_counts, activity_days, organizations

DAY = 86400
KEPT_DAYS = 400
# A day is over when nobody can still write an event of it: requests last seconds, clocks differ by less.
_SETTLED_SECONDS = 3600
_BATCH = 20_000
_FEW = 20_000


@dataclass(frozen=True, slots=True)
class Count:
    """How often `what` (and why, if it was turned down) happened on `day`, in days since 1970, UTC."""

    day: int
    what: str
    cause: str
    times: int


def count_days(connection: Connection, organization_id: int, whats: Sequence[str], *, since_day: int) -> list[Count]:
    """The counts of these kinds from `since_day` on, in no order."""
    kept = select(activity_days.c.day, activity_days.c.what, activity_days.c.cause, activity_days.c.times).where(
        activity_days.c.organization_id == organization_id,
        activity_days.c.day >= since_day,
        activity_days.c.what.in_(whats),
    )
    found = [Count(*row) for row in connection.execute(kept)]
    through = _through(connection, organization_id)
    first = since_day if through is None else max(through + 1, since_day)
    return found + _count(connection, organization_id, first, None, whats)


def is_behind(connection: Connection, organization_id: int, *, now: int) -> bool:
    """Whether so much has not been counted yet that a page should not do it."""
    through = _through(connection, organization_id)
    table = activity.c
    open_ = select(table.id).where(table.organization_id == organization_id)
    if through is not None:
        open_ = open_.where(table.at >= (through + 1) * DAY)
    open_ = open_.where(table.at < _last_settled(now) * DAY)
    return connection.execute(select(func.count()).select_from(open_.limit(_FEW + 1).subquery())).scalar_one() > _FEW


def settle_days(connection: Connection, organization_id: int, *, now: int) -> None:
    """Counts the days that are over and have not been counted; several at once count nothing twice."""
    mine = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(mine.with_for_update(key_share=True))
    through, last = _through(connection, organization_id), _last_settled(now)
    if through is not None and through >= last:
        return
    first = through + 1 if through is not None else last - KEPT_DAYS
    rows = [
        {"organization_id": organization_id, "day": count.day, "what": count.what, "cause": count.cause,
         "times": count.times}
        for count in _count(connection, organization_id, first, last + 1, None)
    ]  # fmt: skip
    if rows:
        connection.execute(insert(activity_days), rows)
    if through is None:
        connection.execute(insert(activity_counts), {"organization_id": organization_id, "through_day": last})
    else:
        mine_ = activity_counts.c.organization_id == organization_id
        connection.execute(update(activity_counts).where(mine_).values(through_day=last))


def remove_old_events(connection: Connection, organization_id: int | None, *, now: int) -> int:
    """Removes events of more than 400 days ago, some thousands at a time; how many it removed."""
    table = activity.c
    whose = table.organization_id == organization_id if organization_id is not None else table.organization_id.is_(None)
    old = select(table.id).where(whose, table.at < now - KEPT_DAYS * DAY).order_by(table.at).limit(_BATCH)
    gone = connection.execute(delete(activity).where(table.id.in_(old))).rowcount
    if organization_id is not None:
        past = activity_days.c.day < now // DAY - KEPT_DAYS
        connection.execute(delete(activity_days).where(activity_days.c.organization_id == organization_id, past))
    return gone


def list_organization_ids(connection: Connection) -> list[int]:
    """Every organization there is, for work that goes through all of them."""
    return list(connection.execute(select(organizations.c.id).order_by(organizations.c.id)).scalars())


def total(counts: Sequence[Count]) -> Mapping[tuple[str, str], int]:
    """{(what, cause): how often} over all days."""
    sums: dict[tuple[str, str], int] = {}
    for count in counts:
        key = (count.what, count.cause)
        sums[key] = sums.get(key, 0) + count.times
    return sums


def _last_settled(now: int) -> int:
    return (now - _SETTLED_SECONDS) // DAY - 1


def _through(connection: Connection, organization_id: int) -> int | None:
    mine = activity_counts.c.organization_id == organization_id
    return connection.execute(select(activity_counts.c.through_day).where(mine)).scalar()


def _count(
    connection: Connection, organization_id: int, first: int, before: int | None, whats: Sequence[str] | None
) -> list[Count]:
    table = activity.c
    # A whole number of days on both databases: dividing whole numbers leaves the rest behind.
    day = ((table.at - table.at % DAY) / DAY).label("day")
    cause = func.coalesce(table.cause, "").label("cause")
    statement = select(day, table.what, cause, func.count()).where(
        table.organization_id == organization_id, table.at >= first * DAY
    )
    if before is not None:
        statement = statement.where(table.at < before * DAY)
    if whats is not None:
        statement = statement.where(table.what.in_(whats))
    return [
        Count(int(found), what, why, times)
        for found, what, why, times in connection.execute(statement.group_by(day, table.what, cause))
    ]
