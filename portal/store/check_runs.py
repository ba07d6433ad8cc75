"""Runs of the live checks: one at a time for each organization, their rows as they become known, the last 20 kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from portal.store.models import organizations
from portal.store.setup_tables import check_runs

KEPT = 20
# Checks take 10 s in all: what has not written anything for so long has no process any more.
LIFE_SECONDS = 30

_RUN = select(
    check_runs.c.id,
    check_runs.c.subject,
    check_runs.c.fingerprint,
    check_runs.c.who,
    check_runs.c.rows,
    check_runs.c.okta_host,
    check_runs.c.server_id,
    check_runs.c.started_at,
    check_runs.c.beat_at,
    check_runs.c.finished_at,
)


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One run. Times in epoch seconds.

    subject   -- "draft" or "live". fingerprint -- of the settings that were looked at.
    rows      -- {"step", "verdict", "cause", "found", "expected", "at"}, in the order in which they became known.
    okta_host, server_id -- "" until they are known.
    """

    id: int
    subject: str
    fingerprint: str
    who: str
    rows: list[dict[str, Any]]
    okta_host: str
    server_id: str
    started_at: int
    beat_at: int
    finished_at: int | None

    def is_running(self, now: int) -> bool:
        """Whether it is under way: not finished, and a sign of life in the last 30 s."""
        return self.finished_at is None and now - self.beat_at < LIFE_SECONDS


def start_run(
    connection: Connection, organization_id: int, *, subject: str, fingerprint: str, who: str, now: int
) -> tuple[int, bool]:
    """(the id of a new run, True), or (the id of the one under way, False). Needs a transaction."""
    # Without the lock two presses on PostgreSQL both see that none is under way.
    mine = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(mine.with_for_update(key_share=True))
    last = find_latest_run(connection, organization_id)
    if last is not None and last.is_running(now):
        return last.id, False
    row = {"organization_id": organization_id, "subject": subject, "fingerprint": fingerprint, "who": who}
    row |= {"rows": "[]", "okta_host": "", "server_id": "", "started_at": now, "beat_at": now}
    run_id: int = connection.execute(insert(check_runs).returning(check_runs.c.id), row).scalar_one()
    _forget_old(connection, organization_id)
    return run_id, True


def save_rows(
    connection: Connection, organization_id: int, run_id: int, rows: Sequence[Mapping[str, Any]], *, now: int
) -> None:
    """Stores all rows that are known by now, and a sign of life. One thread at a time may call it for a run."""
    _change(connection, organization_id, run_id, {"rows": json.dumps([dict(row) for row in rows]), "beat_at": now})


def finish_run(
    connection: Connection, organization_id: int, run_id: int, *, okta_host: str, server_id: str, now: int
) -> None:
    """The run is over; its rows are complete."""
    found = {"okta_host": okta_host[:253], "server_id": server_id[:64], "beat_at": now, "finished_at": now}
    _change(connection, organization_id, run_id, found)


def stop_run(connection: Connection, organization_id: int, run_id: int) -> None:
    """The run has come to grief: its rows are not complete and will not be, and it is in nobody's way any more."""
    _change(connection, organization_id, run_id, {"beat_at": 0})


def drop_run(connection: Connection, organization_id: int, run_id: int) -> None:
    """The run could not begin after all."""
    connection.execute(delete(check_runs).where(_is(organization_id, run_id)))


def find_run(connection: Connection, organization_id: int, run_id: int) -> CheckRun | None:
    """One run of this organization."""
    return _read(connection.execute(_RUN.where(_is(organization_id, run_id))).first())


def find_latest_run(
    connection: Connection,
    organization_id: int,
    *,
    subject: str | None = None,
    fingerprint: str | None = None,
    finished: bool = False,
) -> CheckRun | None:
    """The newest run of this organization.

    subject     -- only of that ("draft", "live"); with `fingerprint` also one of the same settings under the other
                   name, as they are after a draft went live. finished -- only one that is over.
    """
    newest = _RUN.where(check_runs.c.organization_id == organization_id).order_by(check_runs.c.id.desc()).limit(1)
    if subject is not None:
        same = check_runs.c.subject == subject
        newest = newest.where(same if fingerprint is None else same | (check_runs.c.fingerprint == fingerprint))
    if finished:
        newest = newest.where(check_runs.c.finished_at.is_not(None))
    return _read(connection.execute(newest).first())


def _change(connection: Connection, organization_id: int, run_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(check_runs).where(_is(organization_id, run_id)).values(**values))


def _is(organization_id: int, run_id: int) -> Any:
    return (check_runs.c.organization_id == organization_id) & (check_runs.c.id == run_id)


def _read(row: Any) -> CheckRun | None:
    return None if row is None else CheckRun(**{**row._mapping, "rows": json.loads(row.rows)})


def _forget_old(connection: Connection, organization_id: int) -> None:
    mine = select(check_runs.c.id).where(check_runs.c.organization_id == organization_id)
    oldest_kept = mine.order_by(check_runs.c.id.desc()).offset(KEPT - 1).limit(1)
    last = connection.execute(oldest_kept).scalar()
    if last is not None:
        old = (check_runs.c.organization_id == organization_id) & (check_runs.c.id < last)
        connection.execute(delete(check_runs).where(old))
