"""Mail that waits to be sent: who gets what and when, claimed by one sender at a time over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from portal.store.setup_tables import mails

# A claim is over after so long: whoever claimed it has died, since no sending may take as long.
CLAIM_SECONDS = 180
KEEP_SECONDS = 30 * 86400
_OPEN = mails.c.sent_at.is_(None) & mails.c.failed_at.is_(None)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that this process is sending. `sealed` -- what it says; `tries` counts this one too."""

    id: int
    organization_id: int | None
    recipient: str
    kind: str
    sealed: bytes
    created_at: int
    tries: int


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to be written down; `send_at` in epoch seconds."""

    recipient: str
    kind: str
    sealed: bytes
    send_at: int
    organization_id: int | None = None


def add_mails(connection: Connection, new: Sequence[NewMail], *, now: int) -> None:
    """Writes down mails that are to be sent."""
    rows = [
        {
            "organization_id": mail.organization_id,
            "recipient": mail.recipient,
            "kind": mail.kind,
            "sealed": mail.sealed,
            "created_at": now,
            "send_at": mail.send_at,
            "tries": 0,
        }
        for mail in new
    ]
    if rows:
        connection.execute(insert(mails), rows)


def claim_mail(connection: Connection, *, now: int) -> Mail | None:
    """The mail that has been due for longest, and nobody else gets it for the next three minutes."""
    due = (
        select(mails.c.id)
        .where(_OPEN, mails.c.send_at <= now)
        .order_by(mails.c.send_at, mails.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(mails)
        .where(mails.c.id == due.scalar_subquery(), _OPEN, mails.c.send_at <= now)
        .values(send_at=now + CLAIM_SECONDS, tries=mails.c.tries + 1)
        .returning(*(mails.c[name] for name in Mail.__slots__))
    )
    row = connection.execute(claimed).first()
    return Mail(*row) if row else None


def find_next_time(connection: Connection) -> int | None:
    """When the next mail is due, in epoch seconds."""
    found: int | None = connection.execute(select(func.min(mails.c.send_at)).where(_OPEN)).scalar()
    return found


def mark_sent(connection: Connection, mail_id: int, *, now: int) -> None:
    """It is out; what it said is forgotten, since it may hold a link that lets somebody in."""
    connection.execute(update(mails).where(mails.c.id == mail_id).values(sent_at=now, sealed=b"", last_error=None))


def put_off(connection: Connection, mail_id: int, *, until: int, why: str) -> None:
    """It could not be sent and is tried again then."""
    values = {"send_at": until, "last_error": why[:200]}
    connection.execute(update(mails).where(mails.c.id == mail_id, _OPEN).values(values))


def give_up(connection: Connection, mail_id: int, *, now: int, why: str) -> None:
    """It will not be tried again, and what it said is forgotten."""
    values = {"failed_at": now, "sealed": b"", "last_error": why[:200]}
    connection.execute(update(mails).where(mails.c.id == mail_id, _OPEN).values(values))


def drop_waiting(connection: Connection, organization_id: int, kind: str) -> int:
    """Takes back mails of this organization that are not out yet; how many."""
    mine = (mails.c.organization_id == organization_id) & (mails.c.kind == kind)
    return connection.execute(delete(mails).where(mine, _OPEN)).rowcount


def remove_old_mails(connection: Connection, *, now: int) -> int:
    """Forgets mails that were sent or given up 30 days ago; how many."""
    before = now - KEEP_SECONDS
    old = or_(mails.c.sent_at < before, mails.c.failed_at < before)
    return connection.execute(delete(mails).where(old)).rowcount
