"""Hand-over links: an owner makes one for whoever looks after Okta and has no account here, and takes it back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.current import services
from portal.errors import Problem, Refused
from portal.sealing import SealBroken
from portal.store.setup_links import create_link, find_link, list_links, revoke_link
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.okta_guide import pages
from portal.web.recording import record_change
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

DAYS = (1, 7, 30)
_DEFAULT_DAYS = "7"
_LONGEST_NAME = 100
_FORM_SECONDS = 3600
_PURPOSE = "setup link"


@pages.get("/links")
@member("integrations.edit")
def links(slug: str) -> ResponseReturnValue:
    """The links there are, and the form for another."""
    return _show(revoked="revoked" in request.args)


@pages.post("/links")
@member("integrations.edit")
def make_link(slug: str) -> ResponseReturnValue:
    """Makes a link and shows it, this once. The second click of the same form shows the same link."""
    person = demand_viewer()
    name = " ".join(request.form.get("name", "").split())[:_LONGEST_NAME]
    days = request.form.get("days", _DEFAULT_DAYS)
    form = {"name": name, "days": days if days in map(str, DAYS) else _DEFAULT_DAYS}
    if not name:
        return _show(form, problems={"name": Problem.FIELD_REQUIRED})
    token = _read_token(request.form.get("once"), person.session.organization_id)
    try:
        _create(token, form)
    except Refused as refused:
        if refused.problem is not Problem.CONFLICT:
            raise
        note_refusal(refused)
        return _show(form, problems={"form": refused.problem})
    return _show(made={"name": name, "address": f"{services().settings.base_url}/setup/{token}", "days": form["days"]})


@pages.post("/links/revoke")
@member("integrations.edit", fresh=False)
def take_link_back(slug: str) -> ResponseReturnValue:
    """Ends a link. The second click finds it ended and says the same."""
    number = request.form.get("link", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise Refused(Problem.FIELD_REQUIRED, "setup_link_id")
    person, now = demand_viewer(), services().now()
    with services().db.writing() as connection:
        link = revoke_link(connection, person.session.organization_id, int(number), now=now)
        if link is not None:
            record_change(connection, "setup_link.revoked", setup_link=link.id, name=link.name)
    return Redirect(f"/organizations/{slug}/integrations/okta/guide/links?revoked=yes")


def _create(token: str, form: Mapping[str, str]) -> None:
    """Stores the link unless this very form has been sent before. Raises Refused(CONFLICT)."""
    person, now = demand_viewer(), services().now()
    organization_id = person.session.organization_id
    with services().db.writing() as connection:
        known = find_link(connection, token, now=now)
        if known is not None and known.organization_id == organization_id:
            return
        made = create_link(
            connection, organization_id, token=token, name=form["name"], who=person.email, now=now,
            seconds=int(form["days"]) * 86400, user_id=person.session.user_id,
        )  # fmt: skip
        record_change(connection, "setup_link.created", setup_link=made, name=form["name"], days=int(form["days"]))


def _seal_token(organization_id: int) -> str:
    """A token that the form brings back, so that sending it twice makes one link. Only we can make or read it."""
    content = f"{organization_id} {services().now()} {secrets.token_urlsafe(32)}"
    return services().sealer.seal_text(_PURPOSE, content.encode())


def _read_token(sealed: str | None, organization_id: int) -> str:
    """Raises Refused: FIELD_REQUIRED for no form of ours, CONFLICT for one that is older than an hour."""
    try:
        organization, made_at, token = services().sealer.unseal_text(_PURPOSE, sealed).decode().split()
    except SealBroken as broken:
        raise Refused(Problem.FIELD_REQUIRED, "setup_link_form") from broken
    if int(organization) != organization_id:
        raise Refused(Problem.FIELD_REQUIRED, "setup_link_form_of_another")
    if services().now() - int(made_at) > _FORM_SECONDS:
        raise Refused(Problem.SESSION_CHANGED, "setup_link_form_old")
    return token


def _show(
    form: Mapping[str, str] | None = None,
    *,
    problems: Mapping[str, Problem] | None = None,
    made: Mapping[str, str] | None = None,
    revoked: bool = False,
) -> ResponseReturnValue:
    person, now = demand_viewer(), services().now()
    organization_id = person.session.organization_id
    with services().db.reading() as connection:
        known = list_links(connection, organization_id)
    page = render(
        "pages/okta_guide/links.html",
        guide=f"/organizations/{person.organization_slug}/integrations/okta/guide",
        form=form or {"name": "", "days": _DEFAULT_DAYS},
        problems=problems or {},
        made=made,
        revoked=revoked,
        once=_seal_token(organization_id),
        links=[
            {
                "id": link.id,
                "name": link.name,
                "live": link.is_live(now),
                "state": _state(link.revoked_at, link.is_live(now)),
                "facts": [
                    (gettext("Made"), f"{show_time(link.created_at)}, {link.created_by}"),
                    (gettext("Last used"), show_time(link.used_at) if link.used_at else gettext("Not yet")),
                    (gettext("Works until"), show_time(link.revoked_at or link.expires_at)),
                ],
            }
            for link in known
        ],
    )
    return page, next((problem.status for problem in (problems or {}).values()), 200)


def _state(revoked_at: int | None, live: bool) -> str:
    return str(gettext("Works") if live else gettext("Revoked") if revoked_at else gettext("Expired"))
