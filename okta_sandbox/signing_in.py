"""Okta's own sign-in form. What was asked at authorize is kept here under a state token, never in the browser."""

import hmac

from okta_sandbox.authorize import finish_attempt
from okta_sandbox.directory import Person
from okta_sandbox.errors import ShownError
from okta_sandbox.org import SESSION_COOKIE, Attempt, Org, Session
from okta_sandbox.pages import notice_page, sign_in_page
from okta_sandbox.wire import Answer, SeenRequest, first, send_page


def sign_in(org: Org, request: SeenRequest) -> Answer:
    """A state token stays good after use: whoever presses Back may sign in again and gets a new code."""
    attempt = org.pending.get(first(request.form, "stateToken"))
    if attempt is None:
        raise ShownError("request_expired")
    person = find_by_password(org, first(request.form, "identifier"), first(request.form, "password"))
    if person is None:
        return refuse_password(org, request, attempt)
    with org.lock:
        if (former := org.find_session(request)) is not None:
            org.end_session(former)
        session = org.start_session(person)
    answer = finish_attempt(org, attempt, session)
    answer.headers.append(("Set-Cookie", make_cookie(session, secure=request.base.startswith("https"))))
    return answer


def find_by_password(org: Org, login: str, password: str) -> Person | None:
    person = org.find_person(login)
    if person is None or not person.active:
        return None
    return person if hmac.compare_digest(person.password.encode(), password.encode()) else None


def refuse_password(org: Org, request: SeenRequest, attempt: Attempt) -> Answer:
    state_token, identifier = first(request.form, "stateToken"), first(request.form, "identifier")
    return send_page(sign_in_page(org.name, state_token, identifier or attempt.login_hint, "Unable to sign in"))


def make_cookie(session: Session, *, secure: bool) -> str:
    return f"{SESSION_COOKIE}={session.id}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def drop_cookie() -> str:
    return f"{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"


def show_home(org: Org, request: SeenRequest) -> Answer:
    """Where Okta leads when nobody says where to go, for example after a sign-out without a return address."""
    session = org.find_session(request)
    if session is None:
        return send_page(notice_page(org.name, "Signed out", "Nobody is signed in at this Okta in this browser."))
    person = org.people_by_id[session.person_id]
    return send_page(notice_page(org.name, "My apps", f"Signed in as {person.email}."))
