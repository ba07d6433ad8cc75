"""Logging in with a recovery code, for an owner whose Okta does not let them in."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.mail import queue_mail
from portal.metrics import LOGINS
from portal.okta_only import hash_code
from portal.store.activity import record_event
from portal.store.check_watches import list_owners
from portal.store.members import clean_email
from portal.store.organizations import load_organization
from portal.store.recovery_codes import Recovered, use_code
from portal.store.sessions import end_session, hash_id, open_session
from portal.web import throttle
from portal.web.cookies import read_cookie
from portal.web.errors import note_refusal
from portal.web.headers import reference
from portal.web.identity import give_session, new_session_id
from portal.web.login import pages
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.session_place import place

SESSION_SECONDS = 4 * 3600  # Enough to put things right; a piece of paper is not for every day.
_LONGEST = 254


@pages.get("/login/recovery")
@public()
def recovery() -> ResponseReturnValue:
    """The form."""
    return _page(request.args.get("email", "")[:_LONGEST])


@pages.post("/login/recovery")
@public()
def recover() -> ResponseReturnValue:
    """A right code opens a session and leads to where passwords can be switched on again."""
    email = clean_email(request.form.get("email", ""))[:_LONGEST]
    throttle.limit_recovery(email)
    code_hash = hash_code(request.form.get("code", "")[:200])
    session_id = new_session_id()
    recovered = _open_session(code_hash, email, session_id) if code_hash else None
    if recovered is None:
        LOGINS.labels("recovery", "refused").inc()
        note_refusal(Refused(Problem.RECOVERY_CODE_WRONG))
        return _page(email, Problem.RECOVERY_CODE_WRONG)
    LOGINS.labels("recovery", "ok").inc()
    response = Redirect(f"/organizations/{recovered.slug}/security?done=recovered")
    give_session(response, services().settings, session_id)
    return response


def _open_session(code_hash: bytes, email: str, session_id: str) -> Recovered | None:
    """Uses the code up and opens the session, in one piece."""
    now, old, here = services().now(), read_cookie(services().settings, "session"), place()
    with services().db.writing() as connection:
        recovered = use_code(connection, code_hash, email, now=now)
        if recovered is None:
            return None
        open_session(
            connection,
            recovered.organization_id,
            session_id=session_id,
            user_id=recovered.user_id,
            method="recovery",
            now=now,
            device=here.device,
            network=here.network,
            seconds=SESSION_SECONDS,
        )
        if old:
            # Behind the opening, which waits for whoever ends all sessions of the person: nobody has a hold of a
            # session while they wait for that (`store/session_ends.py`).
            end_session(connection, hash_id(old), why="replaced", now=now)
            give_back_after(services(), connection)
        record_event(
            connection,
            recovered.organization_id,
            who=recovered.email,
            what="recovery_code.used",
            now=now,
            reference=reference(),
            about={"codes_left": recovered.left},
        )
        _tell_owners(connection, recovered, now)
    return recovered


def _tell_owners(connection: Connection, recovered: Recovered, now: int) -> None:
    organization = load_organization(connection, recovered.slug)
    for owner in list_owners(connection, recovered.organization_id):
        queue_mail(
            services(),
            connection,
            to=owner,
            kind="recovery_code_used",
            organization_id=recovered.organization_id,
            organization=organization.name,
            email=recovered.email,
            time=now,
            left=recovered.left,
            link=f"{services().settings.base_url}/organizations/{recovered.slug}/security",
        )


def _page(email: str, problem: Problem | None = None) -> ResponseReturnValue:
    page = render("pages/recovery/recovery.html", email=email, problem=problem)
    return page, problem.status if problem else 200
