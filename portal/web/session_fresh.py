"""Changes that take a login of the last 15 minutes: asks for it, and loses nothing of what was typed.

What was sent comes back in the page that asks, hidden in a form that sends it again; with a password the two are one
step. Fields that hold something secret stay out of it and are typed anew.
"""

from __future__ import annotations

import re

from flask import request
from flask.typing import ResponseReturnValue

from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.connect import is_api_token
from portal.passwords import check_password
from portal.store.activity import record_event
from portal.store.members import find_user
from portal.store.okta_only import closed_to_passwords
from portal.store.sessions import freshen_session
from portal.web import known_browsers, throttle
from portal.web.errors import note_refusal, wants_json
from portal.web.headers import reference
from portal.web.identity import Viewer
from portal.web.render import render

PASSWORD_FIELD = "again_password"  # noqa: S105 - the name of a field
_SECRET = re.compile("password|token|secret|code|key|form_stamp", re.IGNORECASE)


def demand_fresh(person: Viewer) -> ResponseReturnValue | None:
    """None when the person has proved themselves lately, or does so with this very form; else the page that asks.

    Raises Refused(LOGIN_AGAIN) for programs, and TOO_MANY.
    """
    if person.session.is_fresh(services().now()):
        return None
    problem = None
    if PASSWORD_FIELD in request.form:
        if prove_by_password(person, request.form[PASSWORD_FIELD]):
            return None
        problem = Problem.PASSWORD_WRONG
    refused = Refused(problem or Problem.LOGIN_AGAIN)
    if wants_json():
        raise refused
    note_refusal(refused)
    page = render(
        "pages/sessions/send_again.html",
        by_okta=person.method == "okta",
        by_password=find_password(person) is not None,
        action=request.path,
        fields=list_kept(),
        left_out=any(
            name not in (PASSWORD_FIELD, "form_stamp") and _is_secret(name, value)
            for name, value in request.form.items(multi=True)
        ),
        problem=problem,
        reference=reference(),
    )
    return page, refused.problem.status


def find_password(person: Viewer) -> str | None:
    """The hash of the password that this person can log in with here; None where there is none, or it opens nothing."""
    with services().db.reading() as connection:
        user = find_user(connection, person.email)
        closed = closed_to_passwords(connection, person.session.user_id, now=services().now())
    if user is None or user.id != person.session.user_id or person.session.organization_id in closed:
        return None
    return user.password_hash


def prove_by_password(person: Viewer, password: str) -> bool:
    """Whether it is this person's password; then their session is fresh again, and only then."""
    known = known_browsers.is_known(services(), person.session.user_id)
    throttle.limit_passwords(person.email, known_browser=known)
    throttle.limit_old_passwords(person.session.user_id)
    if not check_password(find_password(person), password):
        return False
    now = services().now()
    with services().db.writing() as connection:
        if not freshen_session(connection, person.session.id_hash, signed_in_at=now, now=now):
            return False
        record_event(
            connection,
            person.session.organization_id,
            who=person.email,
            what="login.again",
            now=now,
            reference=reference(),
            about={"method": "password"},
        )
    return True


def list_kept() -> list[tuple[str, str]]:
    """What was sent, without what is secret and what is ours."""
    return [(name, value) for name, value in request.form.items(multi=True) if not _is_secret(name, value)]


def _is_secret(name: str, value: str) -> bool:
    """Whether this field holds a secret by its name; or by its value, since tokens are pasted into wrong fields."""
    return bool(_SECRET.search(name)) or any(map(is_api_token, value.split()))
