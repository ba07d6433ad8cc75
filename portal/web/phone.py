"""Logging in to the app through the portal's own pages: with a POINT password, or by Okta where an organization has no
app for phones yet. It ends at "Open POINT" with a code that is good once, for the app that began this login.
"""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from portal.access import public
from portal.attempts import unseal_native_attempt
from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.okta.attempt import Attempt, expired
from portal.store.native_attempts import NativeAttempt, find_native_attempt, hand_code, open_attempt
from portal.store.organizations import find_slug
from portal.store.sessions import end_session, hash_id
from portal.web.for_app import drop_note, read_note
from portal.web.guards import demand_same_session
from portal.web.identity import Viewer, take_session, viewer
from portal.web.redirects import Redirect
from portal.web.render import render

pages = Blueprint("phone", __name__)


@pages.get("/native/login")
@public(landing=True)
def begin() -> ResponseReturnValue:
    """Who is logging in? Somebody who has just typed a password for the app goes on to it, anybody else is asked."""
    known, attempt = _under_way(request.args.get("state", ""))
    person = viewer()
    if person is None or not _fits(person, known):
        return _to_login(known, attempt)
    _began, told = read_note(attempt.state, person.session.id_hash)
    if told and request.method == "GET":
        return _to_the_app(known, attempt, person)
    return _confirm_page(person, attempt)


@pages.post("/native/login")
@public()
def continue_() -> ResponseReturnValue:
    """The person of this browser goes on to the app, or somebody else logs in."""
    known, attempt = _under_way(request.form.get("state", ""))
    person = viewer()
    if person is None:
        return _to_login(known, attempt)
    demand_same_session(person)
    if request.form.get("another"):
        with services().db.writing() as connection:
            end_session(connection, person.session.id_hash, why="replaced", now=services().now())
            give_back_after(services(), connection)
        response = _to_login(known, attempt)
        take_session(response, services().settings)
        return response
    if not _fits(person, known):
        return _to_login(known, attempt)
    return _to_the_app(known, attempt, person)


def _under_way(state: str) -> tuple[NativeAttempt, Attempt]:
    """The app's login that this page belongs to. Raises Refused(ATTEMPT_UNKNOWN, ATTEMPT_USED, ATTEMPT_EXPIRED)."""
    ours = services()
    with ours.db.reading() as connection:
        known = find_native_attempt(connection, hash_id(state))
    if known is None or known.purpose != "login" or known.flow != "page":
        raise Refused(Problem.ATTEMPT_UNKNOWN, "unknown_state")
    if known.status not in ("created", "opened"):
        raise Refused(Problem.ATTEMPT_USED, "state_used")
    attempt = unseal_native_attempt(ours, known)
    if expired(attempt, now=ours.now(), seconds=ours.settings.attempt_seconds):
        raise Refused(Problem.ATTEMPT_EXPIRED, "state_expired")
    if known.status == "created":
        with ours.db.single() as connection:
            open_attempt(connection, known.state_hash, now=ours.now())
    return known, attempt


def _fits(person: Viewer, known: NativeAttempt) -> bool:
    return known.organization_id in (None, person.session.organization_id)


def _to_login(known: NativeAttempt, attempt: Attempt) -> Response:
    """The login of the organization, or the one that asks for an address, and from there back here."""
    query = {"next": f"/native/login?{urlencode({'state': attempt.state})}"}
    if request.args.get("with") == "password":
        query["with"] = "password"
    if request.args.get("email"):
        query["email"] = request.args["email"][:254]
    with services().db.reading() as connection:
        slug = find_slug(connection, known.organization_id) if known.organization_id is not None else ""
    return Redirect(f"/login/{slug}?{urlencode(query)}" if slug else f"/login?{urlencode(query)}")


def _to_the_app(known: NativeAttempt, attempt: Attempt, person: Viewer) -> Response:
    if person.method == "recovery":
        raise Refused(Problem.RECOVERY_IN_THE_BROWSER)
    ours, code = services(), secrets.token_urlsafe(32)
    began, _told = read_note(attempt.state, person.session.id_hash)
    with ours.db.single() as connection:
        handed = hand_code(
            connection,
            known.state_hash,
            code_hash=hashlib.sha256(code.encode()).digest(),
            web_session=person.session.id_hash,
            began=began,
            now=ours.now(),
        )
    if not handed:
        raise Refused(Problem.ATTEMPT_USED, "state_used")
    # RFC 9207: the app's bridge checks that the code is from here and not from an Okta.
    query = {"code": code, "state": attempt.state, "iss": ours.settings.base_url}
    response = Redirect(f"/native/open?{urlencode(query)}", 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    # Pressing Back asks first.
    drop_note(response)
    return response


def _confirm_page(person: Viewer, attempt: Attempt) -> Response:
    return Response(
        render(
            "pages/native/confirm.html",
            organization_name=person.organization_name,
            person_name=person.name,
            person_email=person.email,
            state=attempt.state,
        )
    )
