"""Logging out: the POINT session first, then Okta's unless told not to."""

from __future__ import annotations

import secrets

from flask import Response, current_app, g, request
from flask.typing import ResponseReturnValue

from portal import logins
from portal.errors import Refused
from portal.okta.logout import logout_url
from portal.okta.provider import Provider
from portal.okta.tokens import revoke
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.integrations import find_login_by_integration
from portal.store.sessions import end_session, find_logged_out
from portal.web.cookies import read_cookie, set_cookie
from portal.web.errors import note_refusal
from portal.web.guards import public
from portal.web.headers import reference
from portal.web.identity import Viewer, take_session, viewer
from portal.web.login import pages
from portal.web.redirects import Redirect
from portal.web.render import render

_OKTA_SECONDS = 3.0
_RETURN_SECONDS = 300
_AGAIN_SECONDS = 60


@pages.post("/logout")
@public()
def logout() -> ResponseReturnValue:
    """Ends the session of this browser; whatever Okta says, POINT's is over before the answer is sent."""
    services: Services = current_app.extensions["point"]
    person = viewer()
    left = _end(services, person) if person else _left_by_the_first_press(services)
    okta_url = _okta_logout(services, *left) if left and request.form.get("okta") != "no" else None
    g._login_user = None
    response = Response(render("pages/login/logging_out.html", okta_logout_url=okta_url)) if okta_url else Redirect("/")
    take_session(response, services.settings)
    set_cookie(response, services.settings, "logged_out", "okta" if okta_url else "point", seconds=_RETURN_SECONDS)
    return response


# (hash of the session's id, integration, sealed tokens): what Okta's sign-out needs of a session that is over.
Left = tuple[bytes, int, bytes]


def _end(services: Services, person: Viewer) -> Left | None:
    session, now = person.session, services.now()
    sealed = session.sealed_tokens
    with services.db.writing() as connection:
        # The ID token stays until the session is forgotten: it is what Okta's sign-out asks for, and it logs nobody in.
        kept = logins.keep_id_token(services, session.id_hash, sealed) if sealed else None
        end_session(connection, session.id_hash, why="logout", now=now, kept=kept)
        record_event(
            connection, session.organization_id, who=person.email, what="logout", now=now, reference=reference()
        )
    return (session.id_hash, session.integration_id, sealed) if sealed and session.integration_id else None


def _left_by_the_first_press(services: Services) -> Left | None:
    """Pressed twice: the browser drops the first answer, and the second has to lead to Okta's sign-out as well."""
    session_id = read_cookie(services.settings, "session")
    if not session_id:
        return None
    with services.db.reading() as connection:
        return find_logged_out(connection, session_id, since=services.now() - _AGAIN_SECONDS)


def _okta_logout(services: Services, id_hash: bytes, integration_id: int, sealed: bytes) -> str | None:
    """Okta's sign-out address for this session (RP-Initiated Logout 2), after its refresh token has been revoked.

    None when Okta has been deleted or is away: POINT's logout never waits for it.
    """
    with services.db.reading() as connection:
        login = find_login_by_integration(connection, integration_id)
    if login is None:
        return None
    try:
        tokens = logins.read_tokens(services, id_hash, sealed)
        with services.door.within(_OKTA_SECONDS):
            provider = services.providers.load(login.issuer)
            _revoke(services, provider, login.client_id, tokens.get("refresh_token"))
    except SealBroken:
        return None
    except Refused as refused:
        note_refusal(refused)
        return None
    return logout_url(
        provider,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=services.settings.base_url,
        state=secrets.token_urlsafe(16),
    )


def _revoke(services: Services, provider: Provider, client_id: str, refresh_token: str | None) -> None:
    """The refresh token is of no use now. If Okta does not take it back, signing out goes on all the same."""
    if not refresh_token:
        return
    try:
        revoke(services.door, provider, client_id=client_id, token=refresh_token, hint="refresh_token")
    except Refused as refused:
        note_refusal(refused)
