"""Organization > Integrations > Okta > Checks: every step of the guide, looked up in that Okta."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.checking import start_checks
from portal.current import services
from portal.store.check_runs import find_latest_run, find_run
from portal.subjects import Subject, find_subject
from portal.web import throttle
from portal.web.check_rows import ShownRun, show_run
from portal.web.guards import demand_viewer, member
from portal.web.redirects import Redirect
from portal.web.render import render

pages = Blueprint("okta_checks", __name__, url_prefix="/organizations/<slug>/integrations/okta/checks")


@pages.get("")
@member("integrations.view")
def show(slug: str) -> ResponseReturnValue:
    """The newest run of the draft, or else of what is live."""
    with services().db.reading() as connection:
        organization_id = demand_viewer().session.organization_id
        both = all(find_subject(connection, organization_id, name) for name in ("draft", "live"))
    return _render("show", both=both)


@pages.post("")
@member("integrations.edit")
def run(slug: str) -> ResponseReturnValue:
    """Begins a run and comes back to the page, which shows how it goes. A second press finds the run under way."""
    subject = _find_subject(request.form.get("subject"))
    if subject is None:
        return Redirect(_address(slug))
    with services().db.reading() as connection:
        last = find_latest_run(connection, subject.organization_id)
    if last is None or not last.is_running(services().now()):
        g.retry_url, g.retry_label = _address(slug, subject.name), gettext("Back to the checks")
        throttle.limit_checks(subject.organization_id)
    run_id = start_checks(services(), subject, who=demand_viewer().email, seen_by_owner=True)
    with services().db.reading() as connection:
        begun = find_run(connection, subject.organization_id, run_id)
    return Redirect(_address(slug, begun.subject if begun else subject.name))


@pages.get("/progress")
@member("integrations.view", landing=False)
def progress(slug: str) -> ResponseReturnValue:
    """The sentence on top, as it is now, for live.js."""
    return _render("progress")


@pages.get("/rows")
@member("integrations.view", landing=False)
def rows(slug: str) -> ResponseReturnValue:
    """The rows, as they are now, for live.js."""
    return _render("rows")


def _render(template: str, **more: Any) -> str:
    subject = _find_subject(request.args.get("subject"))
    return render(
        f"pages/okta_checks/{template}.html",
        subject=subject.name if subject else "",
        shown=_show(subject) if subject else None,
        may_edit=demand_viewer().may("integrations.edit"),
        **more,
    )


def _find_subject(name: str | None) -> Subject | None:
    """The one that is asked for, or else the draft, or else what is live."""
    organization_id = demand_viewer().session.organization_id
    with services().db.reading() as connection:
        asked = find_subject(connection, organization_id, "live") if name == "live" else None
        return asked or find_subject(connection, organization_id)


def _show(subject: Subject) -> ShownRun | None:
    with services().db.reading() as connection:
        run = find_latest_run(
            connection, subject.organization_id, subject=subject.name, fingerprint=subject.fingerprint
        )
    return show_run(run, subject, now=services().now()) if run else None


def _address(slug: str, subject: str = "") -> str:
    return f"/organizations/{slug}/integrations/okta/checks" + (f"?subject={subject}" if subject else "")
