"""Deny by default: a view says who may come in, and a request for one that does not say it never starts.

Also holds the two checks of every form: it comes from our own pages, and from this very session.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import quote

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue

from portal.access import Access, View, access_of, register
from portal.current import services
from portal.errors import Problem, Refused
from portal.web import session_end, session_fresh
from portal.web.headers import name_route
from portal.web.identity import PERMISSIONS, Viewer, viewer
from portal.web.redirects import Redirect

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FRESH = frozenset({"domains.edit", "integrations.edit", "members.edit", "security.edit"})


def member(action: str = "", *, landing: bool = True, fresh: bool | None = None) -> Callable[[View], View]:
    """The view is for logged-in people whose role allows `action`; with a slug in its path, for its organization.

    fresh -- whether its form takes a login of the last 15 minutes; what changes who gets in does so unless told not to.
    """
    if action and action not in PERMISSIONS:
        raise LookupError(action)
    fresh = action in _FRESH if fresh is None else fresh
    return lambda view: register(view, Access(action, landing, fresh=fresh))


def check_routes(app: Flask) -> None:
    """Raises LookupError for a route that does not say who may use it."""
    for rule in app.url_map.iter_rules():
        if access_of(app, rule.endpoint) is None:
            raise LookupError(f"{rule.endpoint} ({rule.rule}) says neither public() nor member()")


def init_app(app: Flask) -> None:
    """Asks before every request."""
    app.before_request(_guard)


def demand_viewer() -> Viewer:
    """The logged-in person, in a view behind `member()`."""
    person = viewer()
    assert person is not None
    return person


def _guard() -> ResponseReturnValue | None:
    if request.url_rule is None:
        return None  # Flask answers 404 or 405 by itself.
    name_route(request.url_rule.rule)
    access = access_of(current_app, request.endpoint or "")
    if "\0" in request.path:
        raise Refused(Problem.NOT_FOUND, "nul_in_path")  # No name of ours has one, and PostgreSQL no text with it.
    if request.method not in SAFE_METHODS and (access is None or access.forms):
        _demand_same_site()
    if access is None:
        raise Refused(Problem.FORBIDDEN, "route_without_guard")
    return None if access.action is None else _guard_member(access.action, access.fresh)


def _guard_member(action: str, fresh: bool) -> ResponseReturnValue | None:
    person = viewer()
    if person is None:
        return session_end.explain() or session_end.explain_lost() or _to_login()
    if request.method not in SAFE_METHODS:
        demand_same_session(person)
    slug = (request.view_args or {}).get("slug", person.organization_slug)
    if slug != person.organization_slug:
        raise Refused(Problem.NOT_FOUND, "another_organization")
    if action and not person.may(action):
        raise Refused(Problem.FORBIDDEN, "role_" + person.role)
    if fresh and request.method not in SAFE_METHODS:
        return session_fresh.demand_fresh(person)
    return None


def _to_login() -> ResponseReturnValue:
    if request.accept_mimetypes.best == "application/json":
        return {"authenticated": False}, 401
    path = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return Redirect("/login" if path == "/" else f"/login?next={quote(path, safe='')}")


def _demand_same_site() -> None:
    """Cross-site request forgery: browsers say where a request comes from, and whoever is no browser has no cookies.

    Refused are `Sec-Fetch-Site` other than same-origin or none and, from older browsers, a foreign `Origin`. What sends
    neither is not a browser of the last years; SameSite=Lax keeps the cookies from those.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Refused(Problem.CROSS_SITE, "sec_fetch_site")
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin != services().settings.base_url:
        raise Refused(Problem.CROSS_SITE, "origin")


def demand_same_session(person: Viewer) -> None:
    """A form that was made for another session (another tab logged in as somebody else) changes nothing."""
    stamp = request.form.get("form_stamp")
    if stamp and not hmac.compare_digest(stamp.encode(), person.form_stamp.encode()):
        raise Refused(Problem.SESSION_CHANGED, "form_stamp")
