"""One-time codes that let an owner in when Okta does not. Only their hashes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from portal.store.models import members, organizations, users
from portal.store.setup_tables import recovery_codes


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
    mine = (recovery_codes.c.organization_id == organization_id) & (recovery_codes.c.user_id == user_id)
    connection.execute(delete(recovery_codes).where(mine))
    row = {"organization_id": organization_id, "user_id": user_id, "created_at": now, "used_at": None}
    connection.execute(insert(recovery_codes), [{**row, "code_hash": code_hash} for code_hash in hashes])


def use_code(connection: Connection, code_hash: bytes, email: str, *, now: int) -> Recovered | None:
    """Uses a code up, for exactly one caller; None for a wrong or used one, and for whoever is no owner any more."""
    unused = (recovery_codes.c.code_hash == code_hash) & recovery_codes.c.used_at.is_(None)
    whose = (
        select(users.c.id, users.c.email, organizations.c.id, organizations.c.slug)
        .select_from(recovery_codes)
        .join(users, users.c.id == recovery_codes.c.user_id)
        .join(organizations, organizations.c.id == recovery_codes.c.organization_id)
        .join(members, (members.c.user_id == users.c.id) & (members.c.organization_id == organizations.c.id))
        .where(unused, users.c.email == email, members.c.role == "owner")
    )
    row = connection.execute(whose).first()
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
