"""How far an organization has come with the guide: which tasks somebody has ticked off, who and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from portal.store.setup_tables import guide_progress


@dataclass(frozen=True, slots=True)
class Tick:
    """A task that is done. at -- epoch seconds."""

    at: int
    who: str


def list_ticks(connection: Connection, organization_id: int) -> dict[str, Tick]:
    """What this organization has done, by the id of the task."""
    mine = select(guide_progress.c.step, guide_progress.c.done_at, guide_progress.c.who).where(
        guide_progress.c.organization_id == organization_id
    )
    return {step: Tick(done_at, who) for step, done_at, who in connection.execute(mine)}


def tick_tasks(connection: Connection, organization_id: int, tasks: Iterable[str], *, who: str, now: int) -> list[str]:
    """Ticks these off; answers those that were not ticked before, which keep who did it first."""
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    done: list[str] = []
    for task in tasks:
        row = {"organization_id": organization_id, "step": task, "done_at": now, "who": who}
        added = insert(guide_progress).values(row).on_conflict_do_nothing().returning(guide_progress.c.step)
        done += connection.execute(added).scalars()
    return done


def untick_tasks(connection: Connection, organization_id: int, tasks: Collection[str]) -> list[str]:
    """Takes these ticks away; answers those that were there."""
    there = [task for task in tasks if task in list_ticks(connection, organization_id)]
    mine = guide_progress.c.organization_id == organization_id
    connection.execute(delete(guide_progress).where(mine, guide_progress.c.step.in_(there)))
    return there
