"""What the Okta page says of the sign-in on POINT's own page: what the last checks have found of it, and when.

Nobody is asked for it: the page is looked at often, and Checks shows the same steps and can look them up again.
"""

from __future__ import annotations

from types import SimpleNamespace

from sqlalchemy import Connection

from portal.current import services
from portal.store.check_runs import find_latest_run
from portal.store.okta_logins import find_login
from portal.subjects import Subject, find_subject
from portal.web import embedded, widget_assets
from portal.web.check_rows import ShownRow, ShownRun, show_run

# What the widget depends on, in the guide's order; the others are shown only where they keep it from working.
_STEPS = ("engine", "interaction_code_setting", "spa.interaction_code", "spa.access_policy", "trusted_origin")
_ALSO = ("domain", "authorization_server", "spa.client", "spa.redirect_uri")


def show(connection: Connection, organization_id: int) -> SimpleNamespace | None:
    """For what is live; None where Okta is not connected.

    state -- "off" (people sign in on Okta's page), "unchecked", "works", "broken" or "unclear".
    """
    subject = find_subject(connection, organization_id, "live")
    if subject is None:
        return None
    installed = widget_assets.installed()
    if subject.sign_in != "embedded":
        return SimpleNamespace(state="off", installed=installed, rows=[], at="")
    run = _find_run(connection, subject)
    rows = _rows(run) if run else []
    return SimpleNamespace(state=_state(run, rows, installed), installed=installed, rows=rows, at=run.at if run else "")


def forget(slug: str) -> None:
    """Settings were saved: what this organization's Okta said before counts no more."""
    with services().db.reading() as connection:
        login = find_login(connection, slug)
    if login is not None:
        embedded.forget(login)


def _find_run(connection: Connection, subject: Subject) -> ShownRun | None:
    """The last finished run of these very settings."""
    run = find_latest_run(
        connection, subject.organization_id, subject="live", fingerprint=subject.fingerprint, finished=True
    )
    if run is None or run.fingerprint != subject.fingerprint:
        return None
    return show_run(run, subject, now=services().now())


def _rows(run: ShownRun) -> list[ShownRow]:
    known = {row.step: row for _title, rows in run.groups for row in rows}
    also = [known[step] for step in _ALSO if step in known and known[step].verdict != "right"]
    return also + [known[step] for step in _STEPS if step in known]


def _state(run: ShownRun | None, rows: list[ShownRow], installed: bool) -> str:
    if not installed:
        return "broken"
    if run is None:
        return "unchecked"
    verdicts = {row.verdict for row in rows}
    if "wrong" in verdicts:
        return "broken"
    return "works" if verdicts <= {"right", "needless", "login"} else "unclear"
