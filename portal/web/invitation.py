"""The page behind the link of an invitation. Opening it changes nothing; its token is in no log and no referrer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, make_response, request
from flask.typing import ResponseReturnValue

from portal.access import public
from portal.current import services
from portal.errors import Problem
from portal.inviting import accept, load_by_token
from portal.passwords import find_weakness
from portal.store.invitations import Invitation
from portal.store.members import find_user
from portal.store.okta_logins import find_login
from portal.store.okta_only import find_okta_only
from portal.store.organizations import owns_domain_of
from portal.web import throttle
from portal.web.guards import demand_same_session
from portal.web.headers import reference
from portal.web.identity import viewer
from portal.web.members import ROLE_NAMES
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("invitation", __name__)


@pages.get("/invitation/<token>")
@public(landing=True)
def show(token: str) -> ResponseReturnValue:
    """Who invites whom to what, and the way to accept that fits this person."""
    throttle.limit_invitation_looks()
    return _page(token, load_by_token(services(), token[:100]), {})


@pages.post("/invitation/<token>")
@public()
def accept_now(token: str) -> ResponseReturnValue:
    """Joins: with the account somebody is logged in to, or with a new one."""
    throttle.limit_invitation_looks()
    token = token[:100]
    found = load_by_token(services(), token)
    person = viewer()
    if person is not None:
        demand_same_session(person)
        if person.email != found.email:
            return _page(token, found, {})
        accept(services(), token, reference=reference())
        return Redirect(f"/account/organizations?joined={found.slug}")
    ways = _ways(found)
    if not ways["may_set_password"]:
        return _page(token, found, {})
    password, name = request.form.get("password", ""), request.form.get("name", "").strip()[:200]
    weakness = find_weakness(password, about=[found.email, name, found.organization_name, found.slug])
    problems = {"password": weakness} if weakness else {}
    if not problems and password != request.form.get("password_again", ""):
        problems = {"password_again": Problem.PASSWORDS_DIFFER}
    if not name and not ways["known"]:
        problems["name"] = Problem.FIELD_REQUIRED
    if problems:
        return _page(token, found, problems)
    accept(services(), token, reference=reference(), name=name, password=password)
    return Redirect(f"/login/{found.slug}?" + urlencode({"with": "password", "email": found.email, "joined": ""}))


def _ways(found: Invitation) -> dict[str, Any]:
    """How this person can come in."""
    with services().db.reading() as connection:
        login = find_login(connection, found.slug)
        ours = owns_domain_of(connection, found.organization_id, found.email)
        only = find_okta_only(connection, found.organization_id)
        user = find_user(connection, found.email)
    has_password = user is not None and user.password_hash is not None
    return {
        "by_okta": login is not None and ours,
        "known": user is not None,
        "has_password": has_password,
        "may_set_password": not has_password and not (only is not None and only.in_force(services().now())),
    }


def _page(token: str, found: Invitation, problems: dict[str, Problem]) -> ResponseReturnValue:
    person = viewer()
    here = f"/invitation/{token}"
    page = render(
        "pages/invitation/show.html",
        invitation=found,
        role_name=ROLE_NAMES.get(found.role, found.role),
        until=show_time(found.expires_at),
        action=here,
        same_person=person is not None and person.email == found.email,
        login_url="/login?" + urlencode({"email": found.email, "next": here}),
        okta_url=f"/login/{found.slug}/okta?" + urlencode({"login_hint": found.email}),
        name=request.form.get("name", "")[:200],
        problems=problems,
        **_ways(found),
    )
    response = make_response(page, 422 if problems else 200)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


