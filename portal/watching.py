"""The watch: live integrations are checked again by themselves, each once a day at a time of its own.

`maintenance` calls it. Several processes may do so at once: each takes only what it has claimed. Knows no Flask.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from portal.check_changes import WATCH, Changes, note_changes
from portal.check_texts import TITLES
from portal.checking import run_checks_now
from portal.errors import Refused
from portal.services import Services
from portal.store.check_runs import CheckRun
from portal.store.check_watches import DueWatch, begin_watches, claim_watch, find_watched, list_due_watches
from portal.subjects import find_subject

MOST = 100  # in one call, which an hourly timer makes: 2,400 a day
AT_ONCE = 4
_log = logging.getLogger("portal.watching")


@dataclass(frozen=True, slots=True)
class Notice:
    """What the last look at the live settings found wrong that had been right. steps -- their names, for gettext;
    since -- epoch seconds of the oldest."""

    steps: tuple[str, ...]
    since: int


def watch(services: Services, *, most: int = MOST) -> dict[str, int]:
    """Checks what is due, four at a time; how many were checked, turned wrong and are right again."""
    now = services.now()
    with services.db.writing() as connection:
        begin_watches(connection, now=now)
    with services.db.reading() as connection:
        due = list_due_watches(connection, now=now, most=most)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="watch") as threads:
        looked = [each for each in threads.map(partial(_look, services), due) if each is not None]
    return {
        "checked": len(looked),
        "turned_wrong": sum(len(each.turned_wrong) for each in looked),
        "right_again": sum(len(each.right_again) for each in looked),
    }


def notice_for(connection: Connection, organization_id: int) -> Notice | None:
    """What the owners should know before their people do; None while nothing of what is live has turned wrong."""
    live = find_subject(connection, organization_id, "live")
    watched = find_watched(connection, organization_id)
    if live is None or not watched.wrong or watched.fingerprint != live.fingerprint:
        return None
    steps = tuple(title for step, title in TITLES.items() if step in watched.wrong)
    return Notice(steps, min(each["at"] for each in watched.wrong.values()))


def _look(services: Services, due: DueWatch) -> Changes | None:
    """One integration; None when somebody else has it, or it could not be looked at. Nothing stops the others."""
    try:
        with services.db.writing() as connection:
            subject = find_subject(connection, due.organization_id, "live")
            if subject is None or not claim_watch(connection, due, now=services.now()):
                return None
        found: list[Changes | None] = []

        def note(connection: Connection, run: CheckRun) -> None:
            found.append(note_changes(services, due.organization_id, connection, run))

        run_checks_now(services, subject, who=WATCH, note=note, patience=0)
    except Refused as refused:
        _log.warning("organization %s was not watched: %s", due.organization_id, refused.reason)
        return None
    except Exception:
        _log.exception("organization %s was not watched", due.organization_id)
        return None
    return found[0] if found else None
