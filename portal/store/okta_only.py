""""Okta only": an organization that takes no passwords. It counts at once, and not any more where nobody confirms it.

Nothing has to run for that: a row that was not confirmed in time says the same as none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from portal.store.models import domains, identities, members, sessions, users
from portal.store.session_ends import end_where
from portal.store.setup_tables import okta_only

CONFIRM_SECONDS = 900


@dataclass(frozen=True, slots=True)
class OktaOnly:
    """What an owner has switched on. Times in epoch seconds; `confirmed_at` is None until somebody has confirmed it;
    moved_at -- when the settings have moved to another Okta since, which has to be confirmed anew."""

    organization_id: int
    owner_user_id: int
    started_by: str
    started_at: int
    confirm_by: int
    confirmed_at: int | None
    moved_at: int | None

    @property
    def proof_after(self) -> int:
        """A login by Okta from before this proves nothing."""
        return max(self.started_at, self.moved_at or 0)

    def in_force(self, now: int) -> bool:
        """Whether passwords are turned away at the moment."""
        return self.confirmed_at is not None or now < self.confirm_by


@dataclass(frozen=True, slots=True)
class ShutOut:
    """A member who has never come in by this Okta. `outside` -- their address is in none of the organization's domains,
    so that Okta alone cannot lead them to their account."""

    name: str
    email: str
    role: str
    outside: bool


_COLUMNS = (
    okta_only.c.organization_id,
    okta_only.c.owner_user_id,
    okta_only.c.started_by,
    okta_only.c.started_at,
    okta_only.c.confirm_by,
    okta_only.c.confirmed_at,
    okta_only.c.moved_at,
)
# With a parameter `now`.
IN_FORCE = or_(okta_only.c.confirmed_at.is_not(None), okta_only.c.confirm_by > bindparam("now"))
_FIND = select(*_COLUMNS).where(okta_only.c.organization_id == bindparam("organization_id"))
_OVERDUE = select(*_COLUMNS).where(okta_only.c.confirmed_at.is_(None), okta_only.c.confirm_by <= bindparam("now"))
_OF_PERSON = (
    select(members.c.organization_id, okta_only.c.organization_id)
    .outerjoin(okta_only, (okta_only.c.organization_id == members.c.organization_id) & IN_FORCE)
    .where(members.c.user_id == bindparam("user_id"))
)


def find_okta_only(connection: Connection, organization_id: int) -> OktaOnly | None:
    """What was switched on for this organization, in force or overdue."""
    row = connection.execute(_FIND, {"organization_id": organization_id}).first()
    return OktaOnly(*row) if row else None


def is_in_force(connection: Connection, organization_id: int, *, now: int) -> bool:
    """Whether this organization takes no passwords."""
    found = find_okta_only(connection, organization_id)
    return found is not None and found.in_force(now)


def closed_to_passwords(connection: Connection, user_id: int, *, now: int) -> Collection[int]:
    """The organizations of this person that take no passwords."""
    rows = connection.execute(_OF_PERSON, {"user_id": user_id, "now": now})
    return {mine for mine, closed in rows if closed is not None}


def allows_password(connection: Connection, user_id: int, *, now: int) -> bool:
    """Whether a password is of any use to this person: False where every organization of theirs is "Okta only"."""
    rows = connection.execute(_OF_PERSON, {"user_id": user_id, "now": now}).all()
    return not rows or any(closed is None for _mine, closed in rows)


def begin_okta_only(connection: Connection, organization_id: int, *, user_id: int, who: str, now: int) -> bool:
    """Switches it on, to be confirmed within 15 minutes. False when it is on already."""
    found = find_okta_only(connection, organization_id)
    if found is not None and found.in_force(now):
        return False
    drop_okta_only(connection, organization_id)
    row = {"organization_id": organization_id, "owner_user_id": user_id, "started_by": who, "started_at": now}
    waiting = {"confirm_by": now + CONFIRM_SECONDS, "confirmed_at": None, "moved_at": None}
    connection.execute(insert(okta_only), {**row, **waiting})
    return True


def confirm_okta_only(connection: Connection, organization_id: int, *, now: int) -> bool:
    """Makes it last. False when there is nothing to confirm: never begun, overdue, or confirmed before."""
    waiting = (okta_only.c.organization_id == organization_id) & okta_only.c.confirmed_at.is_(None)
    waiting &= okta_only.c.confirm_by > now
    return connection.execute(update(okta_only).where(waiting).values(confirmed_at=now)).rowcount == 1


def ask_again(connection: Connection, organization_id: int, *, now: int) -> bool:
    """The settings have moved to another Okta: only a login by that one confirms, within 15 minutes from now where it
    was confirmed before. True where it was."""
    mine = okta_only.c.organization_id == organization_id
    waiting = mine & okta_only.c.confirmed_at.is_(None) & (okta_only.c.confirm_by > now)
    connection.execute(update(okta_only).where(waiting).values(moved_at=now))
    lasting = update(okta_only).where(mine, okta_only.c.confirmed_at.is_not(None))
    change = {"moved_at": now, "confirm_by": now + CONFIRM_SECONDS, "confirmed_at": None}
    return connection.execute(lasting.values(change)).rowcount == 1


def drop_okta_only(connection: Connection, organization_id: int) -> bool:
    """Switches it off. False when it was not on."""
    mine = okta_only.c.organization_id == organization_id
    return connection.execute(delete(okta_only).where(mine)).rowcount == 1


def list_overdue(connection: Connection, *, now: int) -> list[OktaOnly]:
    """What nobody has confirmed in time, in all organizations."""
    return [OktaOnly(*row) for row in connection.execute(_OVERDUE, {"now": now})]


def drop_overdue(connection: Connection, organization_id: int, *, now: int) -> bool:
    """Takes the row away that nobody has confirmed in time. True for exactly one caller, who writes it down."""
    overdue = (okta_only.c.organization_id == organization_id) & okta_only.c.confirmed_at.is_(None)
    overdue &= okta_only.c.confirm_by <= now
    return connection.execute(delete(okta_only).where(overdue)).rowcount == 1


def end_password_sessions(connection: Connection, organization_id: int, *, now: int) -> int:
    """Ends every session here, in browsers and apps, that a password has opened; returns how many. The organization has
    to be held: a password login holds it as well."""
    mine = (sessions.c.organization_id == organization_id) & (sessions.c.method == "password")
    return end_where(connection, mine, why="okta_only", now=now)


def count_shut_out(connection: Connection, organization_id: int, *, issuers: Collection[str]) -> tuple[int, int]:
    """(how many members have never come in by one of these issuers, how many of them have an address outside)."""
    people = _shut_out(organization_id, issuers).subquery()
    outside = func.count().filter(people.c.outside)
    row = connection.execute(select(func.count(), outside).select_from(people)).one()
    return row[0], row[1]


def list_shut_out(
    connection: Connection, organization_id: int, *, issuers: Collection[str], offset: int = 0, limit: int = 20
) -> list[ShutOut]:
    """Some of them: those with an address outside first, then by address."""
    wanted = _shut_out(organization_id, issuers).subquery()
    ordered = select(wanted.c.name, wanted.c.email, wanted.c.role, wanted.c.outside)
    ordered = ordered.order_by(wanted.c.outside.desc(), wanted.c.email).offset(offset).limit(limit)
    return [ShutOut(name, email, role, bool(outside)) for name, email, role, outside in connection.execute(ordered)]


def _shut_out(organization_id: int, issuers: Collection[str]) -> Select[tuple[str, str, str, bool]]:
    known = exists().where(identities.c.user_id == users.c.id, identities.c.issuer.in_(issuers))
    return (
        select(users.c.name, users.c.email, members.c.role, (~_inside(organization_id)).label("outside"))
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.organization_id == organization_id, ~known)
    )


def _inside(organization_id: int) -> ColumnElement[bool]:
    # A domain's name has none of LIKE's wildcards in it.
    return exists().where(
        domains.c.organization_id == organization_id, users.c.email.like(literal("%@").concat(domains.c.name))
    )
