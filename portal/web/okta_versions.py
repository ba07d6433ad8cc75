"""The versions of an organization's Okta settings: who changed what and when, and the way back to any of them."""

from __future__ import annotations

from types import SimpleNamespace

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal import connecting
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.connect import EntriesRefused
from portal.store.drafts import find_draft
from portal.store.integration_versions import Version, find_version, list_versions
from portal.store.integrations import Integration, find_integration, settings_of
from portal.subjects import form_of
from portal.web import embedded_rows, throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.okta_changes import list_changes
from portal.web.okta_page import show_refused
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("okta_versions", __name__, url_prefix="/organizations/<slug>/integrations/okta/versions")
_A_PAGE = 20
_MOST = 1 << 53


@pages.get("")
@member("integrations.view")
def show(slug: str) -> ResponseReturnValue:
    """The changes, newest first, each with what differs from the one before."""
    return _page()


@pages.post("/<int:version_id>/restore")
@member("integrations.edit")
def restore(slug: str, version_id: int) -> ResponseReturnValue:
    """These settings go live again, if that Okta takes them; otherwise they are a draft, and it is said why."""
    session = demand_viewer().session
    with services().db.reading() as connection:
        version = find_version(connection, session.organization_id, version_id) if version_id < _MOST else None
    expected_version, expected_draft = connecting.read_stamp(request.form.get("version", ""))
    throttle.limit_saves(session.organization_id)
    try:
        connecting.restore_version(
            services(),
            session.organization_id,
            version,
            who=session.email,
            reference=reference(),
            expected_version=expected_version,
            expected_draft=expected_draft,
        )
    except EntriesRefused as refused:
        return show_refused(form_of(version.settings if version else None), refused)
    except Refused as refused:
        if refused.problem is not Problem.CONFLICT:
            raise
        note_refusal(refused)
        return _page(Problem.CONFLICT)
    embedded_rows.forget(slug)
    return Redirect(f"/organizations/{slug}/integrations/okta?done=restored")


def _page(problem: Problem | None = None) -> ResponseReturnValue:
    organization_id = demand_viewer().session.organization_id
    asked = request.args.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 16 else None
    with services().db.reading() as connection:
        # One more than is shown: the last one is compared with it.
        found = list_versions(connection, organization_id, before=before, limit=_A_PAGE + 1)
        live = find_integration(connection, organization_id)
        draft = find_draft(connection, organization_id)
    page = render(
        "pages/okta_versions/versions.html",
        versions=_show(found, live, newest=before is None),
        older=found[_A_PAGE - 1].id if len(found) > _A_PAGE else None,
        newer=before is not None,
        version=connecting.stamp_of(live, draft),
        has_draft=draft is not None,
        problem=problem,
        may_edit=demand_viewer().may("integrations.edit"),
    )
    return page, problem.status if problem else 200


def _show(found: list[Version], live: Integration | None, *, newest: bool) -> list[SimpleNamespace]:
    """The rows of the page; what is live without being written down, from before versions were kept, is one too."""
    if newest and not found and live is not None:
        settings = settings_of(live)
        found = [Version(0, live.version, live.updated_at, live.updated_by, "saved", settings)]
    shown = []
    for place, version in enumerate(found[:_A_PAGE]):
        before = found[place + 1] if place + 1 < len(found) else None
        now = form_of(version.settings)
        is_live = newest and place == 0 and version.what != "deleted"
        shown.append(
            SimpleNamespace(
                id=version.id,
                title=_title(version.what),
                who=version.who,
                at=show_time(version.at),
                is_live=is_live,
                deleted=version.what == "deleted",
                first=before is None,
                changes=_changes(before, now) if version.what != "deleted" else [],
                restorable=not is_live,
            )
        )
    return shown


def _changes(before: Version | None, now: dict[str, str]) -> list[object]:
    return [*list_changes(form_of(before.settings) if before else None, now)]


def _title(what: str) -> str:
    titles: dict[str, str] = {
        "saved": gettext("Saved"),
        "switched_on": gettext("Draft switched on"),
        "deleted": gettext("Integration deleted"),
        "undone": gettext("Deletion undone"),
        "restored": gettext("Earlier settings restored"),
    }
    return titles.get(what, what)
