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
