"""Ticking off tasks of the guide: what a form says against what it was made from, so that two people do not undo each
other's ticks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.current import services
from portal.errors import Problem, Refused
from portal.guide.shapes import Part
from portal.store.activity import record_event
from portal.store.guide import tick_tasks, untick_tasks
from portal.web.headers import reference


def save_ticks(
    organization_id: int, part: Part, form: MultiDict[str, str], *, who: str, about: Mapping[str, Any] | None = None
) -> None:
    """Stores what changed. form -- `done`: the boxes that are ticked; `was`: those that were when the page was made.

    Raises Refused(FIELD_REQUIRED) without `was`: an empty form is no page of ours.
    """
    if "was" not in form:
        raise Refused(Problem.FIELD_REQUIRED, "guide_was")
    before, ticked = set(form["was"].split()), set(form.getlist("done"))
    ours = [task.id for task in part.tasks]
    now = services().now()
    with services().db.writing() as connection:
        new = [task for task in ours if task in ticked - before]
        done = tick_tasks(connection, organization_id, new, who=who, now=now)
        undone = untick_tasks(connection, organization_id, [task for task in ours if task in before - ticked])
        if done or undone:
            changed = {"done": done, "undone": undone, **(about or {})}
            record_event(
                connection, organization_id, who=who, what="guide.progress", now=now, reference=reference(),
                about=changed,
            )  # fmt: skip
