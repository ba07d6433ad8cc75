"""Logging in with a password: the forms of the login pages, and the session that a right one opens."""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.metrics import LOGINS
from portal.passwords import check_password
from portal.store.activity import record_event
from portal.store.members import Membership, User, clean_email, find_user, list_memberships
from portal.store.okta_only import closed_to_passwords
from portal.store.organizations import email_domain, find_organization_by_email
from portal.store.password_links import hold_account
from portal.store.sessions import end_session, hash_id, open_session
from portal.web import known_browsers, throttle
from portal.web.cookies import read_cookie
from portal.web.errors import note_refusal
from portal.web.for_app import note_login
from portal.web.headers import reference
from portal.web.identity import give_session, new_session_id
from portal.web.login import asked_for, email_page, lead_on, pages, password_page
from portal.web.organization_login import organization_page
from portal.web.redirects import Redirect
from portal.web.session_place import place


@pages.post("/login")
@public()
def continue_() -> ResponseReturnValue:
    """The address leads on to the organization's Okta or to the password step; with a password, it is checked."""
    email = request.form.get("email", "").strip()
    if not email_domain(email) or len(email) > 254:
        return email_page(email=email, problem=Problem.EMAIL_FORM)
    if "password" in request.form:
        return _log_in_by_password(email, lambda problem: password_page(email, problem))
    return lead_on(email)


@pages.post("/login/<slug>")
@public()
def organization_password(slug: str) -> ResponseReturnValue:
    """A password on the organization's own page."""
    email = request.form.get("email", "").strip()
    if not email_domain(email):
        return organization_page(slug, email=email, problem=Problem.EMAIL_FORM)
    return _log_in_by_password(email, lambda problem: organization_page(slug, email=email, problem=problem), slug=slug)


def _log_in_by_password(
    email: str, again: Callable[[Problem], ResponseReturnValue], *, slug: str = ""
) -> ResponseReturnValue:
    """A session, or the page that `again` makes of the problem."""
    address = clean_email(email)
    with services().db.reading() as connection:
        user = find_user(connection, address)
    known = known_browsers.is_known(services(), user.id) if user else False
    throttle.limit_passwords(address, known_browser=known)
    session_id = new_session_id()
    fits = check_password(user.password_hash if user else None, request.form.get("password", ""))
    entered, closed = _open(user, slug, session_id) if user and fits else (None, None)
    if closed is not None:
        # Only whoever knows the password hears of this.
        LOGINS.labels("password", "refused").inc()
        note_refusal(Refused(Problem.OKTA_ONLY))
        return organization_page(closed.slug, email=email, problem=Problem.OKTA_ONLY)
    if user is None or entered is None:
        LOGINS.labels("password", "refused").inc()
        note_refusal(Refused(Problem.PASSWORD_WRONG))
        return again(Problem.PASSWORD_WRONG)
    return _let_in(user, session_id)


def _open(user: User, slug: str, session_id: str) -> tuple[Membership | None, Membership | None]:
    """Opens a session; what `_membership` says. It says so here, behind the lock: while the password was checked, it
    may have been changed, or the organization has switched passwords off."""
    now = services().now()
    old, here = read_cookie(services().settings, "session"), place()
    with services().db.writing() as connection:
        if hold_account(connection, user.id).password_hash != user.password_hash:
            return None, None
        entered, closed = _membership(connection, user, slug)
        if entered is None:
            return None, closed
        if old:
            end_session(connection, hash_id(old), why="replaced", now=now)
            give_back_after(services(), connection)
        open_session(
            connection,
            entered.organization_id,
            session_id=session_id,
            user_id=user.id,
            method="password",
            now=now,
            device=here.device,
            network=here.network,
        )
        record_event(
            connection,
            entered.organization_id,
            who=user.email,
            what="login",
            now=now,
            reference=reference(),
            about={"method": "password", **({"device": here.device} if here.device else {})},
        )
    return entered, None


def _membership(
    connection: Connection, user: User, slug: str
) -> tuple[Membership | None, Membership | None]:
    """The organization to enter: the one of the page, else the one of the address, else the oldest; or, where none of
    these takes passwords, the one that does not."""
    mine = list_memberships(connection, user.id)
    home = find_organization_by_email(connection, user.email)
    shut = closed_to_passwords(connection, user.id, now=services().now())
    if slug:
        mine = [membership for membership in mine if membership.slug == slug]
    mine.sort(key=lambda membership: not home or membership.organization_id != home.id)
    open_ = [membership for membership in mine if membership.organization_id not in shut]
    return next(iter(open_), None), None if open_ else next(iter(mine), None)


def _let_in(user: User, session_id: str) -> ResponseReturnValue:
    LOGINS.labels("password", "ok").inc()
    response = Redirect(asked_for())
    give_session(response, services().settings, session_id)
    note_login(response, asked_for(), session_id, told=True)
    known_browsers.remember(response, services(), user.id)
    return response
