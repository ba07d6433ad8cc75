"""Takes back what one run has made in Okta: deletes what it created, and takes out what it added. Nothing else.

Repeatable like the set-up: what is gone already is gone, and what has been taken back is remembered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from portal.okta import set_up_plan as plan
from portal.okta.management import Json, delete, fetch_list, find, replace, turn
from portal.set_up_work import APPS, ORIGINS, Work, at
from portal.store.drafts import drop_draft, find_draft
from portal.store.integrations import find_integration

# The last made goes first: a rule before its policy, an assignment before its app.
ORDER = (
    "access_rule", "access_policy", "trusted_origin", "native_everyone", "native", "spa_everyone", "spa",
)  # fmt: skip


def undo_steps(made: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names of the steps that take back what was made."""
    keys = [key for key in ORDER if made.get(key, {}).get("did") in ("created", "changed")]
    return ["token", "form", *keys, "forget"]


def undo_step(work: Work, key: str) -> tuple[str, dict[str, Any]]:
    """Takes one thing back: ("deleted" | "taken_back" | "gone", nothing more)."""
    entry = work.progress.made.get(key, {})
    if "path" in entry:
        outcome = "deleted" if delete(work.account, entry["path"]) else "gone"
    elif entry.get("did") == "created":
        outcome = _delete(work, key, entry)
    else:
        outcome = _take_back(work, entry)
    work.progress.forget(key)
    return outcome, {}


def undo_form(work: Work, gone: frozenset[str]) -> tuple[str, dict[str, Any]]:
    """A draft with an app that is about to go is thrown away. What people log in with is not changed behind anybody's
    back: the owner is told to delete the integration, or to save another."""
    with work.services.db.writing() as connection:
        live = find_integration(connection, work.organization_id)
        if live is not None and {app.client_id for app in live.apps.values()} & gone:
            return "still_live", {}
        draft = find_draft(connection, work.organization_id)
        typed = {draft.entries.get(f"{kind}_client_id", "") for kind in plan.KINDS} if draft else set()
        if not typed & gone:
            return "there", {}
        drop_draft(connection, work.organization_id)
    return "draft_dropped", {}


def _delete(work: Work, key: str, entry: Mapping[str, Any]) -> str:
    identifier = entry.get("id") or _find_lost(work, key, entry)
    if not identifier:
        return "gone"
    path = at(entry["shelf"], identifier)
    if key in plan.KINDS:
        # Okta deletes no active app (E0000056).
        turn(work.account, path, on=False)
    return "deleted" if delete(work.account, path) else "gone"


def _find_lost(work: Work, key: str, entry: Mapping[str, Any]) -> str:
    """The id of what was being created when the run was interrupted, if Okta has it."""
    looks: dict[str, Callable[[], Json | None]] = {
        "spa": lambda: plan.pick_app(_apps(work), "spa", work.addresses),
        "native": lambda: plan.pick_app(_apps(work), "native", work.addresses),
        "trusted_origin": lambda: plan.pick_origin(fetch_list(work.account, f"{ORIGINS}?limit=100"), work.addresses),
    }
    look = looks.get(key, lambda: plan.pick_named(fetch_list(work.account, entry["shelf"]), ""))
    found = look()
    return str(found["id"]) if found else ""


def _apps(work: Work) -> list[Json]:
    return fetch_list(work.account, f"{APPS}?q={plan.NAME}&limit=20")


def _take_back(work: Work, entry: Mapping[str, Any]) -> str:
    path = at(entry["shelf"], entry["id"])
    found = find(work.account, path)
    if found is None:
        return "gone"
    left = plan.take_back(found, entry.get("added", {}))
    if left != found:
        replace(work.account, path, left)
    if entry.get("woken"):
        turn(work.account, path, on=False)
    return "taken_back"
