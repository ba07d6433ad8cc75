"""The admin guide as content: parts, tasks, Okta's labels, and which checks tell about which task.

Texts are English and marked for translation; knows no Flask, no database and no network.
"""

from __future__ import annotations

from portal.guide.account import ACCOUNT
from portal.guide.apps import NATIVE, SPA
from portal.guide.point import ADD, DELETE, FIND_NATIVE, FIND_SPA
from portal.guide.security import ORIGINS, POLICIES
from portal.guide.shapes import Part, Task

# In the order in which they are done; the guide that this follows has "Add Okta to POINT" before the two that say
# where its values are found.
PARTS: tuple[Part, ...] = (ACCOUNT, SPA, NATIVE, ORIGINS, POLICIES, FIND_SPA, FIND_NATIVE, ADD, DELETE)
BY_ID: dict[str, Part] = {part.id: part for part in PARTS}
TASKS: dict[str, Task] = {task.id: task for part in PARTS for task in part.tasks}


def tasks_to_do() -> list[Task]:
    """Those that count for the progress of the whole."""
    return [task for part in PARTS if not part.later for task in part.tasks]


def part_of_check(step_id: str) -> Part | None:
    """The part that says how to put right what this check found; the first whose task is about it."""
    for part in PARTS:
        if any(step_id in task.checks for task in part.tasks):
            return part
    return None
