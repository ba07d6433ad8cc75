"""Invitations: nobody becomes a member, and no account is made, before the person has accepted.

Without that, whoever runs an organization could make accounts for other people's addresses, and so stand between them
and their own organization's Okta (`docs/decisions/0004-who-a-person-is.md`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from portal.errors import Problem, Refused
from portal.store.members import ROLES, clean_email
from portal.store.models import invitations, members, organizations, users
from portal.store.organizations import email_domain
from portal.store.sessions import hash_id

INVITATION_SECONDS = 7 * 86400
MOST_OPEN = 1000


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody who may join. Times in epoch seconds."""

    organization_id: int
    slug: str
    organization_name: str
    email: str
    role: str
    invited_by: str
    created_at: int
    expires_at: int


_INVITATION = select(
    invitations.c.organization_id,
    organizations.c.slug,
    organizations.c.name,
    invitations.c.email,
    invitations.c.role,
    invitations.c.invited_by,
    invitations.c.created_at,
    invitations.c.expires_at,
).join(organizations, organizations.c.id == invitations.c.organization_id)
_BY_TOKEN = _INVITATION.where(
    invitations.c.token_hash == bindparam("token_hash"), invitations.c.expires_at > bindparam("now")
)
_HOLD = select(organizations.c.id).where(organizations.c.id == bindparam("organization_id"))


def add_invitation(
    connection: Connection,
    organization_id: int,
    email: str,
    *,
    role: str,
    token: str,
    who: str,
    now: int,
    user_id: int | None = None,
) -> None:
    """Invites this address; a second invitation takes the place of the first, whose link is good no more.

    who, user_id -- whoever invites; their invitations end when they are an owner no more (`end_invitations_by`), and
    they make none behind that: Refused(FORBIDDEN).
    Raises Refused(EMAIL_FORM), Refused(ALREADY_MEMBER), Refused(TOO_MANY).
    """
    address = clean_email(email)
    if not email_domain(address) or len(address) > 254:
        raise Refused(Problem.EMAIL_FORM)
    if role not in ROLES:
        raise Refused(Problem.BAD_REQUEST, "role_unknown")
    # One invitation at a time, so that a second press finds the first. FOR NO KEY UPDATE: no login waits for it.
    connection.execute(_HOLD.with_for_update(key_share=True), {"organization_id": organization_id})
    if user_id is not None and not _is_owner(connection, organization_id, user_id):
        raise Refused(Problem.FORBIDDEN, "owner_no_more")
    if _is_member(connection, organization_id, address):
        raise Refused(Problem.ALREADY_MEMBER)
    drop_invitation(connection, organization_id, address)
    mine = invitations.c.organization_id == organization_id
    if connection.execute(select(func.count()).select_from(invitations).where(mine)).scalar_one() >= MOST_OPEN:
        raise Refused(Problem.TOO_MANY, "too_many_invitations")
    row = {
        "organization_id": organization_id, "email": address, "role": role, "token_hash": hash_id(token),
        "invited_by": who, "invited_by_id": user_id, "created_at": now, "expires_at": now + INVITATION_SECONDS,
    }  # fmt: skip
    connection.execute(insert(invitations), row)


def find_invitation(connection: Connection, token: str, *, now: int) -> Invitation | None:
    """The invitation behind a link, while it is good. Changes nothing: mail programs open links to look at them."""
    row = connection.execute(_BY_TOKEN, {"token_hash": hash_id(token), "now": now}).first()
    return Invitation(*row) if row else None


def use_invitation(connection: Connection, token: str, *, now: int) -> Invitation | None:
    """The invitation behind a link, for exactly one caller: it is used up. Until this transaction ends, nobody is
    removed from that organization or given another role."""
    found = find_invitation(connection, token, now=now)
    if found is None:
        return None
    connection.execute(_HOLD.with_for_update(read=True), {"organization_id": found.organization_id})
    used = delete(invitations).where(invitations.c.token_hash == hash_id(token))
    return found if connection.execute(used).rowcount else None


def list_invitations(connection: Connection, organization_id: int, *, now: int) -> list[Invitation]:
    """Who has been invited and has not come yet, the newest first; at most 200."""
    mine = (invitations.c.organization_id == organization_id) & (invitations.c.expires_at > now)
    newest = _INVITATION.where(mine).order_by(invitations.c.created_at.desc(), invitations.c.email).limit(200)
    return [Invitation(*row) for row in connection.execute(newest)]


def drop_invitation(connection: Connection, organization_id: int, email: str) -> bool:
    """Takes an invitation back. False when there is none."""
    mine = (invitations.c.organization_id == organization_id) & (invitations.c.email == clean_email(email))
    return bool(connection.execute(delete(invitations).where(mine)).rowcount)


def end_invitations_by(connection: Connection, organization_id: int, user_id: int) -> int:
    """Takes back what this person has invited others to, so that they do not come back that way; how many."""
    theirs = (invitations.c.organization_id == organization_id) & (invitations.c.invited_by_id == user_id)
    return connection.execute(delete(invitations).where(theirs)).rowcount


def remove_old_invitations(connection: Connection, *, now: int) -> int:
    """Removes invitations that nobody accepted in time; how many."""
    return connection.execute(delete(invitations).where(invitations.c.expires_at <= now)).rowcount


def _is_owner(connection: Connection, organization_id: int, user_id: int) -> bool:
    mine = (members.c.organization_id == organization_id) & (members.c.user_id == user_id)
    return connection.execute(select(members.c.role).where(mine)).scalar() == "owner"


def _is_member(connection: Connection, organization_id: int, address: str) -> bool:
    found = (
        select(members.c.id)
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.organization_id == organization_id, users.c.email == address)
    )
    return connection.execute(found).first() is not None
