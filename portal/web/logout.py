"""Logging out: the POINT session first, then Okta's unless told not to."""

from __future__ import annotations

import secrets

from flask import Response, g, request
from flask.typing import ResponseReturnValue

from portal import logins, revoking
from portal.access import public
from portal.current import services
from portal.giving_back import give_back_after
from portal.logouts import BY_PAGE_SECONDS, Left, leave_okta, left_by
from portal.store.activity import record_event
from portal.store.sessions import end_session, find_logged_out
from portal.web import throttle
from portal.web.cookies import read_cookie, set_cookie
from portal.web.headers import reference
from portal.web.identity import Viewer, take_session, viewer
from portal.web.login import pages
from portal.web.redirects import Redirect
from portal.web.render import render

_RETURN_SECONDS = 300
_AGAIN_SECONDS = 60
_LONGEST = 300


@pages.post("/logout")
@public()
def logout() -> ResponseReturnValue:
    """Ends the session of this browser; whatever Okta says, POINT's is over before the answer is sent."""
    person = viewer()
    here_only = request.form.get("okta") == "no"
    left = _end(person, here_only) if person else _left_by_the_first_press()
    okta_url = _okta_logout(left) if left and not here_only else None
    g._login_user = None
    response = Response(render("pages/login/logging_out.html", okta_logout_url=okta_url)) if okta_url else Redirect("/")
    take_session(response, services().settings)
    set_cookie(response, services().settings, "logged_out", _said(left, okta_url, here_only), seconds=_RETURN_SECONDS)
    return response


@pages.get("/logout/okta")
@public(forms=False)
def okta_logout() -> ResponseReturnValue:
    """Okta's front-channel logout (OpenID Connect Front-Channel Logout 1.0): a hidden frame on its own sign-out page.

    Browsers send no cookie of ours into such a frame, so that what ends is found by `iss` and `sid` alone; without both
    nothing ends. Nothing is shown either, and need not be: our pages may not be framed.
    """
    throttle.limit_orders("front-channel")
    issuer, sid = request.args.get("iss", ""), request.args.get("sid", "")
    if issuer and sid and len(issuer) <= _LONGEST and len(sid) <= logins.MAX_SID:
        revoking.end_sign_in(services(), issuer, sid, reference=reference())
    return Response("", 200, mimetype="text/plain")


def _said(left: Left | None, okta_url: str | None, here_only: bool) -> str:
    """What the next page says: all that has ended, or what may go on at Okta."""
    if left is None:
        return "point"
    if okta_url:
        return "okta"
    return "stays" if here_only else "unsure"


def _end(person: Viewer, here_only: bool) -> Left | None:
    session, now = person.session, services().now()
    back_at = now if here_only else now + BY_PAGE_SECONDS
    sealed = session.sealed_tokens
    with services().db.writing() as connection:
        # The ID token stays until the session is forgotten: it is what Okta's sign-out asks for, and it logs nobody in.
        kept = logins.keep_id_token(services(), session.id_hash, sealed) if sealed else None
        end_session(connection, session.id_hash, why="logout", now=now, kept=kept, back_at=back_at)
        give_back_after(services(), connection)
        record_event(
            connection, session.organization_id, who=person.email, what="logout", now=now, reference=reference()
        )
    return left_by(session.id_hash, session.integration_id, sealed)


def _left_by_the_first_press() -> Left | None:
    """Pressed twice: the browser drops the first answer, and the second has to lead to Okta's sign-out as well."""
    session_id = read_cookie(services().settings, "session")
    if not session_id:
        return None
    with services().db.reading() as connection:
        found = find_logged_out(connection, session_id, since=services().now() - _AGAIN_SECONDS)
    return Left(*found) if found else None


def _okta_logout(left: Left) -> str | None:
    """Okta's sign-out address for this session; None when Okta has been deleted or is away."""
    ours = services()
    back = (ours.settings.base_url, secrets.token_urlsafe(16))
    found = leave_okta(ours, left, returns={"spa": back})
    return found[0] if found else None
