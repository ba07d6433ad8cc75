"""A run of the live checks as the page shows it: a sentence on top, what to put right, and the rows in their groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext

from portal.check_texts import (
    GROUPS,
    VERDICTS,
    explain,
    group_of,
    is_entered_here,
    is_value,
    labels_of,
    name_of,
    shown_verdict,
    spell,
    title_of,
    where_to_change,
)
from portal.okta.admin_links import admin_link
from portal.okta.steps import BY_ID, STEPS, Step
from portal.store.check_runs import CheckRun
from portal.subjects import Subject
from portal.web.render import show_time

_TONES = {"right": "good", "wrong": "warning"}
# Nothing to be done about these, so they fold away.
_FOLDED = frozenset({"right", "needless", "later"})


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One step. name -- as its group calls it; title -- where it stands alone; said -- what is the matter; link -- into
    that Okta, "" where there is none to build."""

    step: str
    name: str
    title: str
    verdict: str
    word: str
    tone: str
    folded: bool
    said: str
    found: str
    expected: str
    labels: tuple[str, str]
    is_value: bool
    where: str
    link: str
    in_point: bool
    details: list[tuple[str, str]]

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return "step-" + self.step.replace(".", "-")


@dataclass(frozen=True, slots=True)
class ShownRun:
    """state -- "running", "stopped" or "done". counts -- of rows by verdict."""

    state: str
    summary: str
    tone: str
    known: int
    total: int
    groups: list[tuple[str, list[ShownRow]]]
    wrong: list[ShownRow]
    counts: Mapping[str, int]
    at: str
    who: str
    changed: bool


def show_run(run: CheckRun, subject: Subject, *, now: int) -> ShownRun:
    """The run, in the reader's language."""
    state = "running" if run.is_running(now) else "stopped" if run.finished_at is None else "done"
    known = {row["step"]: row for row in run.rows}
    rows = [_show(step, known[step], run, subject) for step in _steps(known, subject, state)]
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}
    summary, tone = _summarize(state, rows, counts)
    groups: dict[str, list[ShownRow]] = {key: [] for key in GROUPS}
    for row in rows:
        step = BY_ID.get(row.step)
        groups[group_of(row.step, embedded_only=step is not None and step.embedded_only)].append(row)
    return ShownRun(
        state=state,
        summary=summary,
        tone=tone,
        known=len(rows) - counts["waiting"],
        total=len(rows),
        groups=[(gettext(GROUPS[key]), found) for key, found in groups.items() if found],
        wrong=[row for row in rows if row.verdict == "wrong"],
        counts=counts,
        at=show_time(run.finished_at or run.started_at),
        who=run.who,
        changed=run.fingerprint != subject.fingerprint,
    )


def _steps(known: dict[str, dict[str, Any]], subject: Subject, state: str) -> list[str]:
    """What to show, in the guide's order: what is known, and until the run is over also what is not. Fills `known`."""
    phone = bool(subject.entries.native_client_id.strip() or subject.entries.native_domain.strip())
    expected = [step.id for step in STEPS if phone or (step.app != "native" and step.id != "pair")]
    missing = {"running": ("waiting", ""), "stopped": ("unknown", "stopped")}.get(state)
    for step in expected if missing else ():
        known.setdefault(step, {"step": step, "verdict": missing[0], "cause": missing[1]})  # type: ignore[index]
    order = [step.id for step in STEPS]
    return sorted(known, key=lambda step: order.index(step) if step in order else len(order))


def _show(step_id: str, row: Mapping[str, Any], run: CheckRun, subject: Subject) -> ShownRow:
    step, verdict = BY_ID.get(step_id), shown_verdict(row["verdict"], row["cause"])
    where = where_to_change(step_id) if verdict in ("wrong", "needless") else ""
    text, embedded = explain(step_id, verdict, row["cause"]), step is not None and step.embedded_only
    return ShownRow(
        step=step_id,
        name=gettext(title_of(step_id) if embedded else name_of(step_id)),
        title=gettext(title_of(step_id)),
        verdict=verdict,
        word=gettext(VERDICTS[verdict]),
        tone=_TONES.get(verdict, "neutral"),
        folded=verdict in _FOLDED,
        said=gettext(text) if text else "",
        found=spell(step_id, row.get("found", "")),
        expected=spell(step_id, row.get("expected", "")),
        labels=tuple(gettext(label) for label in labels_of(step_id)),
        is_value=is_value(step_id),
        where=gettext(where) if where else "",
        link=_link(step, run, subject) if step and where else "",
        in_point=verdict == "wrong" and is_entered_here(step_id),
        details=_details(row),
    )


def _link(step: Step, run: CheckRun, subject: Subject) -> str:
    client_id = getattr(subject.entries, f"{step.app}_client_id").strip() if step.app else ""
    return admin_link(run.okta_host, step.place, client_id=client_id, server_id=run.server_id)


def _details(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What support may ask for."""
    at = show_time(row["at"]) if "at" in row else ""
    about = " ".join(filter(None, (row["step"], row["verdict"], row["cause"])))
    facts = [
        (gettext("Found"), row.get("found", "")),
        (gettext("It should be"), row.get("expected", "")),
        (gettext("In POINT's records"), about),
        (gettext("Looked up"), at),
    ]
    return [(label, text) for label, text in facts if text]


def _summarize(state: str, rows: Sequence[ShownRow], counts: Mapping[str, int]) -> tuple[str, str]:
    """The sentence on top, and its tone."""
    if state == "running":
        return gettext("Checking with your Okta. This takes up to ten seconds."), "info"
    if state == "stopped":
        return gettext("The checks stopped before they were done. Check again."), "warning"
    silent = next((row for row in rows if row.step == "domain" and row.verdict == "unknown"), None)
    if silent is not None:
        return gettext("Your Okta could not be asked.") + " " + silent.said, "warning"
    if not any(counts[verdict] for verdict in ("wrong", "unknown", "later", "login")):
        return gettext("Everything is right."), "success"
    tone = "warning" if counts["wrong"] else "info" if counts["unknown"] or counts["later"] else "success"
    return ", ".join(_count(counts)) + ".", tone


def _count(counts: Mapping[str, int]) -> Iterator[str]:
    """How many there are of each kind that there is."""
    wrong, unknown, later, login = (counts[verdict] for verdict in ("wrong", "unknown", "later", "login"))
    if wrong:
        yield ngettext("%(num)s step to put right", "%(num)s steps to put right", wrong)
    else:
        yield gettext("Nothing to put right")
    if unknown:
        yield ngettext("%(num)s that could not be told", "%(num)s that could not be told", unknown)
    if later:
        yield ngettext("%(num)s that waits for another", "%(num)s that wait for another", later)
    if login:
        yield ngettext("%(num)s that only a test login can tell", "%(num)s that only a test login can tell", login)
