"""Delete Integration: what it will do, the button, what it has done, and the undo."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from portal import deleting
from portal.current import services
from portal.errors import Problem, Refused
from portal.store.integrations import find_integration
from portal.store.password_links import load_account
from portal.web import embedded_rows, throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.integrations import pages
from portal.web.okta_deleted import show_deleted
from portal.web.redirects import Redirect
from portal.web.render import render


@pages.get("/okta/delete")
@member("integrations.edit")
def okta_delete(slug: str) -> ResponseReturnValue:
    """What deleting would do, with one button."""
    return _page(slug)


@pages.post("/okta/delete")
@member("integrations.edit")
def okta_delete_now(slug: str) -> ResponseReturnValue:
    """Delete Integration. The second click finds it deleted and says the same."""
    session = demand_viewer().session
    throttle.limit_deletions(session.organization_id)
    version = request.form.get("version", "")
    expected = int(version) if version.isdecimal() and len(version) < 9 else None
    integration_id = session.integration_id
    try:
        deleted = deleting.delete_okta(
            services(), session.organization_id, who=session.email, reference=reference(), expected_version=expected
        )
        ended_mine = deleted.id == integration_id
    except Refused as refused:
        if refused.problem is Problem.CONFLICT:
            note_refusal(refused)
            return _page(slug, refused.problem)
        if refused.problem is not Problem.OKTA_NOT_CONNECTED:
            raise
        ended_mine = False
    embedded_rows.forget(slug)
    # Whoever logged in by that Okta has just been logged out by this.
    return Redirect(f"/login/{slug}?deleted" if ended_mine else f"/organizations/{slug}/integrations/okta/deleted")


@pages.get("/okta/deleted")
@member("integrations.view")
def okta_deleted(slug: str) -> ResponseReturnValue:
    """What was deleted, by whom, what it ended, and until when it can be undone."""
    deleted = show_deleted()
    if deleted is None:
        return Redirect(f"/organizations/{slug}/integrations/okta")
    return render("pages/integrations/okta_deleted.html", deleted=deleted)


@pages.post("/okta/undo")
@member("integrations.edit")
def okta_undo(slug: str) -> ResponseReturnValue:
    """Undo. The second click finds it undone and says the same; what was connected anew since then stays."""
    session = demand_viewer().session
    throttle.limit_deletions(session.organization_id)
    try:
        deleting.restore_okta(services(), session.organization_id, who=session.email, reference=reference())
    except Refused as refused:
        if refused.problem is not Problem.CONFLICT or not _is_live(request.form.get("integration", "")):
            raise
    embedded_rows.forget(slug)
    return Redirect(f"/organizations/{slug}/integrations/okta?done=undone")


def _is_live(integration_id: str) -> bool:
    with services().db.reading() as connection:
        live = find_integration(connection, demand_viewer().session.organization_id)
    return live is not None and str(live.id) == integration_id


def _page(slug: str, problem: Problem | None = None) -> ResponseReturnValue:
    session = demand_viewer().session
    outlook = deleting.foresee(services(), session.organization_id)
    if outlook is None:
        return Redirect(f"/organizations/{slug}/integrations/okta/deleted")
    with services().db.reading() as connection:
        mine = load_account(connection, session.user_id)
    logs_me_out = session.integration_id == outlook.live.id
    page = render(
        "pages/integrations/okta_delete.html",
        outlook=outlook,
        ends=outlook.ends,
        more=outlook.without_password - len(outlook.named),
        problem=problem,
        logs_me_out=logs_me_out,
        no_password=logs_me_out and mine.password_hash is None,
    )
    return page, problem.status if problem else 200
