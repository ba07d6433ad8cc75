"""One-time codes that let an owner in when Okta does not. Only their hashes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from portal.errors import Problem, Refused
from portal.store.models import members, organizations, users
from portal.store.okta_only import IN_FORCE, is_in_force
from portal.store.setup_tables import okta_only, recovery_codes


@dataclass(frozen=True, slots=True)
class Recovered:
    """Whom a code has let in, where, and how many codes they have left."""

    user_id: int
    email: str
    organization_id: int
    slug: str
    left: int


def replace_codes(
    connection: Connection, organization_id: int, user_id: int, *, hashes: Sequence[bytes], now: int
) -> None:
    """This person's codes for this organization are these from now on; older ones count no more."""
    drop_codes_of(connection, organization_id, user_id)
    row = {"organization_id": organization_id, "user_id": user_id, "created_at": now, "used_at": None}
    connection.execute(insert(recovery_codes), [{**row, "code_hash": code_hash} for code_hash in hashes])


def use_code(connection: Connection, code_hash: bytes, email: str, *, now: int) -> Recovered | None:
    """Uses a code up, for exactly one caller; None for a wrong or used one, for whoever is no owner any more, and where
    passwords count."""
    unused = (recovery_codes.c.code_hash == code_hash) & recovery_codes.c.used_at.is_(None)
    whose = (
        select(users.c.id, users.c.email, organizations.c.id, organizations.c.slug)
        .select_from(recovery_codes)
        .join(users, users.c.id == recovery_codes.c.user_id)
        .join(organizations, organizations.c.id == recovery_codes.c.organization_id)
        .join(members, (members.c.user_id == users.c.id) & (members.c.organization_id == organizations.c.id))
        .join(okta_only, (okta_only.c.organization_id == organizations.c.id) & IN_FORCE)
        .where(unused, users.c.email == email, members.c.role == "owner")
    )
    row = connection.execute(whose, {"now": now}).first()
    if row is None or connection.execute(update(recovery_codes).where(unused).values(used_at=now)).rowcount != 1:
        return None
    return Recovered(*row, count_codes(connection, row[2], row[0]))


def count_codes(connection: Connection, organization_id: int, user_id: int) -> int:
    """How many unused codes this person has for this organization."""
    mine = (recovery_codes.c.organization_id == organization_id) & (recovery_codes.c.user_id == user_id)
    unused = select(func.count()).select_from(recovery_codes).where(mine, recovery_codes.c.used_at.is_(None))
    return int(connection.execute(unused).scalar_one())


def drop_codes(connection: Connection, organization_id: int) -> int:
    """Forgets every code for this organization; returns how many."""
    mine = recovery_codes.c.organization_id == organization_id
    return connection.execute(delete(recovery_codes).where(mine)).rowcount


def drop_codes_of(connection: Connection, organization_id: int, user_id: int) -> int:
    """Forgets this person's codes for this organization; returns how many."""
    mine = (recovery_codes.c.organization_id == organization_id) & (recovery_codes.c.user_id == user_id)
    return connection.execute(delete(recovery_codes).where(mine)).rowcount


def are_last_codes(connection: Connection, organization_id: int, user_id: int, *, now: int) -> bool:
    """Whether nobody could get in if Okta failed, were these codes gone: no passwords are taken, and no other owner has
    an unused code."""
    if not count_codes(connection, organization_id, user_id) or not is_in_force(connection, organization_id, now=now):
        return False
    others = (
        select(recovery_codes.c.user_id)
        .join(members, members.c.user_id == recovery_codes.c.user_id)
        .where(
            recovery_codes.c.organization_id == organization_id,
            recovery_codes.c.used_at.is_(None),
            recovery_codes.c.user_id != user_id,
            members.c.organization_id == organization_id,
            members.c.role == "owner",
        )
    )
    return connection.execute(others.limit(1)).first() is None


def take_codes_away(connection: Connection, organization_id: int, user_id: int, *, now: int) -> None:
    """Somebody is no owner any more: their codes count no more either, not even if they become one again.

    The organization's row has to be held. Raises Refused(LAST_CODES) where they are the last (`are_last_codes`).
    """
    if are_last_codes(connection, organization_id, user_id, now=now):
        raise Refused(Problem.LAST_CODES)
    drop_codes_of(connection, organization_id, user_id)
