"""The Okta page: the form with its four fields, the draft beside what is live, and what is to know of both."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.connecting import stamp_of
from portal.current import services
from portal.errors import Problem
from portal.okta.connect import EntriesRefused
from portal.store.drafts import Draft, find_draft
from portal.store.integrations import Integration, find_integration, settings_of
from portal.store.okta_only import is_in_force
from portal.subjects import form_of
from portal.watching import notice_for
from portal.web import embedded_rows
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer
from portal.web.okta_changes import list_changes, list_labels, show_value
from portal.web.okta_deleted import show_deleted
from portal.web.render import render, show_time


def show_page(
    form: Mapping[str, str] | None = None, *, problems: Mapping[str, Problem] | None = None, kept: bool = False
) -> ResponseReturnValue:
    """The page with what is stored, or with what was typed (`form`) and what is wrong with it.

    kept -- what was typed is the draft now.
    """
    viewer = demand_viewer()
    with services().db.reading() as connection:
        live = find_integration(connection, viewer.session.organization_id)
        draft = find_draft(connection, viewer.session.organization_id)
        noticed = notice_for(connection, viewer.session.organization_id)
        okta_only = is_in_force(connection, viewer.session.organization_id, now=services().now())
        embedded = embedded_rows.show(connection, viewer.session.organization_id)
    stored = form_of(settings_of(live) if live else None)
    may_edit = viewer.may("integrations.edit")
    page = render(
        "pages/integrations/okta.html",
        form=form or ({**stored, **draft.entries} if draft and may_edit else stored),
        labels=list_labels(),
        show_value=show_value,
        problems=problems or {},
        conflict=list_changes(stored, form) if form and Problem.CONFLICT in (problems or {}).values() else [],
        kept=kept,
        connected=live is not None,
        okta_only=okta_only,
        turned_wrong=[gettext(step) for step in noticed.steps] if noticed else [],
        wrong_since=show_time(noticed.since) if noticed else "",
        saved=live is not None and "saved" in request.args,
        done="" if problems else request.args.get("done", ""),
        notes=_notes(live) if live and request.args.get("saved") == "okta" else [],
        version=stamp_of(live, draft),
        values=SimpleNamespace(**_values()),
        may_edit=may_edit,
        deleted=show_deleted() if live is None else None,
        draft=_show_draft(live, draft, told=bool(problems)) if draft else None,
        details=_details(live) if live else None,
        embedded=embedded,
    )
    return page, next((problem.status for problem in (problems or {}).values()), 200)


def show_refused(form: Mapping[str, str], refused: EntriesRefused) -> ResponseReturnValue:
    """The page with what was typed and what keeps it from going live."""
    for each in refused.problems.values():
        note_refusal(each)
    problems = {field: each.problem for field, each in refused.problems.items()}
    return show_page(refused.showable(form), problems=problems, kept=refused.kept)


def _show_draft(live: Integration | None, draft: Draft, *, told: bool) -> SimpleNamespace:
    """told -- what is wrong with it is said beside the fields already."""
    known = Problem.__members__
    labels = dict(list_labels())
    problems = [
        (labels.get(field, field), known[code.upper()])
        for field, code in draft.problems.items()
        if code.upper() in known and not told
    ]
    return SimpleNamespace(
        changes=list_changes(form_of(settings_of(live)) if live else None, {**form_of(None), **draft.entries}),
        problems=problems,
        refused=bool(draft.problems),
        by=draft.updated_by,
        at=show_time(draft.updated_at),
    )


def _values() -> dict[str, str]:
    """What the owner carries into Okta."""
    base, scheme = services().settings.base_url, services().settings.native_scheme
    return {
        "redirect_uri": services().settings.redirect_uri,
        "sign_out_uri": base,
        "origin": base,
        "native_redirect_uri": f"{scheme}:/login",
        "native_sign_out_uri": f"{scheme}:/logout",
    }


def _notes(live: Integration) -> list[str]:
    """What the owner should know of what was saved."""
    if all("offline_access" in app.scope.split() for app in live.apps.values()):
        return []
    return [
        gettext(
            "Logging in works, but POINT cannot notice by itself when somebody is deactivated in Okta. For that, tick "
            "Refresh Token under Grant type in the app's General tab in Okta, let the access policy's rule allow the "
            "scope offline_access, and save here again."
        )
    ]


def _details(live: Integration) -> list[tuple[str, Any]]:
    return [
        (gettext("Issuer"), live.spa.issuer),
        (gettext("Last saved"), show_time(live.updated_at)),
        (gettext("Saved by"), live.updated_by),
    ]
