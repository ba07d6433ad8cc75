"""A test login as its pages show it: texts in the reader's language, decided here and only laid out there.

What a newer version has written down and this one has no words for is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from flask_babel import gettext

from portal import trials
from portal.connecting import surroundings
from portal.current import services
from portal.errors import Problem
from portal.store.integrations import App
from portal.store.trial_logins import Trial
from portal.trial_sign_out import sign_out_uri
from portal.trial_stages import STAGES, Row, Stage, first_wrong, read_stages
from portal.web.render import show_time
from portal.web.trial_repairs import Repair, find_repair
from portal.web.trial_words import APPS, SUBJECTS, TITLES, VERDICTS, WORDS, describe

_TIMES = frozenset({"exp", "iat", "nbf", "auth_time"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A stage on the page. tone -- of its badge; repair -- where it is put right, if it has to be."""

    id: str
    title: str
    verdict: str
    verdict_text: str
    tone: str
    found: str
    repair: Repair | None
    rows: list[SimpleNamespace]


def show_stages(trial: Trial, app: App | None) -> list[Shown]:
    """All stages in their order, those that have not begun as well."""
    known = {stage.id: stage for stage in read_stages(trial.stages)}
    over = trial.status == "done" or trials.is_cut_off(services(), trial)
    # Most organizations give no roles by groups, and then there is nothing to come.
    return [_show(known.get(name), name, trial, app, over=over) for name in STAGES if name in known or name != "groups"]


def outcome_of(trial: Trial) -> tuple[str, str]:
    """How it stands, in a few words, and the tone of the badge that says so."""
    if trial.status == "done" and trial.passed:
        return gettext("Passed"), "good"
    if trial.status == "done":
        wrong = first_wrong(read_stages(trial.stages))
        where = gettext(TITLES.get(wrong.id, wrong.id)) if wrong else ""
        return (gettext("Ended at: %(stage)s", stage=where) if where else gettext("Did not pass")), "warning"
    if trials.is_cut_off(services(), trial):
        return gettext("Was cut off"), "warning"
    if not is_alive(trial):
        return gettext("Nobody came back"), "neutral"
    texts = {"created": gettext("Waiting"), "started": gettext("At Okta"), "running": gettext("Being checked")}
    return texts.get(trial.status, trial.status), "neutral"


def is_alive(trial: Trial) -> bool:
    """Whether something may still happen."""
    now, ours = services().now(), services()
    if trial.status == "created":
        return now < trial.created_at + trials.LINK_SECONDS
    if trial.status == "started":
        until = max((trial.started_at or 0) + ours.settings.attempt_seconds, trial.created_at + trials.LINK_SECONDS)
        return now < until
    if trial.status == "running":
        return not trials.is_cut_off(ours, trial)
    return trial.sign_out_waits and now < (trial.finished_at or 0) + ours.settings.attempt_seconds


def summarize(trial: Trial) -> SimpleNamespace:
    """One line of the list of test logins."""
    text, tone = outcome_of(trial)
    return SimpleNamespace(
        name=trial.name,
        at=show_time(trial.created_at),
        who=trial.created_by,
        email=trial.email or "",
        app=gettext(APPS.get(trial.app, trial.app)),
        settings=gettext(SUBJECTS.get(trial.subject, trial.subject)),
        outcome=text,
        tone=tone,
    )


def problem_of(trial: Trial) -> Problem:
    """What the person who tested is told when it did not work."""
    wrong = first_wrong(read_stages(trial.stages))
    if wrong is None or not wrong.problem:
        return Problem.OKTA_ERROR
    return Problem.__members__.get(wrong.problem.upper(), Problem.OKTA_ERROR)


def _show(stage: Stage | None, name: str, trial: Trial, app: App | None, *, over: bool) -> Shown:
    if stage is None:
        stage = Stage(name, "skipped" if over else "waiting", reason="" if not over else "not_reached")
        begun = over
    else:
        begun = True
    text, tone = VERDICTS.get(stage.verdict if begun else "", (stage.verdict, "neutral"))
    uris = {"redirect_uri": surroundings(services()).redirect_uris.get(trial.app, "")}
    uris["sign_out_uri"] = sign_out_uri(services(), trial.app)
    found = describe(stage) if begun else ""
    return Shown(
        id=name,
        title=gettext(TITLES[name]),
        verdict=stage.verdict if begun else "",
        verdict_text=gettext(text),
        tone=tone,
        found=gettext(found) if found else "",
        repair=_translate(find_repair(stage, app, **uris)),
        rows=[_row(row) for row in stage.rows],
    )


def _translate(repair: Repair | None) -> Repair | None:
    if repair is None:
        return None
    return Repair(gettext(repair.text), gettext(repair.where) if repair.where else "", repair.link, repair.value)


def _row(row: Row) -> SimpleNamespace:
    labels = {"sent": gettext("Sent"), "received": gettext("Received"), "expected": gettext("Expected")}
    given = {part: getattr(row, part) for part in labels}
    # (label, what stands there, whether that is a value and not our words)
    values = [(labels[part], _value(row.name, text), text[0] != "~") for part, text in given.items() if text]
    text, tone = VERDICTS.get(row.verdict, ("", ""))
    badge = (gettext(text), tone) if row.verdict in ("right", "wrong") else None
    return SimpleNamespace(name=row.name, badge=badge, values=values)


def _value(name: str, value: str) -> str:
    if value.startswith("~"):
        return str(gettext(WORDS.get(value[1:], value[1:])))
    if name in _TIMES and value.isdecimal() and len(value) < 12:
        return f"{value} ({show_time(int(value))})"
    return value
