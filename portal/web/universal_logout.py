"""Where an organization's Okta sends its order to end somebody's sessions (Universal Logout): for programs, by token.

Okta reads the status alone: 204 done, 400 unreadable, 401 not known whose it is, 403 nothing to say here, 404 nobody.
"""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from portal import revoking
from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.revocation import MAX_BODY
from portal.web import throttle
from portal.web.headers import reference

pages = Blueprint("universal_logout", __name__)


@pages.post("/organizations/<slug>/universal-logout")
@public(forms=False)
def receive(slug: str) -> ResponseReturnValue:
    """Obeys an order that is this organization's Okta's."""
    try:
        _obey(slug)
    except Refused as refused:
        if refused.problem is Problem.ORDER_UNPROVED:
            g.problem_headers = {"WWW-Authenticate": "Bearer"}
        raise
    return Response(status=204)


def _obey(slug: str) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(Problem.ORDER_UNPROVED, "token_missing")
    throttle.limit_orders(slug)
    if request.content_length is None or request.content_length > MAX_BODY:
        raise Refused(Problem.ORDER_UNREADABLE, "too_long")
    revoking.obey(
        services(),
        slug,
        token.strip(),
        request.get_data(cache=False),
        url=f"{services().settings.base_url}/organizations/{slug}/universal-logout",
        reference=reference(),
    )
