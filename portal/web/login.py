"""Logging in: who are you, and where is your organization's Okta. The forms are taken in `password_login.py`."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.access import public
from portal.attempts import begin_attempt
from portal.current import services
from portal.errors import Problem, Refused
from portal.logins import OKTA_SECONDS, record_refusal
from portal.okta.attempt import authorization_url
from portal.store.okta_logins import Login, find_login, list_logins_by_issuer
from portal.store.okta_only import is_in_force
from portal.store.organizations import email_domain, find_organization_by_email, load_organization
from portal.web import session_replace
from portal.web.attempts import keep_attempt
from portal.web.headers import reference
from portal.web.identity import viewer
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.return_to import HOME, return_address
from portal.web.session_place import place

pages = Blueprint("login", __name__)


def asked_for() -> str:
    """The page that this login should end at: `next`, if it is one of ours."""
    if "asked_for" not in g:
        g.asked_for = return_address(current_app, request.form.get("next") or request.args.get("next"))
    found: str = g.asked_for
    return found


@pages.get("/login")
@public()
def start() -> ResponseReturnValue:
    """The e-mail address first."""
    if viewer() is not None:
        return Redirect(asked_for())
    email = request.args.get("email", "")[:254]
    if request.args.get("with") == "password" and email_domain(email):
        return password_page(email)
    return email_page(email=email)


@pages.get("/login/<slug>/okta")
@public()
def okta(slug: str) -> ResponseReturnValue:
    """Starts Okta at once."""
    with services().db.reading() as connection:
        login = find_login(connection, slug)
        if login is None:
            load_organization(connection, slug)
            g.retry_url, g.retry_label = f"/login/{slug}", gettext("Log in with a password")
            raise Refused(Problem.OKTA_NOT_CONNECTED)
    g.retry_url, g.other_url = okta_url(slug), f"/login/{slug}"
    hint = request.args.get("login_hint", "")[:254]
    elsewhere = session_replace.from_elsewhere()
    asked = _ask_first(login, hint) if elsewhere else None
    return asked or _to_okta(login, login_hint=hint, mark=session_replace.MARK if elsewhere else "")


def _ask_first(login: Login, hint: str) -> ResponseReturnValue | None:
    return session_replace.ask_first(login, hint=hint, go_on=asked_for(), replace=okta_url(login.slug, hint))


@pages.get("/login/initiate")
@public()
def initiate() -> ResponseReturnValue:
    """A login that Okta's dashboard started (OpenID Connect Core 4): only ever a normal login at a known issuer."""
    with services().db.reading() as connection:
        logins = list_logins_by_issuer(connection, request.args.get("iss", "")[:300])
        hinted = find_organization_by_email(connection, request.args.get("login_hint", ""))
    if not logins:
        raise Refused(Problem.ISSUER_UNKNOWN)
    # Anybody may enter another organization's Okta as their own: among several, only the address can tell.
    meant = [login for login in logins if hinted and login.organization_id == hinted.id] or logins
    query = {"next": _target(), "login_hint": request.args.get("login_hint", "")[:254]}
    if len(meant) > 1:
        query = {"next": query["next"], "email": query["login_hint"]}
    kept = urlencode({name: value for name, value in query.items() if value})
    path = "/login" if len(meant) > 1 else f"/login/{meant[0].slug}/okta"
    return Redirect(f"{path}?{kept}" if kept else path, 302)


def okta_url(slug: str, email: str = "") -> str:
    """Our own address that starts Okta, keeping the page that was asked for."""
    query = {"login_hint": email, "next": asked_for() if asked_for() != HOME else ""}
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"/login/{slug}/okta" + (f"?{kept}" if kept else "")


def _target() -> str:
    """`target_link_uri`, which is a whole address, as one of our own pages."""
    target = request.args.get("target_link_uri", "")
    base = services().settings.base_url
    path = target.removeprefix(base) if target.startswith(base + "/") else target
    found = return_address(current_app, path)
    return "" if found == HOME else found


def _to_okta(login: Login, *, login_hint: str, mark: str) -> ResponseReturnValue:
    try:
        with services().door.within(OKTA_SECONDS):
            provider = services().providers.load(login.issuer)
    except Refused as refused:
        told = {"reference": reference(), "app": "spa", "stage": "start", "device": place().device}
        record_refusal(services(), login.organization_id, refused, **told)
        g.found_at = login.slug
        raise
    redirect_uri = services().settings.redirect_uri
    attempt = begin_attempt(services(), login, app="spa", redirect_uri=redirect_uri, return_to=asked_for(), mark=mark)
    hint = login_hint if login_hint and email_domain(login_hint) else None
    response = Redirect(authorization_url(provider, attempt, login_hint=hint), 302)
    keep_attempt(response, services(), attempt)
    return response


def lead_on(email: str) -> ResponseReturnValue:
    """The address leads on to the organization's Okta, or to the password where there is none."""
    with services().db.reading() as connection:
        organization = find_organization_by_email(connection, email)
        login = find_login(connection, organization.slug) if organization else None
        if login is None:
            return password_page(email)
        okta_only = is_in_force(connection, login.organization_id, now=services().now())
    here = urlencode({"email": email, "next": asked_for()})
    if login.sign_in == "embedded":
        return Redirect(f"/login/{login.slug}?{here}")
    return render(
        "pages/login/continue.html",
        organization_name=login.name,
        okta_url=okta_url(login.slug, email),
        password_url="" if okta_only else f"/login/{login.slug}?{here}&with=password",
    )


def email_page(email: str, problem: Problem | None = None) -> ResponseReturnValue:
    """The first step; with `problem` above the field and its status."""
    page = render("pages/login/email.html", email=email, next=next_page(), problem=problem)
    return page, problem.status if problem else 200


def password_page(email: str, problem: Problem | None = None) -> ResponseReturnValue:
    """The password step; with `problem` above the field and its status."""
    page = render("pages/login/password.html", email=email, next=next_page(), problem=problem)
    return page, problem.status if problem else 200


def next_page() -> str:
    """What a form says in `next`: nothing where a login ends at home anyway."""
    return asked_for() if asked_for() != HOME else ""
