"""A person's organizations: which there are, and going over from one to another."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from portal.current import services
from portal.errors import Problem, Refused
from portal.store.activity import record_event
from portal.store.members import Membership, list_memberships
from portal.store.okta_only import closed_to_passwords
from portal.store.password_links import hold_account
from portal.store.session_limits import read_session_limits
from portal.store.sessions import end_session, freshen_session, hash_id, open_session
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.identity import give_session, new_session_id
from portal.web.members import ROLE_NAMES
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.session_place import place

pages = Blueprint("organizations", __name__)


@pages.get("/account/organizations")
@member()
def index() -> ResponseReturnValue:
    """The organizations this person belongs to."""
    session = demand_viewer().session
    mine, closed = _mine()
    return render(
        "pages/account/organizations.html",
        memberships=mine,
        role_names=ROLE_NAMES,
        # Only a password is proof everywhere: what one organization's Okta says counts for that organization.
        direct={each.slug for each in mine if session.method == "password" and each.organization_id not in closed},
        joined=next((each.name for each in mine if each.slug == request.args.get("joined")), ""),
    )


@pages.post("/account/organizations/<other>")
@member()
def switch(other: str) -> ResponseReturnValue:
    """Goes over: with a session that was opened by a password at once, otherwise by logging in there."""
    session = demand_viewer().session
    mine, closed = _mine()
    found = next((each for each in mine if each.slug == other), None)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "not_a_member")
    if found.organization_id == session.organization_id:
        return Redirect("/")
    if session.method != "password" or found.organization_id in closed:
        return Redirect(f"/login/{found.slug}")
    return _go_over(found) or Redirect(f"/login/{found.slug}")


def _mine() -> tuple[list[Membership], set[int]]:
    user_id = demand_viewer().session.user_id
    with services().db.reading() as connection:
        closed = closed_to_passwords(connection, user_id, now=services().now())
        return list_memberships(connection, user_id), set(closed)


def _go_over(found: Membership) -> ResponseReturnValue | None:
    """The same session, there; None where it is over by that organization's rules. Raises Refused(SESSION_CHANGED)."""
    session_id = new_session_id()
    with services().db.writing() as connection:
        if not _may_enter(connection, found):
            return None
        if not end_session(connection, demand_viewer().session.id_hash, why="replaced", now=services().now()):
            raise Refused(Problem.SESSION_CHANGED, "session_ended_meanwhile")
        _open(connection, found, session_id)
    response = Redirect("/")
    give_session(response, services().settings, session_id)
    return response


def _may_enter(connection: Connection, found: Membership) -> bool:
    """Looked at behind the lock: passwords may have been switched off there, and a session that has lasted too long for
    that organization is not begun anew."""
    session, now = demand_viewer().session, services().now()
    hold_account(connection, session.user_id)
    if found.organization_id in closed_to_passwords(connection, session.user_id, now=now):
        return False
    most = read_session_limits(connection, found.organization_id).most_seconds
    return most is None or now < session.created_at + most


def _open(connection: Connection, found: Membership, session_id: str) -> None:
    """Going over is no new proof, and no longer session."""
    session, now, here = demand_viewer().session, services().now(), place()
    open_session(
        connection, found.organization_id, session_id=session_id, user_id=session.user_id, method="password",
        now=now, device=here.device, network=here.network, created_at=session.created_at,
        seconds=max(1, session.expires_at - now),
    )  # fmt: skip
    signed_in_at = session.signed_in_at or session.created_at
    freshen_session(connection, hash_id(session_id), signed_in_at=signed_in_at, now=now)
    record_event(
        connection, found.organization_id, who=session.email, what="login", now=now, reference=reference(),
        about={"method": "password", "from": session.organization_slug},
    )  # fmt: skip
