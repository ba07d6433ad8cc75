"""Where an error page leads: straight to what helps, as far as the Problem and the address of the request tell it.

Needs neither network nor database, as everything about error pages. A view that knows better says so in `g.retry_url`,
and in `g.other_url` that there are other ways to log in.
"""

from __future__ import annotations

from flask import current_app, g, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from portal.access import access_of
from portal.errors import N_, Problem
from portal.web.identity import Viewer

Way = tuple[str, str]  # address, what its button says

_AGAIN = ("/login", N_("Start the login again"))
_BACK_IN = ("/login", N_("Log in again"))
_FIND = ("/login", N_("Find your organization"))
_LINK = ("/account/password", N_("Have a link sent"))
_WAYS: dict[Problem, Way] = {
    **dict.fromkeys((
        Problem.ATTEMPT_UNKNOWN, Problem.ATTEMPT_EXPIRED, Problem.ATTEMPT_USED, Problem.CALLBACK_INVALID,
        Problem.ISSUER_CONFUSED, Problem.SETTINGS_CHANGED, Problem.LOGIN_CANCELLED, Problem.LOGIN_REQUIRED_AT_OKTA,
        Problem.CODE_REFUSED, Problem.ID_TOKEN_REFUSED, Problem.OKTA_ERROR, Problem.LOGIN_NOT_ASSIGNED,
        Problem.LOGIN_POLICY, Problem.LOGIN_UNASKED, Problem.EMAIL_MISSING, Problem.EMAIL_NOT_VERIFIED,
        Problem.EMAIL_OUTSIDE, Problem.ACCOUNT_TAKEN, Problem.OKTA_ANSWER_INVALID, Problem.OKTA_MISCONFIGURED,
    ), _AGAIN),
    **dict.fromkeys((Problem.TOKEN_REFUSED, Problem.REFRESH_REFUSED, Problem.PROOF_REFUSED), _BACK_IN),
    **dict.fromkeys((Problem.ORGANIZATION_UNKNOWN, Problem.ISSUER_UNKNOWN), _FIND),
    **dict.fromkeys((Problem.PASSWORD_LOGIN_OLD, Problem.PASSWORD_BY_LINK), _LINK),
    Problem.LOGIN_AGAIN: ("/login/again", N_("Log in again")),
    Problem.LOGIN_AS_ANOTHER: ("/account", N_("Go to your account")),
    Problem.ACCOUNT_EXISTS: ("/login", N_("Log in")),
    Problem.INVITATION_OVER: ("/login", N_("Log in")),
    Problem.OKTA_NOT_CONNECTED: ("/login", N_("Log in")),
    Problem.OKTA_ONLY: ("/login", N_("Log in with Okta")),
    Problem.EMBEDDED_UNAVAILABLE: ("/login", N_("Log in on Okta's page")),
    Problem.DEEP_LINK_INVALID: ("/login", N_("Continue in the browser")),
    Problem.RECOVERY_IN_THE_BROWSER: ("/", N_("Continue in the browser")),
    Problem.PASSWORD_LINK: ("/login/forgot", N_("Ask for a new link")),
}  # fmt: skip
# What may be over in a moment: the very same page again.
_PASSING = frozenset({
    Problem.TOO_MANY, Problem.INTERNAL, Problem.UNAVAILABLE, Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY,
    Problem.LOGIN_UNDER_WAY,
})  # fmt: skip
# Where the advice says so: whoever runs POINT is the one to ask.
_OURS = frozenset({
    Problem.BAD_REQUEST, Problem.INTERNAL, Problem.OKTA_ANSWER_INVALID, Problem.DOMAIN_TAKEN,
})  # fmt: skip
# Addresses that hold a code, which is good once or not at all; and what a browser would take for another server's.
_NOT_AGAIN = ("/login/callback", "/native/", "//", "/\\")


def find_ways(problem: Problem) -> list[Way]:
    """What to press, the best first; the home page comes last and always."""
    ways = [_best(problem), (g.get("other_url", ""), gettext("Other ways to log in"))]
    ways.append(("/", gettext("Go to the home page")))
    addresses = [address for address, _label in ways]
    return [way for number, way in enumerate(ways) if way[0] and way[0] not in addresses[:number]]


def may_tell_us(problem: Problem) -> bool:
    """Whether the page offers to write to whoever runs POINT."""
    return problem in _OURS


def _best(problem: Problem) -> Way:
    if g.get("retry_url"):
        return g.retry_url, g.get("retry_label") or gettext("Try again")
    if problem in _WAYS:
        address, label = _WAYS[problem]
        return address, gettext(label)
    if problem in _PASSING:
        return _this_page()
    return _page_above()


def minutes_to_wait(problem: Problem) -> int:
    """How long somebody who has tried too often has to wait, rounded up; 0 where that is not known."""
    return -(-int(g.get("retry_after", 0)) // 60) if problem is Problem.TOO_MANY else 0


def _this_page() -> Way:
    """The page that was asked for, or the one that the form stood on."""
    if request.path.startswith(_NOT_AGAIN):
        return "/login", gettext("Try again")
    if request.method == "GET":
        return request.full_path.rstrip("?"), gettext("Try again")
    if _is_for_everybody(request.path):
        return request.path, gettext("Try again")
    above = _page_above()
    return above if above[0] else ("/login", gettext("Try again"))


def _is_for_everybody(path: str) -> bool:
    """Whether there is a page at the address of this form."""
    try:
        endpoint, _values = current_app.url_map.bind("localhost").match(path, method="GET")
    except HTTPException:
        return False
    access = access_of(current_app, endpoint)
    return access is not None and access.action is None


def _page_above() -> Way:
    """The page that a form of one's own organization stood on, or the one above a page that there is not; else ""."""
    person, path, label = g.get("_login_user"), request.path, gettext("Open the page it belongs to")
    if not isinstance(person, Viewer):
        return "", label
    ours = (f"/organizations/{person.organization_slug}/", "/account")
    adapter = current_app.url_map.bind("localhost")
    if request.method in ("GET", "HEAD"):
        path = path.rpartition("/")[0]
    while path.startswith(ours):
        if _may_see(person, adapter, path):
            return path, label
        path = path.rpartition("/")[0]
    return "", label


def _may_see(person: Viewer, adapter: MapAdapter, path: str) -> bool:
    """Whether there is a page for this person; what it is about may be gone all the same."""
    try:
        endpoint, _values = adapter.match(path, method="GET")
    except HTTPException:
        return False
    access = access_of(current_app, endpoint)
    if access is None or access.action is None or not access.landing:
        return False
    return not access.action or person.may(access.action)
