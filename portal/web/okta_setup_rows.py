"""A run of the one-click set-up as people see it: each step with what became of it, and what can be done next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flask_babel

from portal.errors import N_, Problem
from portal.okta.admin_links import admin_link
from portal.store.setup_runs import SetupRun
from portal.web.render import show_time

TITLES = {
    "token": N_("API token"),
    "spa": N_("App for the web"),
    "spa_everyone": N_("App for the web: assigned to Everyone"),
    "native": N_("App for phones"),
    "native_everyone": N_("App for phones: assigned to Everyone"),
    "trusted_origin": N_("Trusted origin"),
    "access_policy": N_("Access policy"),
    "access_rule": N_("Rule in the access policy"),
    "form": N_("Settings in POINT"),
    "checks": N_("Checks"),
    "forget": N_("API token forgotten"),
}
# What became of a step: the word, and the tone of its badge.
OUTCOMES = {
    "done": (N_("Accepted"), "good"),
    "created": (N_("Created"), "good"),
    "added": (N_("Added to"), "good"),
    "there": (N_("Was there already"), "neutral"),
    "to_create": (N_("Will be created"), "neutral"),
    "to_add": (N_("Will be added to"), "neutral"),
    "not_needed": (N_("Not needed"), "neutral"),
    "connected": (N_("Saved"), "good"),
    "draft": (N_("Kept as a draft"), "warning"),
    "to_switch_on": (N_("Kept as a draft"), "neutral"),
    "started": (N_("Started"), "good"),
    "skipped": (N_("Not started"), "warning"),
    "revoked": (N_("Revoked in Okta"), "good"),
    "kept": (N_("Forgotten by POINT"), "good"),
    "not_revoked": (N_("Forgotten by POINT"), "warning"),
    "deleted": (N_("Deleted"), "good"),
    "taken_back": (N_("Taken back"), "good"),
    "gone": (N_("Was gone already"), "neutral"),
    "draft_dropped": (N_("Draft thrown away"), "good"),
    "still_live": (N_("Still in use"), "warning"),
}
STATES = {
    "waiting": (N_("Waiting"), "neutral"),
    "working": (N_("Working ..."), "neutral"),
    "failed": (N_("Stopped here"), "warning"),
}
# What a newer version has written down, and this one has no words for.
_UNKNOWN = (N_("Done"), "neutral")
# Whose token may do it (Okta's own names of its standard roles).
_APPS = N_("Needed here: Application Administrator or Super Administrator.")
_SERVERS = N_("Needed here: API Access Management Administrator or Super Administrator.")
_ROLES = {
    **dict.fromkeys(("spa", "spa_everyone", "native", "native_everyone"), _APPS),
    "trusted_origin": N_("Needed here: Organization Administrator or Super Administrator."),
    "access_policy": _SERVERS,
    "access_rule": _SERVERS,
}


def gettext(text: str, **values: Any) -> str:
    """As Flask-Babel's, which has no types."""
    return str(flask_babel.gettext(text, **values))


@dataclass(frozen=True, slots=True)
class Row:
    """One step. mark -- "done", "working", "waiting" or "failed". link -- (words, address) into Okta or POINT."""

    title: str
    mark: str
    word: str
    tone: str
    notes: list[str]
    link: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class ShownRun:
    """state -- "running", "stopping", "stopped", "looked", "done" or "undone". wait -- seconds until Okta takes calls
    again, or 0. left -- where to do the one step that no API can do, or "" where none is left."""

    id: int
    domain: str
    what: str
    state: str
    tone: str
    headline: str
    rows: list[Row]
    done: int
    wait: int
    step_left: bool
    classic: bool
    left_url: str
    tokens_url: str
    can_resume: bool
    can_undo: bool
    still_live: bool
    to_switch_on: bool
    at: str
    by: str


def show_run(run: SetupRun, *, now: int) -> ShownRun:
    """The run as it is `now` (epoch seconds)."""
    alive = run.is_alive(now)
    state = _state(run, alive)
    steps = [dict(step) for step in run.steps]
    if not alive:
        # Whoever worked on it is gone without a word.
        steps = [{**step, "state": "failed"} if step["state"] == "working" else step for step in steps]
    until = max((step.get("until", 0) for step in steps if step["state"] == "working"), default=0)
    left = any(step.get("left") for step in steps)
    outcomes = [step.get("outcome") for step in steps]
    return ShownRun(
        id=run.id,
        domain=run.domain,
        what=run.what,
        state=state,
        tone=_tone(state, outcomes),
        headline=_headline(run, state, steps),
        rows=[_row(run, step) for step in steps],
        done=sum(step["state"] == "done" for step in steps),
        wait=max(1, until - now) if alive and until else 0,
        step_left=left,
        classic=any(step.get("classic") for step in steps),
        left_url=admin_link(run.domain, "account_settings") if left else "",
        tokens_url=admin_link(run.domain, "api_tokens"),
        can_resume=state == "stopped" and run.what == "set_up",
        can_undo=state in ("stopped", "done") and run.what != "look" and run.has_made_something(),
        still_live="still_live" in outcomes,
        to_switch_on=state == "done" and "to_switch_on" in outcomes,
        at=show_time(run.started_at),
        by=run.started_by,
    )


_TONES = {"running": "info", "stopping": "info", "stopped": "warning", "looked": "info", "done": "success",
          "undone": "success"}  # fmt: skip


