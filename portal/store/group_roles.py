"""Roles that follow the groups of an organization's Okta: which group gives which, and what that makes of a member.

The rules are here and nowhere else; why they are so is in `docs/decisions/0023-roles-from-okta-groups.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from portal.errors import Problem, Refused
from portal.store.activity import record_event
from portal.store.member_list import change_role, hold_as_owner, hold_members
from portal.store.members import ROLES, Profile, admit_person, find_identity, find_role, find_user
from portal.store.models import group_roles, integrations, members, organizations

MOST = 50  # So many groups of one organization give a role.
DEFAULT_CLAIM = "groups"
_OWNER_STAYS = (Problem.LAST_OWNER, Problem.LAST_CODES)


@dataclass(frozen=True, slots=True)
class Groups:
    """What Okta says at a login about somebody's groups. missing -- it did not send the claim: so it is in none."""

    names: tuple[str, ...]
    missing: bool = False


@dataclass(frozen=True, slots=True)
class GroupRoles:
    """Which role which group gives, by its name; `claim` is None where no role follows a group."""

    claim: str | None
    roles: Mapping[str, str]


def read_group_roles(connection: Connection, organization_id: int) -> GroupRoles:
    """What this organization has set."""
    claim = connection.execute(
        select(organizations.c.groups_claim).where(organizations.c.id == organization_id)
    ).scalar_one()
    return GroupRoles(claim, _read_roles(connection, organization_id))


def whose_roles_follow(connection: Connection, organization_id: int) -> str:
    """Whose role a login with this organization's Okta decides on: "all", "others" (all but owners), or "" for
    nobody's."""
    live = integrations.c.deleted_at.is_(None) & organizations.c.groups_claim.is_not(None)
    here = (integrations.c.organization_id == organizations.c.id) & (organizations.c.id == organization_id)
    if connection.execute(select(organizations.c.id).where(here, live)).first() is None:
        return ""
    return "all" if "owner" in _read_roles(connection, organization_id).values() else "others"


def set_group_role(
    connection: Connection,
    organization_id: int,
    group: str,
    role: str,
    *,
    claim: str = DEFAULT_CLAIM,
    by: int | None = None,
) -> str | None:
    """This group gives that role from now on; returns the one that it gave before. The first group switches it on.

    claim -- where Okta names the groups; counts only where that is not set yet. by -- the user who does it.
    Raises Refused(GROUPS_TOO_MANY, FORBIDDEN), and ValueError for a role that there is not.
    """
    if role not in ROLES:
        raise ValueError(role)
    _hold_for(connection, organization_id, by)
    known = _read_roles(connection, organization_id)
    mine = (group_roles.c.organization_id == organization_id) & (group_roles.c.group_name == group)
    if group in known:
        connection.execute(update(group_roles).where(mine).values(role=role))
    elif len(known) >= MOST:
        raise Refused(Problem.GROUPS_TOO_MANY)
    else:
        row = {"organization_id": organization_id, "group_name": group, "role": role}
        connection.execute(insert(group_roles), row)
    off = (organizations.c.id == organization_id) & organizations.c.groups_claim.is_(None)
    connection.execute(update(organizations).where(off).values(groups_claim=claim))
    return known.get(group)


def remove_group_role(
    connection: Connection, organization_id: int, group: str, *, by: int | None = None
) -> str | None:
    """This group gives no role any more; returns the one that it gave. Without any group it is off. Raises
    Refused(FORBIDDEN) as `set_group_role`."""
    _hold_for(connection, organization_id, by)
    known = dict(_read_roles(connection, organization_id))
    gave = known.pop(group, None)
    if gave is not None:
        mine = (group_roles.c.organization_id == organization_id) & (group_roles.c.group_name == group)
        connection.execute(delete(group_roles).where(mine))
    if not known:
        here = organizations.c.id == organization_id
        connection.execute(update(organizations).where(here).values(groups_claim=None))
    return gave


def set_groups_claim(
    connection: Connection, organization_id: int, claim: str, *, by: int | None = None
) -> str | None:
    """Where Okta names the groups; returns where it was looked for before. None, and nothing done, where it is off.
    Raises Refused(FORBIDDEN) as `set_group_role`."""
    _hold_for(connection, organization_id, by)
    before = read_group_roles(connection, organization_id).claim
    if before is not None:
        here = organizations.c.id == organization_id
        connection.execute(update(organizations).where(here).values(groups_claim=claim))
    return before


def decide_role(roles: Mapping[str, str], names: Iterable[str]) -> tuple[str, list[str]]:
    """The highest role that one of these groups gives, and the groups that give it; a volunteer by none.

    Names are compared exactly: what looks alike is another group.
    """
    mine = {name: roles[name] for name in names if name in roles}
    role = next((each for each in ROLES if each in mine.values()), "volunteer")
    return role, sorted(name for name in mine if mine[name] == role)


