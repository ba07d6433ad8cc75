"""What a Delete Integration still has to do behind its page: collect the tokens of the sessions it ended, and write a
mail to everybody who has no other way in. A row stays until both are done, whatever becomes of the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from portal.store.deletions import Person
from portal.store.left_tokens import collect_tokens
from portal.store.models import members, sessions, users
from portal.store.okta_people import comes_by_okta
from portal.store.setup_tables import unfinished_deletions as table


@dataclass(frozen=True, slots=True)
class Unfinished:
    """One deletion. first -- the address of whoever deleted, whose mail was written with it; mails -- whether mails are
    still to be written, to those behind the person with the id `after_user_id`; written -- how many are."""

    integration_id: int
    organization_id: int
    first: str
    reference: str
    deleted_at: int
    mails: bool
    after_user_id: int
    written: int


_COLUMNS = [table.c[name] for name in Unfinished.__slots__]


def begin_unfinished(
    connection: Connection, organization_id: int, integration_id: int, *, first: str, reference: str, written: int,
    now: int,
) -> None:  # fmt: skip
    """Remembers what is to be done; of an earlier deletion of the same integration as well."""
    connection.execute(delete(table).where(table.c.integration_id == integration_id))
    row = {"integration_id": integration_id, "organization_id": organization_id, "first": first}
    row |= {"reference": reference, "deleted_at": now, "mails": True, "after_user_id": 0, "written": written}
    connection.execute(insert(table), row)


def stop_mails(connection: Connection, organization_id: int) -> None:
    """The deletion has been undone: nobody else gets a mail."""
    mine = table.c.organization_id == organization_id
    connection.execute(update(table).where(mine).values(mails=False))


def list_unfinished(connection: Connection) -> list[Unfinished]:
    """Of all organizations, the oldest first."""
    rows = connection.execute(select(*_COLUMNS).order_by(table.c.deleted_at, table.c.integration_id))
    return [Unfinished(*row) for row in rows]


def find_unfinished(connection: Connection, integration_id: int) -> Unfinished | None:
    """What this deletion still has to do."""
    row = connection.execute(select(*_COLUMNS).where(table.c.integration_id == integration_id)).first()
    return Unfinished(*row) if row else None


def end_unfinished(connection: Connection, deletion: Unfinished) -> None:
    """Everything is done; unless it has been deleted once more meanwhile."""
    mine = (table.c.integration_id == deletion.integration_id) & (table.c.deleted_at == deletion.deleted_at)
    connection.execute(delete(table).where(mine))


def list_holding(connection: Connection, deletion: Unfinished, limit: int, *, after: bytes) -> list[bytes]:
    """Some of the sessions that it ended and that still hold tokens, by the hash of their id, in that order."""
    held = select(sessions.c.id_hash).where(
        sessions.c.integration_id == deletion.integration_id,
        sessions.c.ended_at.is_not(None),
        sessions.c.ended_why == "integration_deleted",
        sessions.c.sealed_tokens.is_not(None),
        sessions.c.id_hash > after,
    )
    return list(connection.execute(held.order_by(sessions.c.id_hash).limit(limit)).scalars())


def collect(connection: Connection, deletion: Unfinished, found: Sequence[bytes], *, now: int) -> None:
    """What these sessions hold is left to be given back to Okta."""
    mine = sessions.c.id_hash.in_(found) & (sessions.c.ended_why == "integration_deleted")
    collect_tokens(connection, mine, why="integration_deleted", now=now, reference=deletion.reference)


def list_to_mail(connection: Connection, deletion: Unfinished, limit: int) -> list[Person]:
    """The next of those who log in by Okta, have no password and have not been written to."""
    people = (
        select(users.c.id, users.c.email, users.c.name)
        .join(members, members.c.user_id == users.c.id)
        .where(
            members.c.organization_id == deletion.organization_id,
            users.c.id > deletion.after_user_id,
            users.c.password_hash.is_(None),
            users.c.email != deletion.first,
            comes_by_okta(deletion.organization_id),
        )
        .order_by(users.c.id)
        .limit(limit)
    )
    return [Person(*row) for row in connection.execute(people)]


def claim_people(connection: Connection, deletion: Unfinished, *, after_user_id: int, written: int) -> bool:
    """True for one caller, who writes the mails up to this person in the same transaction; False when somebody else
    was faster, or it has been undone."""
    mine = (table.c.integration_id == deletion.integration_id) & (table.c.deleted_at == deletion.deleted_at)
    mine &= (table.c.after_user_id == deletion.after_user_id) & table.c.mails.is_(True)
    change = {"after_user_id": after_user_id, "written": written}
    return connection.execute(update(table).where(mine).values(change)).rowcount == 1

