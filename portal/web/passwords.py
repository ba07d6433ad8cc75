"""Passwords: forgotten, set by a link, set and changed by somebody who is logged in.

A token is in the path of one page only. The log has that page's rule, its answers tell no other site where they come
from, and opening it changes nothing.
"""

from __future__ import annotations

import hashlib

from flask import Blueprint, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal import password_changes
from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.passwords import find_weakness
from portal.store.okta_only import allows_password
from portal.store.organizations import email_domain
from portal.store.password_links import Account, list_organizations_of, load_account
from portal.web import known_browsers, throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.redirects import Redirect
from portal.web.render import render

pages = Blueprint("passwords", __name__)
_OLD, _NEW, _AGAIN = "old_password", "password", "password_again"


@pages.get("/login/forgot")
@public()
def forgot() -> ResponseReturnValue:
    """The address that a link is sent to."""
    email = request.args.get("email", "")[:254]
    return _forgot_page(email if email_domain(email) else "")


@pages.post("/login/forgot")
@public()
def send_link() -> ResponseReturnValue:
    """The same answer in the same time for every address: who has it is looked up when this is answered."""
    email = request.form.get("email", "").strip()
    if not email_domain(email) or len(email) > 254:
        return _forgot_page(email, Problem.EMAIL_FORM)
    throttle.limit_links(email.lower())
    ours, number = services(), reference()
    name = f"password link {hashlib.sha256(email.lower().encode()).hexdigest()[:8]}"
    ours.background.queue(name, lambda: password_changes.answer_forgotten(ours, email, reference=number))
    return Redirect("/login/forgot/sent")


@pages.get("/login/forgot/sent")
@public()
def link_sent() -> ResponseReturnValue:
    """Says what happens next, whether or not there is such an account."""
    return render("pages/passwords/sent.html")


@pages.get("/login/password/<token>")
@public()
def set_by_link(token: str) -> ResponseReturnValue:
    """The form behind a link."""
    return _by_link(_load_by_link(token), {})


@pages.post("/login/password/<token>")
@public()
def set_by_link_now(token: str) -> ResponseReturnValue:
    """Sets it; whoever did that logs in with it next."""
    account = _load_by_link(token)
    problems = _find_problems(account)
    if problems:
        return _by_link(account, problems)
    password_changes.set_by_link(services(), token[:100], request.form[_NEW], reference=reference())
    return Redirect("/login/password")


@pages.get("/login/password")
@public()
def done() -> ResponseReturnValue:
    """It is set."""
    return render("pages/passwords/done.html")


@pages.get("/account/password")
@member()
def change() -> ResponseReturnValue:
    """One's own password: to change it, or a first one."""
    return _own_page({}, done="done" in request.args, sent="sent" in request.args)


@pages.post("/account/password")
@member()
def change_now() -> ResponseReturnValue:
    """Changes it; this session goes on, all others end."""
    session = demand_viewer().session
    account = _load(session.user_id)
    throttle.limit_passwords(account.email, known_browser=known_browsers.is_known(services(), session.user_id))
    throttle.limit_old_passwords(session.user_id)
    if account.password_hash is None and not _is_recent():
        raise Refused(Problem.PASSWORD_LOGIN_OLD, "first_password_needs_recent_login")
    problems = _find_problems(account)
    if account.password_hash is not None and not request.form.get(_OLD):
        problems = {_OLD: Problem.FIELD_REQUIRED, **problems}
    if problems:
        return _own_page(problems)
    old, new = request.form.get(_OLD, ""), request.form[_NEW]
    try:
        password_changes.change(services(), session, old, new, reference=reference())
    except Refused as refused:
        if refused.problem is not Problem.PASSWORD_OLD_WRONG:
            raise
        note_refusal(refused)
        return _own_page({_OLD: refused.problem})
    return Redirect("/account/password?done")


@pages.post("/account/password/link")
@member()
def send_own_link() -> ResponseReturnValue:
    """A link to one's own address, for whoever has forgotten the old one or logged in long ago."""
    session = demand_viewer().session
    throttle.limit_links(session.email)
    with services().db.writing() as connection:
        password_changes.mail_link(services(), connection, session.user_id, reference=reference())
    return Redirect("/account/password?sent")


def _load_by_link(token: str) -> Account:
    g.retry_url, g.retry_label = "/login/forgot", gettext("Ask for a new link")
    return password_changes.load_by_link(services(), token[:100])


def _find_problems(account: Account) -> dict[str, Problem]:
    """What is wrong with the new password that was entered, by field."""
    new, again = request.form.get(_NEW, ""), request.form.get(_AGAIN, "")
    with services().db.reading() as connection:
        homes = list_organizations_of(connection, account.user_id)
    about = [account.email, account.name, *(text for _id, slug, name in homes for text in (slug, name))]
    weakness = find_weakness(new, about=about)
    if weakness is not None:
        return {_NEW: weakness}
    return {} if new == again else {_AGAIN: Problem.PASSWORDS_DIFFER}


def _forgot_page(email: str, problem: Problem | None = None) -> ResponseReturnValue:
    page = render("pages/passwords/forgot.html", email=email, problem=problem)
    return page, problem.status if problem else 200


def _by_link(account: Account, problems: dict[str, Problem]) -> ResponseReturnValue:
    page = render(
        "pages/passwords/by_link.html", email=account.email, first=account.password_hash is None, problems=problems
    )
    response = make_response(page, 422 if problems else 200)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _own_page(problems: dict[str, Problem], *, done: bool = False, sent: bool = False) -> ResponseReturnValue:
    session = demand_viewer().session
    with services().db.reading() as connection:
        allowed = allows_password(connection, session.user_id, now=services().now())
        enough = password_changes.may_set_first(connection, session.user_id, session.organization_id)
    account = _load(session.user_id)
    page = render(
        "pages/passwords/own.html",
        has_password=account.password_hash is not None,
        may_type=account.password_hash is not None or (_is_recent() and enough),
        allowed=allowed,
        recent=_is_recent(),
        problems=problems,
        done=done,
        sent=sent,
    )
    return page, 422 if problems else 200


def _load(user_id: int) -> Account:
    with services().db.reading() as connection:
        return load_account(connection, user_id)


def _is_recent() -> bool:
    """A first password needs no old one: a browser that was left open must not be given a key of its own."""
    return demand_viewer().session.is_fresh(services().now())
