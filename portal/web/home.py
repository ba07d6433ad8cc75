"""The first page, signed out and logged in, and `/session` for programs."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from portal import trials
from portal.access import public
from portal.current import services
from portal.store.integrations import find_integration
from portal.web import session_end, trial_login
from portal.web.cookies import drop_cookie, read_cookie
from portal.web.identity import viewer
from portal.web.render import render

pages = Blueprint("home", __name__)


@pages.get("/")
@public(landing=True)
def index() -> ResponseReturnValue:
    """Welcome, or home; also where Okta's sign-out ends, with whatever state it brings."""
    if trials.MARK in request.environ.get("QUERY_STRING", ""):
        back = trial_login.came_from_sign_out(request.args.get("state", ""))
        if back is not None:
            return back
    person = viewer()
    if person is None:
        if (explained := session_end.explain()) is not None:
            return explained
        said = read_cookie(services().settings, "logged_out")
        response = Response(render("pages/home/welcome.html", logged_out=said if said else None))
        if said:
            drop_cookie(response, services().settings, "logged_out")
        return response
    with services().db.reading() as connection:
        connected = find_integration(connection, person.session.organization_id) is not None
    return render("pages/home/home.html", okta_connected=connected)


@pages.get("/session")
@public()
def session() -> ResponseReturnValue:
    """Who is logged in, as JSON."""
    person = viewer()
    if person is None:
        return {"authenticated": False}
    return {
        "authenticated": True,
        "email": person.email,
        "organization": person.organization_slug,
        "role": person.role,
        "method": person.method,
        "expires_at": person.session.ends_at,
    }
