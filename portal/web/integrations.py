"""Organization > Integrations: the list, and the Okta page: Save, Save as a draft, and what becomes of the draft."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal import connecting
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.connect import EntriesRefused
from portal.store.drafts import find_draft
from portal.store.integrations import find_integration
from portal.subjects import FIELDS, read_form
from portal.web import embedded_rows, throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.okta_guide import after_draft
from portal.web.okta_page import show_page, show_refused
from portal.web.redirects import Redirect
from portal.web.render import render

pages = Blueprint("integrations", __name__, url_prefix="/organizations/<slug>/integrations")
_LONGEST_ENTRY = 2048


@pages.get("")
@member("integrations.view")
def index(slug: str) -> ResponseReturnValue:
    """What can be connected, and what is."""
    state, drafted = _state()
    okta = {
        "key": "okta",
        "name": "Okta",
        "description": gettext("Your people log in to POINT with the Okta account they already have."),
        "state": state,
        "drafted": drafted,
        "url": f"/organizations/{slug}/integrations/okta",
    }
    return render(
        "pages/integrations/index.html",
        integrations=[SimpleNamespace(**okta)],
    )


@pages.get("/okta")
@member("integrations.view")
def okta(slug: str) -> ResponseReturnValue:
    """The form, with the draft where there is one, else with what is live."""
    return show_page()


@pages.post("/okta")
@member("integrations.edit")
def save_okta(slug: str) -> ResponseReturnValue:
    """Save: asks that Okta first, and what it takes is live. What it does not take yet is a draft, as is everything
    that is to be one."""
    form = {name: request.form.get(name, "")[:_LONGEST_ENTRY].strip() for name in FIELDS}
    form["authorization_server"] = form["authorization_server"] or "auto"
    form["sign_in"] = form["sign_in"] if form["sign_in"] in ("redirect", "embedded") else "redirect"
    throttle.limit_saves(demand_viewer().session.organization_id)
    entries, sign_in = read_form(form)
    to_do = {"entries": entries, "sign_in": sign_in, **_by()}
    organization_id = demand_viewer().session.organization_id
    try:
        if request.form.get("action") == "draft":
            kept = connecting.keep_okta(services(), organization_id, **to_do)
            here = f"/organizations/{slug}/integrations/okta"
            return Redirect(after_draft(f"{here}/guide", f"{here}?done=", kept))
        connecting.save_okta(services(), organization_id, **to_do)
    except EntriesRefused as refused:
        return show_refused(form, refused)
    except Refused as refused:
        return _conflict(form, refused)
    embedded_rows.forget(slug)
    return Redirect(f"/organizations/{slug}/integrations/okta?saved=okta")


@pages.post("/okta/switch-on")
@member("integrations.edit")
def okta_switch_on(slug: str) -> ResponseReturnValue:
    """The draft goes live, if that Okta takes it now."""
    organization_id = demand_viewer().session.organization_id
    throttle.limit_saves(organization_id)
    with services().db.reading() as connection:
        draft = find_draft(connection, organization_id)
    try:
        connecting.switch_on(services(), organization_id, **_by())
    except EntriesRefused as refused:
        return show_refused(dict(draft.entries) if draft else {}, refused)
    except Refused as refused:
        return _conflict(None, refused)
    embedded_rows.forget(slug)
    return _to_page(slug, "switched_on")


@pages.post("/okta/throw-away")
@member("integrations.edit")
def okta_throw_away(slug: str) -> ResponseReturnValue:
    """The draft is gone; the second click says the same."""
    try:
        connecting.throw_away_draft(services(), demand_viewer().session.organization_id, **_by())
    except Refused as refused:
        return _conflict(None, refused)
    return _to_page(slug, "thrown_away")


def _by() -> dict[str, Any]:
    """Who changes it, and what their page was made from."""
    version, draft = connecting.read_stamp(request.form.get("version", ""))
    who = demand_viewer().session.email
    return {"who": who, "reference": reference(), "expected_version": version, "expected_draft": draft}


def _conflict(form: dict[str, str] | None, refused: Refused) -> ResponseReturnValue:
    """Somebody else was faster: the page with what was typed, and what is stored now behind a link."""
    if refused.problem is not Problem.CONFLICT:
        raise refused
    note_refusal(refused)
    return show_page(form, problems={"form": Problem.CONFLICT})


def _to_page(slug: str, done: str) -> Redirect:
    return Redirect(f"/organizations/{slug}/integrations/okta?done={done}")


def _state() -> tuple[str, bool]:
    """What the list says of Okta, and whether there is a draft beside what is live."""
    organization_id = demand_viewer().session.organization_id
    with services().db.reading() as connection:
        live, draft = find_integration(connection, organization_id), find_draft(connection, organization_id)
    if live is not None:
        return "connected", draft is not None
    return "setup_needed" if draft is not None else "not_connected", False