def _tone(state: str, outcomes: list[Any]) -> str:
    return "info" if state == "done" and "to_switch_on" in outcomes else _TONES[state]


def _state(run: SetupRun, alive: bool) -> str:
    if run.status in ("running", "stopping"):
        return run.status if alive else "stopped"
    if run.status not in _TONES:
        return "stopped"
    return "looked" if run.status == "done" and run.what == "look" else run.status


def _headline(run: SetupRun, state: str, steps: list[dict[str, Any]]) -> str:
    outcomes = [step.get("outcome") for step in steps]
    created, added = outcomes.count("to_create"), outcomes.count("to_add")
    if state == "looked" and not created and not added:
        return gettext("Everything is there already. Nothing would be changed in Okta.")
    if state == "looked":
        said = [gettext("Nothing has been changed yet.")]
        if created:
            said.append(flask_babel.ngettext("One thing will be created.", "%(num)s things will be created.", created))
        if added:
            said.append(flask_babel.ngettext("One thing will be added to.", "%(num)s things will be added to.", added))
        return " ".join(said)
    if state == "done":
        return _done_headline(outcomes)
    words = {
        "running": gettext("Taking back what was made in Okta ...") if run.what == "undo" else gettext("Under way ..."),
        "stopping": gettext("Stopping before the next step ..."),
        "stopped": gettext("Stopped half-way."),
        "undone": gettext("Taken back: what this set-up had made in Okta is gone."),
    }
    return words[state]


def _done_headline(outcomes: list[Any]) -> str:
    if "draft" in outcomes:
        return gettext("Okta is set up, but does not accept the settings yet. They are kept as a draft.")
    if "to_switch_on" in outcomes:
        return gettext(
            "Okta is set up. Other settings are live and stay so: the new ones are a draft until you switch it on."
        )
    if not {"created", "added", "connected"} & set(outcomes):
        return gettext("Everything was there already. Nothing was changed.")
    return gettext("Done: Okta is set up, and POINT is connected.")


def _row(run: SetupRun, step: Mapping[str, Any]) -> Row:
    state = step["state"] if step["state"] in STATES else "done"
    word, tone = OUTCOMES.get(step.get("outcome", ""), _UNKNOWN) if state == "done" else STATES[state]
    notes = _failed(step) if state == "failed" else _notes(run, step)
    title = TITLES.get(step["id"], step["id"])
    return Row(gettext(title), state, gettext(word), tone, notes, _link(run, step))


def _failed(step: Mapping[str, Any]) -> list[str]:
    problem = Problem.__members__.get(str(step.get("problem", "")).upper())
    if problem is None:
        return [gettext("The set-up was interrupted here. Whether this step was done is looked up when you go on.")]
    role = [gettext(_ROLES[step["id"]])] if problem is Problem.API_TOKEN_WEAK and step["id"] in _ROLES else []
    if problem is Problem.OKTA_BUSY:
        return [gettext("Okta keeps saying that it gets too many requests. Wait a few minutes, then go on.")]
    return [f"{gettext(problem.title)}. {gettext(problem.advice)}", *role]


def _notes(run: SetupRun, step: Mapping[str, Any]) -> list[str]:
    outcome = step.get("outcome")
    found: list[str] = []
    if step.get("login"):
        found.append(gettext("It acts for %(person)s.", person=step["login"]))
    if step.get("client_id"):
        found.append(gettext("%(label)s, Client ID %(client_id)s", label=step["label"], client_id=step["client_id"]))
    if step.get("origin"):
        found.append(step["origin"])
    if step.get("server"):
        found.append(_server(step["server"]))
    if step.get("left") and run.what != "undo":
        found.append(gettext("Without Interaction Code, which this Okta has switched off."))
    found += [gettext(_NOTES[outcome])] if outcome in _NOTES else []
    for code in dict.fromkeys(step.get("problems", {}).values()):
        problem = Problem.__members__.get(str(code).upper())
        found += [f"{gettext(problem.title)}. {gettext(problem.advice)}"] if problem else []
    return found


_NOTES = {
    "kept": N_("It still works in Okta. Revoke it there when you do not need it any more."),
    "not_revoked": N_("Okta does not let the token revoke itself. Please revoke it there."),
    "to_switch_on": N_("People log in with other settings, which stay live until you switch these on."),
    "skipped": N_("POINT is busy. You can start the checks yourself."),
    "still_live": N_("People log in with an app that is deleted now. Delete the integration, or save other settings."),
}


def _server(server: str) -> str:
    if server == "org":
        return gettext("The org authorization server is used, which has no access policies.")
    return gettext("At the authorization server %(server)s.", server=server)


def _link(run: SetupRun, step: Mapping[str, Any]) -> tuple[str, str] | None:
    """Straight to what was made, in the Admin Console."""
    if step.get("client_id"):
        url = admin_link(run.domain, "app_general", client_id=step["client_id"])
    elif step.get("outcome") in ("kept", "not_revoked"):
        url = admin_link(run.domain, "api_tokens")
    elif step.get("server") and step["server"] != "org":
        url = admin_link(run.domain, "access_policies", server_id=step["server"])
    elif step.get("origin"):
        url = admin_link(run.domain, "trusted_origins")
    else:
        url = ""
    return (gettext("Open in Okta"), url) if url and run.what != "undo" else None
