"""A person's own account."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal.current import services
from portal.store.password_links import load_account
from portal.web.guards import demand_viewer, member
from portal.web.render import render, show_time

pages = Blueprint("account", __name__)


@pages.get("/account")
@member()
def show() -> ResponseReturnValue:
    """Name, e-mail, role, and how the person logged in."""
    session = demand_viewer().session
    identity = {"issuer": session.okta_issuer, "email": session.okta_email} if session.okta_issuer else None
    with services().db.reading() as connection:
        has_password = load_account(connection, session.user_id).password_hash is not None
    return render(
        "pages/account/show.html",
        has_password=has_password,
        logged_in_at=show_time(session.created_at),
        session_until=show_time(session.ends_at),
        okta_identity=identity,
    )
