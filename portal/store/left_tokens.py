"""Okta's tokens that sessions have left behind: sealed, until Okta has taken them back or a day has passed.

They are left in the transaction that ends the session, so that a process that dies at any moment loses none. Whoever
gives one back has claimed its row for a while: two nodes do not do it twice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from portal.store.hot import Hot
from portal.store.models import apps, left_tokens, sessions

# A claim is over after so long: whoever claimed it has died. Longer than any process waits for the next one.
CLAIM_SECONDS = 150
GIVE_UP_SECONDS = 86400
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class LeftToken:
    """What this caller alone gives back. name -- what it is sealed for; why, reference -- what ended the session, and
    the request that did; left_at -- since when it waits, in epoch seconds."""

    id: int
    organization_id: int
    issuer: str
    client_id: str
    name: bytes
    sealed: bytes = field(repr=False)
    why: str
    reference: str
    left_at: int


_COLUMNS = [
    "organization_id", "issuer", "client_id", "name", "sealed", "why", "reference", "left_at", "try_at",
]  # fmt: skip


def _left(
    why: ColumnElement[str],
    reference: str,
    now: ColumnElement[int],
    try_at: ColumnElement[int],
    *,
    ended: bool = False,
) -> Select[tuple[object, ...]]:
    """What live sessions, or `ended` ones, hold of Okta's, and which app has to give it back: a session in a browser
    came by the web app, one in the app that holds a refresh token by the native app."""
    kind = case((sessions.c.kind == "phone", "native"), else_="spa")
    app = (apps.c.integration_id == sessions.c.integration_id) & (apps.c.kind == kind)
    return (
        select(
            sessions.c.organization_id, apps.c.issuer, apps.c.client_id, sessions.c.id_hash, sessions.c.sealed_tokens,
            why, literal(reference, String), now, try_at,
        )
        .join(apps, app)
        .where(sessions.c.ended_at.is_not(None) if ended else sessions.c.ended_at.is_(None))
        .where(sessions.c.sealed_tokens.is_not(None))
        # Nobody stores newer ones before the session has ended, and two who end the same ones meet in the same order.
        .order_by(sessions.c.id_hash)
        .with_for_update(of=sessions, key_share=True)
    )  # fmt: skip


_LEAVE_ONE = Hot(
    insert(left_tokens).from_select(
        _COLUMNS,
        _left(
            bindparam("why", type_=String),
            "",
            bindparam("now", type_=BigInteger),
            bindparam("try_at", type_=BigInteger),
        ).where(sessions.c.id_hash == bindparam("key")),
    )
)


def leave_tokens_of(connection: Connection, id_hash: bytes, *, why: str, now: int, try_at: int) -> int:
    """What one live session holds is left to be given back; it has to end in the same transaction."""
    return _LEAVE_ONE.run(connection, {"key": id_hash, "why": why, "now": now, "try_at": try_at})


def leave_tokens_where(
    connection: Connection, mine: ColumnElement[bool], *, why: str, now: int
) -> int:
    """The same for all live sessions of which `mine` is true; until this transaction ends nobody changes them."""
    found = _left(literal(why, String), "", literal(now, BigInteger), literal(now, BigInteger))
    return connection.execute(insert(left_tokens).from_select(_COLUMNS, found.where(mine))).rowcount


def collect_tokens(
    connection: Connection, mine: ColumnElement[bool], *, why: str, now: int, reference: str
) -> None:
    """The same for sessions that have ended before and hold theirs still, since there were too many to take at once."""
    found = _left(literal(why, String), reference, literal(now, BigInteger), literal(now, BigInteger), ended=True)
    connection.execute(insert(left_tokens).from_select(_COLUMNS, found.where(mine)))
    connection.execute(update(sessions).where(mine, sessions.c.ended_at.is_not(None)).values(sealed_tokens=None))


def leave_tokens(
    connection: Connection, organization_id: int, *, issuer: str, client_id: str, name: bytes, sealed: bytes, why: str,
    now: int,
) -> None:  # fmt: skip
    """Tokens that no session holds: of a login that opens nothing, or that newer ones have taken the place of."""
    row = {"organization_id": organization_id, "issuer": issuer, "client_id": client_id, "name": name}
    row |= {"sealed": sealed, "why": why, "reference": "", "left_at": now, "try_at": now}
    connection.execute(insert(left_tokens), row)


def list_due(connection: Connection, *, now: int) -> list[int]:
    """The organizations whose sessions have left something that may be given back now."""
    due = select(left_tokens.c.organization_id).where(left_tokens.c.try_at <= now).distinct()
    return list(connection.execute(due.order_by(left_tokens.c.organization_id)).scalars())


def find_next_try(connection: Connection) -> int | None:
    """When the next may be given back, in epoch seconds."""
    found: int | None = connection.execute(select(func.min(left_tokens.c.try_at))).scalar()
    return found


def claim_left(
    connection: Connection, organization_id: int, *, now: int, skipping: Collection[tuple[str, str]] = ()
) -> LeftToken | None:
    """The one that has been due for longest, and nobody else gets it for CLAIM_SECONDS.

    skipping -- (issuer, client id) of apps whose Okta takes nothing at the moment.
    """
    due = select(left_tokens.c.id).where(left_tokens.c.organization_id == organization_id, left_tokens.c.try_at <= now)
    for issuer, client_id in skipping:
        due = due.where((left_tokens.c.issuer != issuer) | (left_tokens.c.client_id != client_id))
    due = due.order_by(left_tokens.c.try_at, left_tokens.c.id).limit(1).with_for_update(skip_locked=True)
    claimed = (
        update(left_tokens)
        .where(left_tokens.c.id == due.scalar_subquery(), left_tokens.c.try_at <= now)
        .values(try_at=now + CLAIM_SECONDS)
        .returning(*(left_tokens.c[name] for name in LeftToken.__slots__))
    )
    row = connection.execute(claimed).first()
    return LeftToken(*row) if row else None


def forget_left(connection: Connection, left_id: int) -> None:
    """Okta has taken it back, or there is nothing to give."""
    connection.execute(delete(left_tokens).where(left_tokens.c.id == left_id))


def forget_left_by(connection: Connection, name: bytes, sealed: bytes) -> None:
    """The same for these very tokens of a session, by the hash of its id: it may have left earlier ones as well."""
    mine = (left_tokens.c.name == name) & (left_tokens.c.sealed == sealed)
    connection.execute(delete(left_tokens).where(mine))


def put_off(connection: Connection, left: LeftToken, *, until: int) -> None:
    """Okta does not take it now: behind the others, and not before then."""
    connection.execute(update(left_tokens).where(left_tokens.c.id == left.id).values(try_at=until))


def remove_old_left(connection: Connection, *, now: int) -> int:
    """Gives up some hundreds of those that nobody could give back within a day; how many."""
    old = (left_tokens.c.left_at <= now - GIVE_UP_SECONDS)
    some = select(left_tokens.c.id).where(old).limit(_AT_ONCE)
    return connection.execute(delete(left_tokens).where(left_tokens.c.id.in_(some.scalar_subquery()))).rowcount
