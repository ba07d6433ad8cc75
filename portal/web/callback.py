"""The return from Okta: the state finds the attempt in this browser, the attempt says everything else."""

from __future__ import annotations

import threading
import time

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed

from portal import logins, trials
from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import start_giving_back
from portal.metrics import LOGINS
from portal.okta.attempt import Attempt
from portal.okta.callback import Resume, read_callback, read_otp, state_of
from portal.store.sessions import find_claim, find_session
from portal.web import embedded, linking, session_again, session_replace, throttle, trial_login, widget_assets
from portal.web.attempts import drop_attempt, find_attempt, session_id_of
from portal.web.cookies import read_cookie
from portal.web.errors import answer_problem, note_refusal
from portal.web.for_app import note_login
from portal.web.headers import reference
from portal.web.identity import give_session, viewer
from portal.web.login import pages
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.session_place import place

_WAIT_SECONDS = 1.0
_WAITING = threading.BoundedSemaphore(8)
_NOT_OVER = (Problem.ATTEMPT_UNKNOWN, Problem.ATTEMPT_USED, Problem.CALLBACK_INVALID)
_UNDER_WAY_SECONDS = 12  # Longer than logins.OKTA_SECONDS: by then, whoever claimed the login is done with it.


# All methods are ours, or `/login/<slug>` would take a POST for a password at an organization called "callback".
@pages.route("/login/callback", methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@public(forms=False)
def callback() -> ResponseReturnValue:
    """Where Okta sends people back."""
    if request.method != "GET":
        raise MethodNotAllowed(["GET"])
    raw = request.query_string.decode("ascii", "replace")
    state = state_of(raw)
    if state is not None and trials.is_trial_state(state):
        return trial_login.come_back(raw, state)
    attempt = find_attempt(services(), state)
    if attempt is None:
        return _not_ours(raw)
    throttle.demand_calm(attempt.organization_id)
    try:
        with services().door.within(logins.OKTA_SECONDS):
            return _finish(attempt, raw)
    except Refused as refused:
        return _refuse(refused, attempt)


def _not_ours(raw: str) -> ResponseReturnValue:
    """No attempt of this browser: an old tab of somebody who is logged in goes home, anybody else is told. The link of
    an e-mail says its code, to be typed where the login began."""
    if viewer() is not None:
        return Redirect("/")
    otp = read_otp(raw)
    if otp is not None:
        return render("pages/login/code_elsewhere.html", otp=otp)
    g.retry_url = "/login"
    raise Refused(Problem.ATTEMPT_UNKNOWN)


def _finish(attempt: Attempt, raw: str) -> ResponseReturnValue:
    ours = services()
    provider = ours.providers.load(attempt.issuer)
    came_back = read_callback(
        raw,
        attempt,
        requires_iss=provider.requires_iss,
        now=ours.now(),
        seconds=ours.settings.attempt_seconds,
    )
    if isinstance(came_back, Resume):
        return _resume(attempt, came_back)
    if not logins.claim(ours, attempt):
        return session_again.second_time(attempt) if session_again.is_again(attempt) else _second_time(attempt)
    g.claimed = True
    proof = logins.prove_person(ours, attempt, came_back)
    g.vouched_for = proof.profile.email
    if session_again.is_again(attempt):
        return session_again.finish(attempt, proof)
    return _log_in(attempt, proof)


def _log_in(attempt: Attempt, proof: logins.Proof) -> ResponseReturnValue:
    """Opens the session, or offers to connect the account that is there already."""
    ours = services()
    session_id, replaced = session_id_of(ours, attempt), read_cookie(ours.settings, "session")
    try:
        session_replace.demand_asked(attempt, proof)
        logins.open_okta_session(
            ours,
            attempt,
            proof,
            session_id=session_id,
            reference=reference(),
            replaced=replaced,
            place=place(),
        )
    except Refused as refused:
        if refused.problem is Problem.LOGIN_UNASKED:
            session_again.discard(attempt, proof)
        if refused.problem is Problem.ACCOUNT_EXISTS:
            return linking.offer(proof, attempt, refused)
        raise
    LOGINS.labels("okta", "ok").inc()
    if replaced:
        start_giving_back(ours)
    return _enter(attempt, session_id)


def _resume(attempt: Attempt, came_back: Resume) -> ResponseReturnValue:
    """More to do at Okta: the same form, with the same attempt, which is not used up. Raises Refused."""
    login = logins.find_current(services(), attempt)
    logins.demand_unchanged(login, attempt)
    assert login is not None
    restart_url = linking.restart_url(login.slug, attempt.return_to)
    if login.sign_in != "embedded" or not widget_assets.installed():
        return Redirect(restart_url)
    return embedded.resume(login, attempt, otp=came_back.otp, restart_url=restart_url)


def _enter(attempt: Attempt, session_id: str) -> Response:
    response = Redirect(attempt.return_to)
    give_session(response, services().settings, session_id)
    note_login(response, attempt.return_to, session_id, told=False)
    drop_attempt(response, services(), attempt)
    return response


def _second_time(attempt: Attempt) -> ResponseReturnValue:
    """The same return again (double click, reload, a dropped answer): the same session, and Okta is not asked."""
    session_id = session_id_of(services(), attempt)
    patience = time.monotonic() + _WAIT_SECONDS
    while True:
        with services().db.reading() as connection:
            if find_session(connection, session_id, now=services().now()) is not None:
                return _enter(attempt, session_id)
            claimed_at = find_claim(connection, attempt.state) or 0
        if services().now() - claimed_at > _UNDER_WAY_SECONDS:
            raise Refused(Problem.ATTEMPT_USED)
        if time.monotonic() > patience or not _may_wait():
            page = render("pages/login/finishing.html", retry_url=request.full_path)
            return Response(page, 202, {"Refresh": "1"})


def _may_wait() -> bool:
    """Sleeps a moment, unless many others do: a link that is opened over and over must not hold every worker."""
    if not _WAITING.acquire(blocking=False):
        return False
    try:
        time.sleep(0.05)
    finally:
        _WAITING.release()
    return True


def _refuse(refused: Refused, attempt: Attempt) -> Response:
    """The page, a line in the activity, and the attempt is over unless a stranger could have sent this."""
    LOGINS.labels("okta", "refused").inc()
    note_refusal(refused)
    if refused.problem not in _NOT_OVER and throttle.count_refusal(attempt.organization_id):
        who, claimed = g.get("vouched_for", ""), g.get("claimed", False)
        told = {"reference": reference(), "device": place().device, "who": who}
        noted = logins.end_refused(services(), attempt, refused, claimed=claimed, **told)
    else:
        noted = False
    login = logins.find_current(services(), attempt)
    g.retry_url = linking.restart_url(login.slug, attempt.return_to) if login else "/login"
    if login:
        g.other_url, g.found_at = f"/login/{login.slug}", login.slug if noted else ""
    response = answer_problem(refused.problem)
    if refused.problem not in _NOT_OVER:
        drop_attempt(response, services(), attempt)
    return response
