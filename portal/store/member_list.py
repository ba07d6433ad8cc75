"""The members of one organization: looked through, given another role, removed. The last owner stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, update

from portal.errors import Problem, Refused
from portal.store.invitations import end_invitations_by
from portal.store.members import ROLES, find_role
from portal.store.models import members, organizations, sessions, users
from portal.store.okta_people import comes_by_okta
from portal.store.recovery_codes import take_codes_away
from portal.store.session_ends import end_where, hold_okta_logins
from portal.store.setup_links import revoke_links_by

PAGE = 50


@dataclass(frozen=True, slots=True)
class Member:
    """One line. by_okta, by_password -- the ways this person has; used_at -- their last use of POINT here, if known."""

    id: int
    user_id: int
    name: str
    email: str
    role: str
    created_at: int
    by_okta: bool
    by_password: bool
    used_at: int | None


def search_members(
    connection: Connection, organization_id: int, *, text: str = "", role: str = "", page: int = 1
) -> tuple[list[Member], int]:
    """(one page of the members whose name or address contains `text`, how many there are in all), by name.

    Two statements and one for the last use, however many there are.
    """
    wanted = _wanted(organization_id, text, role)
    joined = members.join(users, users.c.id == members.c.user_id)
    number: int = connection.execute(select(func.count()).select_from(joined).where(*wanted)).scalar_one()
    by_okta = comes_by_okta(organization_id)
    rows = connection.execute(
        select(
            members.c.id, users.c.id, users.c.name, users.c.email, members.c.role, members.c.created_at, by_okta,
            users.c.password_hash.is_not(None),
        )
        .select_from(joined)
        .where(*wanted)
        .order_by(func.lower(users.c.name), users.c.email)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    ).all()  # fmt: skip
    used = _last_uses(connection, organization_id, [row[1] for row in rows])
    return [_member(row, used) for row in rows], number


def load_member(connection: Connection, organization_id: int, member_id: int) -> Member:
    """One member of this organization. Raises Refused(NOT_FOUND)."""
    if member_id >= 2**63:
        raise Refused(Problem.NOT_FOUND, "member_unknown")  # No database has numbers like that.
    by_okta = comes_by_okta(organization_id)
    row = connection.execute(
        select(
            members.c.id, users.c.id, users.c.name, users.c.email, members.c.role, members.c.created_at, by_okta,
            users.c.password_hash.is_not(None),
        )
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.organization_id == organization_id, members.c.id == member_id)
    ).first()  # fmt: skip
    if row is None:
        raise Refused(Problem.NOT_FOUND, "member_unknown")
    return _member(row, _last_uses(connection, organization_id, [row[1]]))


def change_role(connection: Connection, organization_id: int, member_id: int, role: str, *, now: int) -> Member:
    """Gives a member another role; returns them as they were. What an owner has given out ends with their being one.

    Raises Refused(NOT_FOUND, LAST_OWNER, LAST_CODES, BAD_REQUEST).
    """
    if role not in ROLES:
        raise Refused(Problem.BAD_REQUEST, "role_unknown")
    before = _hold(connection, organization_id, member_id, leaves_owner=role == "owner")
    connection.execute(update(members).where(members.c.id == member_id).values(role=role))
    if role != "owner":
        _end_given_out(connection, organization_id, before.user_id, now)
    return before


def remove_member(connection: Connection, organization_id: int, member_id: int, *, now: int) -> Member:
    """Takes somebody out of the organization and ends their sessions there, and what they have given out; the account
    stays theirs.

    Raises Refused(NOT_FOUND, LAST_OWNER, LAST_CODES).
    """
    before = _hold(connection, organization_id, member_id, leaves_owner=False)
    # A login by Okta that has found them a member opens its session first, and one that comes later finds them gone.
    # Logins by password hold the organization, those by a recovery code the code.
    hold_okta_logins(connection, organization_id)
    connection.execute(delete(members).where(members.c.id == member_id))
    _end_given_out(connection, organization_id, before.user_id, now)
    mine = (sessions.c.organization_id == organization_id) & (sessions.c.user_id == before.user_id)
    end_where(connection, mine, why="member_removed", now=now)
    return before


def hold_members(connection: Connection, organization_id: int) -> None:
    """Nobody else takes an owner's role away before this transaction ends."""
    # One change at a time, or two owners who take each other's role away at once would leave none.
    # FOR NO KEY UPDATE, since a login that inserts rows of this organization must not have to wait for it.
    mine = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(mine.with_for_update(key_share=True))


def hold_as_owner(connection: Connection, organization_id: int, user_id: int) -> None:
    """The same for an owner who acts. Raises Refused(FORBIDDEN) where they have lost the role while they waited: what
    they do could bring them back."""
    hold_members(connection, organization_id)
    if find_role(connection, organization_id, user_id) != "owner":
        raise Refused(Problem.FORBIDDEN, "owner_no_more")


def _hold(connection: Connection, organization_id: int, member_id: int, *, leaves_owner: bool) -> Member:
    hold_members(connection, organization_id)
    before = load_member(connection, organization_id, member_id)
    if before.role == "owner" and not leaves_owner and is_last_owner(connection, organization_id):
        raise Refused(Problem.LAST_OWNER)
    return before


def is_last_owner(connection: Connection, organization_id: int) -> bool:
    """Whether there is only one owner."""
    owners = (members.c.organization_id == organization_id) & (members.c.role == "owner")
    return bool(connection.execute(select(func.count()).select_from(members).where(owners)).scalar_one() == 1)


def _end_given_out(connection: Connection, organization_id: int, user_id: int, now: int) -> None:
    """Invitations and hand-over links, with one of which they would be back at once, and their recovery codes."""
    take_codes_away(connection, organization_id, user_id, now=now)
    end_invitations_by(connection, organization_id, user_id)
    revoke_links_by(connection, organization_id, user_id, now=now)


def _member(row: Sequence[Any], used: dict[int, int]) -> Member:
    member_id, user_id, name, email, role, created_at, by_okta, by_password = row
    return Member(member_id, user_id, name, email, role, created_at, by_okta, by_password, used.get(user_id))


def _wanted(organization_id: int, text: str, role: str) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [members.c.organization_id == organization_id]
    if role in ROLES:
        wanted.append(members.c.role == role)
    if text:
        named, at = (column.icontains(text, autoescape=True) for column in (users.c.name, users.c.email))
        wanted.append(or_(named, at))
    return wanted


def _last_uses(connection: Connection, organization_id: int, user_ids: Sequence[int]) -> dict[int, int]:
    last = (
        select(sessions.c.user_id, func.max(sessions.c.used_at))
        .where(sessions.c.organization_id == organization_id, sessions.c.user_id.in_(user_ids))
        .group_by(sessions.c.user_id)
    )
    rows: Sequence[Any] = connection.execute(last).all()
    return {row[0]: row[1] for row in rows}
