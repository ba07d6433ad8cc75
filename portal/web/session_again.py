"""Logging in once more without leaving: the session stays, and so do the forms that are open in it."""

from __future__ import annotations

from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from portal import logins
from portal.access import public
from portal.attempts import begin_attempt
from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.logins import OKTA_SECONDS, Proof
from portal.okta.attempt import Attempt, authorization_url
from portal.okta_groups import ends_owner, follow
from portal.store.activity import record_event
from portal.store.left_tokens import leave_tokens
from portal.store.member_list import hold_members
from portal.store.members import Admitted, find_identity
from portal.store.okta_logins import find_login_by_integration
from portal.store.sessions import FRESH_SECONDS, freshen_session, hash_id
from portal.web.attempts import drop_attempt, keep_attempt
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.identity import Viewer, viewer
from portal.web.login import pages
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.return_to import HOME, return_address
from portal.web.session_fresh import find_password, prove_by_password

MARK = "again-"  # What the state of such an attempt begins with.
PAGE = "/login/again"
# A sign-in at Okta of the last minutes will do; what is left of the 15 is for the form.
_AT_OKTA_SECONDS = 300


@pages.get(PAGE)
@member()
def again() -> ResponseReturnValue:
    """Asks for the password, or leads to Okta; afterwards it says that the form can be sent."""
    return _page(demand_viewer())


@pages.post(PAGE)
@member()
def again_by_password() -> ResponseReturnValue:
    """The password, once more."""
    person = demand_viewer()
    if prove_by_password(person, request.form.get("password", "")):
        return Redirect(_next() or PAGE)
    note_refusal(Refused(Problem.PASSWORD_WRONG))
    return _page(person, Problem.PASSWORD_WRONG)


@pages.get(PAGE + "/okta")
@public()
def again_by_okta() -> ResponseReturnValue:
    """To Okta, which asks for a sign-in unless there was one in the last minutes (OIDC Core 3.1.2.1, max_age)."""
    person = viewer()
    if person is None or person.session.integration_id is None:
        return Redirect("/login")
    g.retry_url = PAGE
    with services().db.reading() as connection:
        login = find_login_by_integration(connection, person.session.integration_id)
    if login is None:
        raise Refused(Problem.OKTA_NOT_CONNECTED)
    with services().door.within(OKTA_SECONDS):
        provider = services().providers.load(login.issuer)
    attempt = begin_attempt(
        services(),
        login,
        app="spa",
        redirect_uri=services().settings.redirect_uri,
        return_to=_next() or PAGE,
        mark=MARK,
    )
    hint = person.session.okta_email
    response = Redirect(authorization_url(provider, attempt, login_hint=hint, max_age=_AT_OKTA_SECONDS), 302)
    keep_attempt(response, services(), attempt)
    return response


def is_again(attempt: Attempt) -> bool:
    """Whether this attempt is for a session that is there already."""
    return attempt.state.startswith(MARK)


def finish(attempt: Attempt, proof: Proof) -> ResponseReturnValue:
    """The same person has signed in at Okta just now: their session is fresh again, with Okta's new tokens.

    Raises Refused(LOGIN_AS_ANOTHER, LOGIN_REQUIRED_AT_OKTA, TOKEN_REFUSED); what Okta gave is then given back.
    """
    try:
        _freshen(attempt, proof)
    except Refused:
        discard(attempt, proof)
        raise
    response = Redirect(attempt.return_to)
    drop_attempt(response, services(), attempt)
    return response


def second_time(attempt: Attempt) -> ResponseReturnValue:
    """The same return once more: on to the page, if the first one has done its work. Raises Refused(ATTEMPT_USED)."""
    person = viewer()
    if person is None or not person.session.is_fresh(services().now()):
        raise Refused(Problem.ATTEMPT_USED)
    return Redirect(attempt.return_to)


def discard(attempt: Attempt, proof: Proof) -> None:
    """Gives Okta the tokens of a login back that opens nothing."""
    name = hash_id(attempt.state)
    sealed = logins.seal_tokens(services(), name, proof, attempt)
    with services().db.writing() as connection:
        _leave(connection, attempt, name, sealed, "login_discarded")


def _leave(connection: Connection, attempt: Attempt, name: bytes, sealed: bytes, why: str) -> None:
    """Tokens that no session holds any more; they came from the app of this attempt."""
    leave_tokens(
        connection, attempt.organization_id, issuer=attempt.issuer, client_id=attempt.client_id, name=name,
        sealed=sealed, why=why, now=services().now(),
    )  # fmt: skip
    give_back_after(services(), connection)


def _freshen(attempt: Attempt, proof: Proof) -> None:
    ours, now, person = services(), services().now(), viewer()
    if person is None:
        raise Refused(Problem.TOKEN_REFUSED, "session_ended")
    session = person.session
    with ours.db.reading() as connection:
        known = find_identity(connection, proof.profile.issuer, proof.profile.sub)
    if known is None or known[0] != session.identity_id or attempt.integration_id != session.integration_id:
        raise Refused(Problem.LOGIN_AS_ANOTHER)
    if proof.signed_in_at is None or now - proof.signed_in_at >= FRESH_SECONDS:
        reason = "auth_time_too_old" if proof.signed_in_at else "auth_time_missing"
        raise Refused(Problem.LOGIN_REQUIRED_AT_OKTA, reason)
    sealed = logins.seal_tokens(ours, session.id_hash, proof, attempt)
    held = ends_owner(ours, attempt, proof.profile, proof.groups)
    with ours.db.writing() as connection:
        if held:
            hold_members(connection, session.organization_id)
        # The role before the session, in the order of all transactions (`store/session_ends.py`): whoever removes this
        # member at the same moment has a hold of theirs, and waits for the session.
        current = find_login_by_integration(connection, attempt.integration_id) if proof.groups else None
        admitted = Admitted(session.user_id, known[0], session.role, joined=False)
        follow(
            connection, current, attempt, proof.profile, proof.groups, admitted,
            now=now, reference=reference(), held=held,
        )  # fmt: skip
        if not freshen_session(
            connection, session.id_hash, signed_in_at=proof.signed_in_at, sealed_tokens=sealed, now=now
        ):
            raise Refused(Problem.TOKEN_REFUSED, "session_ended")
        if session.sealed_tokens is not None:
            _leave(connection, attempt, session.id_hash, session.sealed_tokens, "login_again")
        record_event(
            connection,
            session.organization_id,
            who=person.email,
            what="login.again",
            now=now,
            reference=reference(),
            about={"method": "okta"},
        )


def _next() -> str:
    found = return_address(current_app, request.values.get("next"))
    return "" if found == HOME else found


def _page(person: Viewer, problem: Problem | None = None) -> ResponseReturnValue:
    page = render(
        "pages/sessions/again.html",
        fresh=person.session.is_fresh(services().now()),
        by_okta=person.method == "okta",
        by_password=find_password(person) is not None,
        email=person.email,
        next=_next(),
        problem=problem,
    )
    return page, problem.status if problem else 200
