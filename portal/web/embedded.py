"""Signing in on POINT's own page: Okta's widget beside the way to Okta's page, which stays open whatever happens.

The attempt is the same as that of any login: state, nonce and verifier are made here, and of the verifier the browser
only ever sees the challenge. Whether the widget can work is asked beforehand; where it cannot, people log in on Okta's
page, and the owner is told why.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask, Response, current_app

from portal.attempts import begin_attempt
from portal.current import services
from portal.errors import Refused
from portal.logs import LOGGER
from portal.okta.attempt import Attempt
from portal.okta.embedded import PROBE_SECONDS, Cause, Embedded, EmbeddedStates
from portal.okta.interact import probe_embedded
from portal.store.okta_logins import Login
from portal.store.organizations import Organization
from portal.web import widget_assets
from portal.web.attempts import find_like, keep_attempt
from portal.web.login import asked_for, okta_url
from portal.web.render import language, render


def init_app(app: Flask) -> None:
    """Makes the memory of which Okta lets the widget work."""
    app.extensions["embedded"] = EmbeddedStates(clock=app.extensions["point"].clock)


def ask_okta(login: Login) -> Embedded:
    """Whether the widget can work for this organization, as its Okta said a moment ago."""
    ours = services()

    def probe() -> Embedded:
        # The metadata is kept; where it has to be fetched, there is less time for the rest.
        began = time.monotonic()
        try:
            with ours.door.within(PROBE_SECONDS):
                provider = ours.providers.load(login.issuer)
        except Refused:
            return Embedded(Cause.OKTA_AWAY, (), None)
        return probe_embedded(
            ours.door,
            provider,
            client_id=login.client_id,
            redirect_uri=ours.settings.redirect_uri,
            scope=login.scope,
            origin=ours.settings.base_url,
            seconds=max(0.1, PROBE_SECONDS - (time.monotonic() - began)),
        )

    found = _states().get((login.issuer, login.client_id), probe)
    if found.cause is not None:
        event = {"organization": login.slug, "cause": found.cause.value}
        LOGGER.info("embedded sign-in is not available", extra={"event": event})
    return found


def forget(login: Login) -> None:
    """Settings were saved: what that Okta said before counts no more."""
    _states().forget((login.issuer, login.client_id))


def works(login: Login) -> bool:
    """Whether people get the widget: the organization wants it, it is installed, and Okta lets it."""
    return login.sign_in == "embedded" and widget_assets.installed() and ask_okta(login).cause is None


def begin(login: Login, *, email: str, password_page: dict[str, Any]) -> Response:
    """The organization's login page with the widget, and a new attempt kept in this browser.

    password_page -- what the password form below it needs.
    """
    ours = services()
    # Looking at the page again goes on with the same attempt, or five looks would push another tab's login out.
    attempt = find_like(ours, login, asked_for()) or _attempt(login, asked_for())
    response = _page(login, attempt, okta_url(login.slug, email), email=email, password_page=password_page)
    keep_attempt(response, ours, attempt)
    return response


def resume(login: Login, attempt: Attempt, *, otp: str | None, restart_url: str) -> Response:
    """The widget once more, with the same attempt: there is more to do at Okta, or an e-mail's link was followed."""
    return _page(login, attempt, restart_url, otp=otp)


def preview(login: Login) -> Response:
    """What people would see. The attempt is kept nowhere: nobody can log in by it."""
    return _page(login, _attempt(login, "/"), okta_url(login.slug), is_preview=True)


def try_out(organization: Organization, attempt: Attempt, *, redirect_login: str) -> Response:
    """The form for a test login, with its own attempt."""
    return _page(organization, attempt, redirect_login, is_trial=True)


def _attempt(login: Login, return_to: str) -> Attempt:
    redirect_uri = services().settings.redirect_uri
    with services().door.within(PROBE_SECONDS):
        return begin_attempt(services(), login, app="spa", redirect_uri=redirect_uri, return_to=return_to)


def _page(
    login: Login | Organization,
    attempt: Attempt,
    redirect_login: str,
    *,
    email: str = "",
    otp: str | None = None,
    password_page: dict[str, Any] | None = None,
    is_preview: bool = False,
    is_trial: bool = False,
) -> Response:
    nonce = secrets.token_urlsafe(18)
    page = render(
        "pages/login/widget.html",
        organization_name=login.name,
        organization_slug=login.slug,
        okta_url=redirect_login,
        settings=json.dumps(_settings(attempt, email, otp, nonce)),
        script=widget_assets.address("js/okta-sign-in.oie.min.js"),
        style=widget_assets.address("css/okta-sign-in.min.css"),
        nonce=nonce,
        password_page=password_page,
        is_preview=is_preview,
        is_trial=is_trial,
    )
    response = Response(page)
    response.headers["Content-Security-Policy"] = _policy(attempt.issuer, nonce)
    return response


def _settings(attempt: Attempt, email: str, otp: str | None, nonce: str) -> dict[str, Any]:
    """What the widget is started with (Okta's own names). No secret: the challenge, not the verifier."""
    chosen = language()
    settings: dict[str, Any] = {
        "issuer": attempt.issuer,
        "clientId": attempt.client_id,
        "redirectUri": attempt.redirect_uri,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "scopes": attempt.scope.split(),
        "codeChallenge": create_s256_code_challenge(attempt.code_verifier),
        "codeChallengeMethod": "S256",
        "useClassicEngine": False,
        "brandName": "POINT",
        "colors": {"brand": "#0a5650"},
        "language": chosen if chosen in widget_assets.label_languages() else "en",
        "assets": {"baseUrl": widget_assets.base_address()},
        "features": {"rememberMe": False},
        "cspNonce": nonce,
    }
    if email:
        settings["username"] = email
    if otp:
        settings["otp"] = otp
    return settings


def _policy(issuer: str, nonce: str) -> str:
    """Only our own script and style, and only this organization's Okta to talk to (CSP Level 3)."""
    parts = urlsplit(issuer)
    okta = f"{parts.scheme}://{parts.netloc}"
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        f"font-src 'self'; connect-src 'self' {okta}; form-action 'self' {okta}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _states() -> EmbeddedStates:
    found: EmbeddedStates = current_app.extensions["embedded"]
    return found
