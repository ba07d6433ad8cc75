"""Organization > Integrations: the list, the Okta page with its four fields, and Delete Integration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal import connecting
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.connect import Entries, EntriesRefused
from portal.store.activity import record_event
from portal.store.integrations import Integration, count_okta_people, delete_integration, find_integration
from portal.web import embedded_rows, throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("integrations", __name__, url_prefix="/organizations/<slug>/integrations")
FIELDS = ("spa_client_id", "spa_domain", "native_client_id", "native_domain", "authorization_server", "sign_in")
_LONGEST_ENTRY = 2048


@pages.get("")
@member("integrations.view")
def index(slug: str) -> ResponseReturnValue:
    """What can be connected, and what is."""
    okta = {
        "key": "okta",
        "name": "Okta",
        "description": gettext("Your people log in to POINT with the Okta account they already have."),
        "state": "connected" if _live() else "not_connected",
        "url": f"/organizations/{slug}/integrations/okta",
    }
    return render(
        "pages/integrations/index.html",
        integrations=[SimpleNamespace(**okta)],
        deleted=request.args.get("deleted") == "okta",
    )


@pages.get("/okta")
@member("integrations.view")
def okta(slug: str) -> ResponseReturnValue:
    """The form, with what is stored."""
    live = _live()
    notes = _notes(live) if live and request.args.get("saved") == "okta" else []
    return _page(live, _stored(live), saved=live is not None and "saved" in request.args, notes=notes)


@pages.post("/okta")
@member("integrations.edit")
def save_okta(slug: str) -> ResponseReturnValue:
    """Save: asks that Okta first, and stores only what will work."""
    session = demand_viewer().session
    form = {name: request.form.get(name, "")[:_LONGEST_ENTRY].strip() for name in FIELDS}
    form["authorization_server"] = form["authorization_server"] or "auto"
    form["sign_in"] = form["sign_in"] if form["sign_in"] in ("redirect", "embedded") else "redirect"
    throttle.limit_saves(session.organization_id)
    entries = Entries(**{name: form[name] for name in FIELDS if name != "sign_in"})
    version = request.form.get("version", "")
    try:
        connecting.save_okta(
            services(),
            session.organization_id,
            entries,
            sign_in=form["sign_in"],
            who=session.email,
            reference=reference(),
            expected_version=int(version) if version.isdecimal() and len(version) < 9 else None,
        )
    except EntriesRefused as refused:
        for problem in refused.problems.values():
            note_refusal(problem)
        return _page(_live(), form, problems={name: each.problem for name, each in refused.problems.items()})
    except Refused as refused:
        if refused.problem is not Problem.CONFLICT:
            raise
        note_refusal(refused)
        return _page(_live(), form, problems={"form": Problem.CONFLICT})
    embedded_rows.forget(slug)
    return Redirect(f"/organizations/{slug}/integrations/okta?saved=okta")


@pages.get("/okta/delete")
@member("integrations.edit")
def okta_delete(slug: str) -> ResponseReturnValue:
    """What deleting would mean, with one button."""
    session = demand_viewer().session
    if _live() is None:
        return Redirect(f"/organizations/{slug}/integrations")
    with services().db.reading() as connection:
        affected, without_password = count_okta_people(connection, session.organization_id)
    return render(
        "pages/integrations/okta_delete.html",
        affected=affected,
        without_password=without_password,
        organization_name=session.organization_name,
        logs_me_out=session.okta_issuer is not None,
    )


@pages.post("/okta/delete")
@member("integrations.edit")
def okta_delete_now(slug: str) -> ResponseReturnValue:
    """Delete Integration. The second click finds it deleted and says the same."""
    session = demand_viewer().session
    now = services().now()
    with services().db.writing() as connection:
        if find_integration(connection, session.organization_id) is not None:
            delete_integration(connection, session.organization_id, who=session.email, now=now)
            record_event(
                connection,
                session.organization_id,
                who=session.email,
                what="okta.deleted",
                now=now,
                reference=reference(),
            )
    # Whoever logged in by that Okta has just been logged out by this.
    if session.okta_issuer:
        return Redirect(f"/login/{slug}?deleted")
    return Redirect(f"/organizations/{slug}/integrations?deleted=okta")


def _live() -> Integration | None:
    with services().db.reading() as connection:
        return find_integration(connection, demand_viewer().session.organization_id)


def _stored(live: Integration | None) -> dict[str, str]:
    form = dict.fromkeys(FIELDS, "") | {"authorization_server": "auto", "sign_in": "redirect"}
    if live is not None:
        form |= {"authorization_server": live.authorization_server, "sign_in": live.sign_in}
        for kind, app in live.apps.items():
            form |= {f"{kind}_client_id": app.client_id, f"{kind}_domain": app.domain}
    return form


def _notes(live: Integration) -> list[str]:
    """What the owner should know of what was saved."""
    if all("offline_access" in app.scope.split() for app in live.apps.values()):
        return []
    return [
        gettext(
            "Okta does not give refresh tokens to this app (offline_access). Logging in works, but POINT cannot notice "
            "by itself when somebody is deactivated in Okta. Tick Refresh Token under Grant type in the app's General "
            "tab and save here again."
        )
    ]


def _page(
    live: Integration | None,
    form: dict[str, str],
    *,
    problems: dict[str, Problem] | None = None,
    saved: bool = False,
    notes: list[str] | None = None,
) -> ResponseReturnValue:
    base = services().settings.base_url
    scheme = services().settings.native_scheme
    values = {"redirect_uri": services().settings.redirect_uri, "sign_out_uri": base, "origin": base}
    values |= {"native_redirect_uri": f"{scheme}:/login", "native_sign_out_uri": f"{scheme}:/logout"}
    page = render(
        "pages/integrations/okta.html",
        form=form,
        problems=problems or {},
        connected=live is not None,
        saved=saved,
        notes=notes or [],
        version=live.version if live else 0,
        values=SimpleNamespace(**values),
        may_edit=demand_viewer().may("integrations.edit"),
        details=_details(live) if live else None,
        embedded=embedded_rows.show(demand_viewer().organization_slug) if live else None,
    )
    return page, next((problem.status for problem in (problems or {}).values()), 200)


def _details(live: Integration) -> list[tuple[str, Any]]:
    return [
        (gettext("Issuer"), live.spa.issuer),
        (gettext("Last saved"), show_time(live.updated_at)),
        (gettext("Saved by"), live.updated_by),
    ]
