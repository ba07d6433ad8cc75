"""The list of sessions: a person's own, and for an owner those of a member. One can be ended, or several at once."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.current import services
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.store.activity import record_event
from portal.store.session_list import (
    EndedSession,
    ListedSession,
    Person,
    end_sessions_of,
    find_member,
    list_sessions,
)
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("sessions", __name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One session, as it is shown."""

    key: str
    title: str
    phone: bool
    facts: list[tuple[str, str]]
    current: bool


@pages.get("/account/sessions")
@member()
def own() -> ResponseReturnValue:
    """Where this person is logged in."""
    return _own_page(ended=_count(request.args.get("ended")))


@pages.post("/account/sessions")
@member()
def end_own() -> ResponseReturnValue:
    """Ends one of them, or all but this one. What is over already is over."""
    session, chosen = demand_viewer().session, request.form.get("end", "")
    if not chosen:
        return _own_page(nothing_chosen=True)
    if chosen == "others":
        ended = _end(session.user_id, session.email, why="ended_by_person", except_id=session.id_hash)
    else:
        ended = _end(session.user_id, session.email, why="ended_by_person", only=_read_key(chosen))
    return Redirect(f"/account/sessions?ended={len(ended)}")


@pages.get("/organizations/<slug>/members/<int:member_id>/sessions")
@member("members.edit")
def of_member(slug: str, member_id: int) -> ResponseReturnValue:
    """Where one of the organization's people is logged in."""
    return _member_page(slug, member_id, ended=_count(request.args.get("ended")))


# Without a newer login: it lets nobody in, and it may be urgent.
@pages.post("/organizations/<slug>/members/<int:member_id>/sessions")
@member("members.edit", fresh=False)
def end_of_member(slug: str, member_id: int) -> ResponseReturnValue:
    """Ends one of them or all: within a moment, on every node."""
    person, chosen = _load(member_id), request.form.get("end", "")
    if not chosen:
        return _member_page(slug, member_id, nothing_chosen=True)
    only = None if chosen == "all" else _read_key(chosen)
    ended = _end(person.user_id, person.email, why="ended_by_owner", only=only)
    if any(each.id_hash == demand_viewer().session.id_hash for each in ended):
        return Redirect(f"/login/{slug}")
    return Redirect(f"/organizations/{slug}/members/{member_id}/sessions?ended={len(ended)}")


def _end(
    user_id: int, email: str, *, why: str, only: bytes | None = None, except_id: bytes | None = None
) -> list[EndedSession]:
    """Ends them, writes it down, and gives Okta their refresh tokens back once the page is answered."""
    session, now = demand_viewer().session, services().now()
    with services().db.writing() as connection:
        ended = end_sessions_of(
            connection, session.organization_id, user_id, why=why, now=now, only=only, except_id=except_id
        )
        give_back_after(services(), connection)
        if ended:
            about = {"whose": email, "sessions": len(ended), "kinds": sorted({each.kind for each in ended})}
            record_event(
                connection,
                session.organization_id,
                who=session.email,
                what="session.ended",
                now=now,
                reference=reference(),
                about=about,
            )
    return ended


def _own_page(*, ended: int | None = None, nothing_chosen: bool = False) -> ResponseReturnValue:
    session = demand_viewer().session
    rows = _rows(session.user_id)
    page = render(
        "pages/account/sessions.html",
        rows=rows,
        others=sum(not row.current for row in rows),
        ended=ended,
        nothing_chosen=nothing_chosen,
    )
    return page, 422 if nothing_chosen else 200


def _member_page(
    slug: str, member_id: int, *, ended: int | None = None, nothing_chosen: bool = False
) -> ResponseReturnValue:
    person = _load(member_id)
    page = render(
        "pages/sessions/of_member.html",
        person=person,
        rows=_rows(person.user_id),
        action=f"/organizations/{slug}/members/{member_id}/sessions",
        members_url=f"/organizations/{slug}/members",
        member_url=f"/organizations/{slug}/members/{member_id}",
        ended=ended,
        nothing_chosen=nothing_chosen,
    )
    return page, 422 if nothing_chosen else 200


def _load(member_id: int) -> Person:
    if member_id >= 2**63:
        raise Refused(Problem.NOT_FOUND, "member_unknown")
    with services().db.reading() as connection:
        person = find_member(connection, demand_viewer().session.organization_id, member_id)
    if person is None:
        raise Refused(Problem.NOT_FOUND, "member_unknown")
    return person


def _rows(user_id: int) -> list[Row]:
    session = demand_viewer().session
    with services().db.reading() as connection:
        found = list_sessions(connection, user_id, session.organization_id, now=services().now())
    rows = [_row(each, each.id_hash == session.id_hash) for each in found]
    return sorted(rows, key=lambda row: not row.current)


def _row(found: ListedSession, current: bool) -> Row:
    phone = found.kind == "phone"
    device = found.device or gettext("Unknown device")
    methods = {
        "okta": gettext("With Okta"),
        "password": gettext("With a password"),
        "recovery": gettext("With a recovery code"),
    }
    facts = [
        (gettext("Last used"), show_time(found.used_at)),
        (gettext("Logged in since"), show_time(found.created_at)),
        (gettext("How"), methods.get(found.method, found.method)),
    ]
    if found.network:
        facts.append((gettext("Network"), found.network))
    title = gettext("POINT app: %(device)s", device=device) if phone else device
    return Row(base64.urlsafe_b64encode(found.id_hash).decode().rstrip("="), title, phone, facts, current)


def _read_key(text: str) -> bytes:
    """What a session is stored under, out of a form; nonsense is no session."""
    try:
        return base64.urlsafe_b64decode(text[:100] + "=" * (-len(text[:100]) % 4))
    except (binascii.Error, ValueError):
        return b""


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 7 else None