def would_change(connection: Connection, organization_id: int, user_id: int, groups: Groups) -> bool:
    """Whether these groups give another role; the last owner keeps theirs all the same."""
    before = find_role(connection, organization_id, user_id)
    return _wanted(_read_roles(connection, organization_id), before, groups) is not None


def would_end_owner(connection: Connection, organization_id: int, profile: Profile, groups: Groups) -> bool:
    """Whether this login would take the role of an owner away: then `hold_members` has to come first in its
    transaction, before anything else of the organization is held."""
    known = find_identity(connection, profile.issuer, profile.sub)
    user = find_user(connection, profile.email) if known is None else None
    user_id = known[1] if known else user.id if user else 0
    if find_role(connection, organization_id, user_id) != "owner":
        return False
    return would_change(connection, organization_id, user_id, groups)


def follow_groups(
    connection: Connection,
    organization_id: int,
    user_id: int,
    groups: Groups,
    *,
    who: str,
    now: int,
    reference: str,
    joined: bool = False,
    held: bool = True,
    told: bool = True,
) -> str | None:
    """Gives a member the role that their groups give, and writes down a change; returns the new role, None for none.

    joined -- they have become a member in this very transaction, so that no owner is lost by it.
    held -- an owner may be taken the role away: `hold_members` has been called, or nothing else is held yet.
    told -- an owner who stays only because they have to is written down too.
    """
    roles = _read_roles(connection, organization_id)
    mine = (members.c.organization_id == organization_id) & (members.c.user_id == user_id)
    member = connection.execute(select(members.c.id, members.c.role).where(mine)).first()
    wanted = _wanted(roles, member.role, groups) if member else None
    if member is None or wanted is None:
        return None
    role, by = wanted
    missing = {"claim": "missing"} if groups.missing else {}
    event: dict[str, Any] = {"who": who, "now": now, "reference": reference}
    if member.role != "owner" or joined:
        # Somebody may be giving them another role by hand this very moment: then that one counts, until next time.
        unchanged = update(members).where(members.c.id == member.id, members.c.role == member.role)
        if connection.execute(unchanged.values(role=role)).rowcount != 1:
            return None
    elif not held:
        return None
    else:
        refused = _end_owner(connection, organization_id, member.id, role, now)
        if refused is not None:
            if told:
                why = {"code": refused.problem.code, "groups_give": role, **missing}
                record_event(connection, organization_id, what="member.owner_stayed", about=why, **event)
            return None
    about: dict[str, Any] = {"old": member.role, "new": role, "groups": by, **missing}
    record_event(connection, organization_id, what="member.role_followed_groups", about=about, **event)
    return role


def foresee_role(
    connection: Connection, organization_id: int, profile: Profile, groups: Groups, *, now: int
) -> str:
    """The role that a login with these groups would leave the person with, found out by doing it and undoing it.

    Raises Refused as `admit_person` does.
    """
    tried = connection.begin_nested()
    try:
        hold_members(connection, organization_id)
        admitted = admit_person(connection, organization_id, profile, now=now)
        new = follow_groups(
            connection, organization_id, admitted.user_id, groups, who="", now=now, reference="",
            joined=admitted.joined,
        )  # fmt: skip
        return new or admitted.role
    finally:
        tried.rollback()


def count_roles(connection: Connection, organization_id: int) -> dict[str, int]:
    """How many members have each role."""
    counted = select(members.c.role, func.count()).where(members.c.organization_id == organization_id)
    found = {row[0]: row[1] for row in connection.execute(counted.group_by(members.c.role))}
    return {role: found.get(role, 0) for role in ROLES}


def _hold_for(connection: Connection, organization_id: int, by: int | None) -> None:
    if by is None:
        hold_members(connection, organization_id)
    else:
        hold_as_owner(connection, organization_id, by)


def _wanted(roles: Mapping[str, str], before: str | None, groups: Groups) -> tuple[str, list[str]] | None:
    """The other role, and the groups that give it; None where it is the same, or where groups have no say in it."""
    # Owners who were made by hand stay owners until a group is said to make them.
    if not roles or before is None or (before == "owner" and "owner" not in roles.values()):
        return None
    role, by = decide_role(roles, groups.names)
    return (role, by) if role != before else None


def _end_owner(connection: Connection, organization_id: int, member_id: int, role: str, now: int) -> Refused | None:
    """By the rules of the Members page, which end what an owner has given out; what it refuses stays as it was."""
    try:
        with connection.begin_nested():
            change_role(connection, organization_id, member_id, role, now=now)
    except Refused as refused:
        if refused.problem not in _OWNER_STAYS:
            raise
        return refused
    return None


def _read_roles(connection: Connection, organization_id: int) -> dict[str, str]:
    mine = group_roles.c.organization_id == organization_id
    found = select(group_roles.c.group_name, group_roles.c.role).where(mine).order_by(group_roles.c.group_name)
    return {row[0]: row[1] for row in connection.execute(found)}
