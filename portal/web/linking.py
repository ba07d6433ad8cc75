"""Connecting an Okta account to a POINT account that exists already, once its owner has logged in to that one.

What Okta vouched for waits sealed in the browser; nothing is linked by the e-mail address alone.
"""

from __future__ import annotations

import base64
import binascii
import json
from urllib.parse import urlencode

from flask import Response
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from portal.errors import Problem, Refused
from portal.logins import Proof
from portal.okta.attempt import Attempt
from portal.sealing import SealBroken
from portal.store.activity import record_event
from portal.store.integrations import Login, find_login_by_integration
from portal.store.members import Profile, link_identity
from portal.web.attempts import drop_attempt
from portal.web.cookies import drop_cookie, read_cookie, set_cookie
from portal.web.errors import note_refusal
from portal.web.guards import public
from portal.web.headers import reference
from portal.web.identity import Viewer, viewer
from portal.web.login import pages, services
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.return_to import HOME


def restart_url(slug: str, return_to: str) -> str:
    """Our address that begins the same login anew."""
    return f"/login/{slug}/okta" + (f"?{urlencode({'next': return_to})}" if return_to != HOME else "")


def offer(login: Login, proof: Proof, attempt: Attempt, refused: Refused) -> Response:
    """Remembers what Okta vouched for and asks the person to log in to their account once."""
    note_refusal(refused)
    waiting = [login.integration_id, login.version, services().now() + services().settings.attempt_seconds]
    profile = proof.profile
    content = json.dumps([*waiting, profile.issuer, profile.sub, profile.email, profile.name]).encode()
    sealed = base64.urlsafe_b64encode(services().sealer.seal("link", content)).decode().rstrip("=")
    response = Redirect("/login/link")
    set_cookie(response, services().settings, "link", sealed, seconds=services().settings.attempt_seconds)
    drop_attempt(response, services(), attempt)
    return response


@pages.get("/login/link")
@public(landing=True)
def link_account() -> ResponseReturnValue:
    """Says what is asked for, and once the person is logged in to that account asks for the last word."""
    login, profile = _waiting()
    person = viewer()
    query = urlencode({"email": profile.email, "next": "/login/link"})
    return render(
        "pages/login/link_account.html",
        email=profile.email,
        organization_name=login.name,
        login_url=f"/login?{query}",
        confirm=_owns(person, profile),
    )


@pages.post("/login/link")
@public()
def link_account_now() -> ResponseReturnValue:
    """Connects the two."""
    login, profile = _waiting()
    person = viewer()
    if person is None or not _owns(person, profile):
        return Redirect("/login/link")
    try:
        with services().db.writing() as connection:
            link_identity(connection, login.organization_id, person.session.user_id, profile, now=services().now())
            record_event(
                connection,
                login.organization_id,
                who=profile.email,
                what="identity.linked",
                now=services().now(),
                reference=reference(),
            )
    except IntegrityError as exc:
        raise Refused(Problem.ACCOUNT_TAKEN, "identity_linked_meanwhile") from exc
    response = Redirect(restart_url(login.slug, HOME))
    drop_cookie(response, services().settings, "link")
    return response


def _owns(person: Viewer | None, profile: Profile) -> bool:
    return person is not None and person.email == profile.email


def _waiting() -> tuple[Login, Profile]:
    """What waits in this browser. Raises Refused(ATTEMPT_EXPIRED, SETTINGS_CHANGED)."""
    value = read_cookie(services().settings, "link") or ""
    try:
        sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        integration_id, version, until, *person = json.loads(services().sealer.unseal("link", sealed))
    except (binascii.Error, ValueError, SealBroken) as exc:
        raise Refused(Problem.ATTEMPT_EXPIRED, "link_unknown") from exc
    if services().now() > until:
        raise Refused(Problem.ATTEMPT_EXPIRED, "link_expired")
    with services().db.reading() as connection:
        login = find_login_by_integration(connection, integration_id)
    if login is None or login.version != version:
        raise Refused(Problem.SETTINGS_CHANGED, "link_settings_changed")
    return login, Profile(*person)
