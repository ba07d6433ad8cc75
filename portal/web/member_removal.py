"""Removing a member: what it does is said first, with one button."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.okta.admin_links import admin_link
from portal.store.group_roles import whose_roles_follow
from portal.store.integrations import find_integration
from portal.store.member_list import Member, hold_as_owner, is_last_owner, load_member, remove_member
from portal.store.recovery_codes import are_last_codes
from portal.store.removals import REMOVED, foresee_removal, was_removed
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.members import pages, show_member
from portal.web.recording import record_change
from portal.web.redirects import Redirect
from portal.web.render import render

# Why somebody has to stay, said where the button would be.
_STAYS = (Problem.LAST_OWNER, Problem.LAST_CODES, Problem.OWN_REMOVAL)


@pages.get("/<int:member_id>/remove")
@member("members.edit")
def ask_remove(slug: str, member_id: int) -> ResponseReturnValue:
    """What removing this member would do, with one button; or why it cannot be."""
    session = demand_viewer().session
    with services().db.reading() as connection:
        try:
            found = load_member(connection, session.organization_id, member_id)
        except Refused:
            if not was_removed(connection, session.organization_id, member_id):
                raise
            return _done(slug)
        problem = _find_obstacle(connection, found)
    return _page(member_id, problem)


@pages.post("/<int:member_id>/remove")
@member("members.edit")
def remove(slug: str, member_id: int) -> ResponseReturnValue:
    """Takes somebody out of the organization. The second click finds them gone and says the same."""
    try:
        with services().db.writing() as connection:
            _remove(connection, member_id)
            give_back_after(services(), connection)
    except Refused as refused:
        if refused.problem is Problem.NOT_FOUND and _was_removed(member_id):
            return _done(slug)
        if refused.problem not in _STAYS:
            raise
        note_refusal(refused)
        return _page(member_id, refused.problem), refused.problem.status
    return _done(slug)


def _find_obstacle(connection: Connection, found: Member) -> Problem | None:
    """Why `_remove` would refuse."""
    session = demand_viewer().session
    if found.role == "owner" and is_last_owner(connection, session.organization_id):
        return Problem.LAST_OWNER
    if found.user_id == session.user_id:
        return Problem.OWN_REMOVAL
    last = are_last_codes(connection, session.organization_id, found.user_id, now=services().now())
    return Problem.LAST_CODES if last else None


def _remove(connection: Connection, member_id: int) -> None:
    """Raises Refused: NOT_FOUND, FORBIDDEN, and the problems of `_STAYS`."""
    session = demand_viewer().session
    hold_as_owner(connection, session.organization_id, session.user_id)
    before = remove_member(connection, session.organization_id, member_id, now=services().now())
    if before.user_id == session.user_id:
        raise Refused(Problem.OWN_REMOVAL)
    record_change(connection, REMOVED, email=before.email, role=before.role, member=member_id)


def _was_removed(member_id: int) -> bool:
    with services().db.reading() as connection:
        return was_removed(connection, demand_viewer().session.organization_id, member_id)


def _done(slug: str) -> ResponseReturnValue:
    return Redirect(f"/organizations/{slug}/members?done=removed")


def _page(member_id: int, problem: Problem | None = None) -> str:
    session = demand_viewer().session
    with services().db.reading() as connection:
        found = load_member(connection, session.organization_id, member_id)
        removal = foresee_removal(connection, session.organization_id, found.user_id, now=services().now())
        by_groups = whose_roles_follow(connection, session.organization_id)
        link = _assignments(connection, session.organization_id)
    return render(
        "pages/members/remove.html",
        member=show_member(found, session.user_id),
        removal=removal,
        by_groups=by_groups,
        assignments_url=link,
        problem=problem,
    )


def _assignments(connection: Connection, organization_id: int) -> str:
    """Where that Okta assigns people to the web app; "" where its console is not known."""
    live = find_integration(connection, organization_id)
    if live is None:
        return ""
    parts = urlsplit(live.spa.issuer)
    # A sandbox on loopback is named with its scheme and port.
    host = f"{parts.scheme}://{parts.netloc}" if parts.port else parts.netloc
    links = (admin_link(each, "app_assignments", client_id=live.spa.client_id) for each in (host, live.spa.domain))
    return next(filter(None, links), "")
