"""An organization's own login page: the way to its Okta, Okta's widget where it wants that, and the password form."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.access import public
from portal.current import services
from portal.errors import Problem
from portal.store.okta_logins import Login, find_login
from portal.store.okta_only import is_in_force
from portal.store.organizations import load_organization
from portal.web import embedded
from portal.web.identity import viewer
from portal.web.login import asked_for, next_page, okta_url, pages
from portal.web.redirects import Redirect
from portal.web.render import render

_PAUSE = 1  # Seconds until somebody who would have got the widget goes on to Okta's page.


@pages.get("/login/<slug>")
@public()
def organization(slug: str) -> ResponseReturnValue:
    """The organization's own login page."""
    person = viewer()
    if person is not None and person.organization_slug == slug:
        return Redirect(asked_for())
    email = request.args.get("email", "")[:254]
    wanted = _wants_widget(slug)
    if wanted is None:
        return organization_page(slug, email=email)
    if embedded.works(wanted):
        password_page = {"email": email, "next": next_page(), "okta_only": _takes_no_passwords(wanted)}
        return embedded.begin(wanted, email=email, password_page=password_page)
    page, _status = organization_page(slug, email=email, moves_on=True)
    # Nobody has to know that there should have been a form here.
    return Response(page, headers={"Refresh": f"{_PAUSE};url={okta_url(slug, email)}"})


def organization_page(
    slug: str, *, email: str, problem: Problem | None = None, moves_on: bool = False
) -> tuple[str, int]:
    """The organization's own page, open at the password where there is a `problem`; without a form for one where the
    organization takes none.

    moves_on -- the browser goes on to Okta by itself in a moment.
    """
    with services().db.reading() as connection:
        found = load_organization(connection, slug)
        connected = find_login(connection, slug) is not None
        okta_only = connected and is_in_force(connection, found.id, now=services().now())
    page = render(
        "pages/login/organization.html",
        organization_name=found.name,
        organization_slug=slug,
        okta_connected=connected,
        okta_only=okta_only,
        okta_url=okta_url(slug, email) if connected else "",
        email=email,
        next=next_page(),
        problem=problem,
        password_open=problem is not None or request.args.get("with") == "password",
        deleted="deleted" in request.args,
        moves_on=moves_on,
    )
    return page, problem.status if problem else 200


def _takes_no_passwords(login: Login) -> bool:
    with services().db.reading() as connection:
        return is_in_force(connection, login.organization_id, now=services().now())


def _wants_widget(slug: str) -> Login | None:
    if request.args.get("with") == "password" or "deleted" in request.args:
        return None
    with services().db.reading() as connection:
        login = find_login(connection, slug)
    return login if login is not None and login.sign_in == "embedded" else None
