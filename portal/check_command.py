"""`flask okta check`: the live checks for the command line, one row for each step of the guide."""

from __future__ import annotations

from typing import Any

from portal.check_texts import VERDICTS, explain, labels_of, shown_verdict, spell, title_of, where_to_change
from portal.checking import run_checks_now
from portal.errors import Problem, Refused
from portal.services import Services
from portal.store.organizations import load_organization
from portal.subjects import SubjectName, find_subject

_SHOWN = ("found", "expected")
_NAMES = ("step", "verdict", "cause", "found", "expected")


def check_okta(services: Services, slug: str, subject_name: SubjectName | None, *, who: str) -> dict[str, Any]:
    """Runs the checks of the draft, or else of what is live; `wrong` counts what is to be put right.

    Raises Refused(ORGANIZATION_UNKNOWN), Refused(OKTA_NOT_CONNECTED) when there is nothing to check, and what
    `run_checks_now` raises.
    """
    with services.db.reading() as connection:
        organization = load_organization(connection, slug)
        subject = find_subject(connection, organization.id, subject_name)
    if subject is None:
        raise Refused(Problem.OKTA_NOT_CONNECTED, "nothing_to_check")
    run = run_checks_now(services, subject, who=who)
    rows = [{name: row[name] for name in _NAMES} for row in run.rows]
    return {
        "organization": slug,
        "subject": run.subject,
        "okta": run.okta_host,
        "authorization_server": run.server_id,
        "wrong": sum(row["verdict"] == "wrong" for row in rows),
        "checks": rows,
    }


def table(found: dict[str, Any]) -> str:
    """What `check_okta` found, for people at a terminal: a line for each step, and below it what to do."""
    lines = [f"{found['organization']} ({found['subject']}), {found['okta'] or 'Okta not found'}"]
    wide = max(len(word) for word in VERDICTS.values())
    for row in found["checks"]:
        word = VERDICTS[shown_verdict(row["verdict"], row["cause"])]
        lines.append(f"{word:<{wide}}  {title_of(row['step'])}")
        if row["verdict"] != "right":
            lines += [f"{'':<{wide}}  {text}" for text in _more(row) if text]
    lines.append(f"{found['wrong']} to put right")
    return "\n".join(lines)


def _more(row: dict[str, Any]) -> list[str]:
    step, labels = row["step"], labels_of(row["step"])
    found = [f"{label}: {spell(step, row[name])}" for label, name in zip(labels, _SHOWN, strict=True) if row[name]]
    where = where_to_change(step) if row["verdict"] == "wrong" else ""
    return [explain(step, row["verdict"], row["cause"]), *found, where]
