"""Runs of the one-click set-up: how far each came, and what it has made in Okta. Never the token.

A run belongs to whoever holds it, one thread of one process. When that shows no sign of life for 30 s it counts as
stopped, and another may take the run over; the first then finds that it cannot write to it any more.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, update

from portal.errors import Problem, Refused
from portal.store.models import organizations
from portal.store.setup_tables import setup_runs

DEAD_SECONDS = 30
_ALIVE = ("running", "stopping")
Steps = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SetupRun:
    """what -- "look", "set_up" or "undo". status -- "running", "stopping", "stopped", "done", "undone". choices -- what
    the owner wanted. steps -- in order, each with `id`, `state` and what became of it. made -- by name, what was
    created or changed in Okta.
    """

    id: int
    organization_id: int
    domain: str
    what: str
    status: str
    choices: Mapping[str, Any]
    steps: Steps
    made: Mapping[str, Mapping[str, Any]]
    started_by: str
    started_at: int
    beat_at: int
    finished_at: int | None

    def is_alive(self, now: int) -> bool:
        """Whether somebody is at work on it."""
        return self.status in _ALIVE and now - self.beat_at <= DEAD_SECONDS

    def has_made_something(self) -> bool:
        """Whether there is anything in Okta that an undo would take back."""
        return any(each.get("did") != "found" for each in self.made.values())


def begin_run(
    connection: Connection, organization_id: int, *, domain: str, what: str, choices: Mapping[str, Any], steps: Steps,
    who: str, now: int,
) -> tuple[int, str]:  # fmt: skip
    """A new run: (its id, the holder's word). Raises Refused(SET_UP_UNDER_WAY)."""
    _demand_none(connection, organization_id, now)
    holder = secrets.token_hex(16)
    row = {
        "organization_id": organization_id,
        "domain": domain,
        "what": what,
        "status": "running",
        "holder": holder,
        "choices": json.dumps(dict(choices)),
        "steps": _dump(steps),
        "made": "{}",
        "started_by": who,
        "started_at": now,
        "beat_at": now,
    }
    run_id: int = connection.execute(insert(setup_runs).returning(setup_runs.c.id), row).scalar_one()
    return run_id, holder


def take_run(
    connection: Connection, organization_id: int, run_id: int, *, what: str, choices: Mapping[str, Any], steps: Steps,
    now: int,
) -> str:  # fmt: skip
    """Goes on with a run that nobody is at work on: the new holder's word. What it has made stays known.

    Raises Refused: SET_UP_UNDER_WAY, NOT_FOUND.
    """
    _demand_none(connection, organization_id, now)
    holder = secrets.token_hex(16)
    values: dict[str, Any] = {"what": what, "status": "running", "holder": holder, "steps": _dump(steps)}
    values |= {"choices": json.dumps(dict(choices)), "beat_at": now, "finished_at": None}
    if not connection.execute(update(setup_runs).where(_mine(organization_id, run_id)).values(values)).rowcount:
        raise Refused(Problem.NOT_FOUND, "setup_run")
    return holder


def save_run(
    connection: Connection, run_id: int, holder: str, *, steps: Steps, made: Mapping[str, Any], now: int,
    status: str | None = None,
) -> str | None:  # fmt: skip
    """Writes down how far a run is, as its holder; with `status` that it is over.

    Answers the status it has now: "stopping" when somebody wants it to stop, None when it is not the holder's any more.
    """
    mine = and_(setup_runs.c.id == run_id, setup_runs.c.holder == holder, setup_runs.c.status.in_(_ALIVE))
    values: dict[str, Any] = {"steps": _dump(steps), "made": json.dumps(dict(made)), "beat_at": now}
    if status is not None:
        values |= {"status": status, "finished_at": now}
    changed = update(setup_runs).where(mine).values(values).returning(setup_runs.c.status)
    found: str | None = connection.execute(changed).scalar_one_or_none()
    return found


def ask_to_stop(connection: Connection, organization_id: int, run_id: int) -> bool:
    """Tells whoever holds the run to stop at the next step; False when it is not under way."""
    running = and_(_mine(organization_id, run_id), setup_runs.c.status == "running")
    return bool(connection.execute(update(setup_runs).where(running).values(status="stopping")).rowcount)


def find_run(connection: Connection, organization_id: int, run_id: int | None = None) -> SetupRun | None:
    """That run of this organization; the last one without an id."""
    wanted = setup_runs.c.organization_id == organization_id
    if run_id is not None:
        wanted = _mine(organization_id, run_id)
    row = connection.execute(select(setup_runs).where(wanted).order_by(setup_runs.c.id.desc()).limit(1)).first()
    return _read(row) if row else None


def list_runs(connection: Connection, organization_id: int, *, limit: int = 20) -> list[SetupRun]:
    """The last runs, newest first."""
    mine = select(setup_runs).where(setup_runs.c.organization_id == organization_id)
    return [_read(row) for row in connection.execute(mine.order_by(setup_runs.c.id.desc()).limit(limit))]


def find_known_ids(connection: Connection, organization_id: int, domain: str) -> dict[str, str]:
    """By name, the ids of what runs of this organization have made or found at that Okta; the newest counts."""
    runs = select(setup_runs.c.made).where(
        setup_runs.c.organization_id == organization_id, setup_runs.c.domain == domain
    )
    known: dict[str, str] = {}
    for (made,) in connection.execute(runs.order_by(setup_runs.c.id)):
        known |= {name: each["id"] for name, each in json.loads(made).items() if each.get("id")}
    return known


def _demand_none(connection: Connection, organization_id: int, now: int) -> None:
    # One at a time: without the lock two of them would both find that there is none.
    lock = select(organizations.c.id).where(organizations.c.id == organization_id).with_for_update(key_share=True)
    connection.execute(lock)
    alive = and_(setup_runs.c.status.in_(_ALIVE), setup_runs.c.beat_at >= now - DEAD_SECONDS)
    others = select(setup_runs.c.id).where(setup_runs.c.organization_id == organization_id)
    if connection.execute(others.where(alive)).first() is not None:
        raise Refused(Problem.SET_UP_UNDER_WAY)
    dead = and_(setup_runs.c.organization_id == organization_id, or_(*(setup_runs.c.status == one for one in _ALIVE)))
    connection.execute(update(setup_runs).where(dead).values(status="stopped", finished_at=setup_runs.c.beat_at))


def _mine(organization_id: int, run_id: int) -> Any:
    return and_(setup_runs.c.organization_id == organization_id, setup_runs.c.id == run_id)


def _dump(steps: Steps) -> str:
    return json.dumps([dict(step) for step in steps])


def _read(row: Any) -> SetupRun:
    values = {name: value for name, value in row._mapping.items() if name != "holder"}
    return SetupRun(**{**values, **{name: json.loads(values[name]) for name in ("choices", "steps", "made")}})
