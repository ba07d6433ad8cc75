"""One-time links to set a password, by the hash of their token; the password itself, and what ends when it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from portal.store.models import members, organizations, sessions, users
from portal.store.session_ends import end_where, hold_person
from portal.store.sessions import hash_id
from portal.store.setup_tables import password_links

FORGOT_SECONDS = 1800
INVITATION_SECONDS = 7 * 86400
_KEEP_SECONDS = 7 * 86400


@dataclass(frozen=True, slots=True)
class Account:
    """Whose password it is, and whether there is one yet."""

    user_id: int
    email: str
    name: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be written down; only the hash of its token stays with us. `expires_at` in epoch seconds;
    `organization_id` where it is a link of one organization's, which may end it."""

    token: str
    user_id: int
    purpose: str
    expires_at: int
    organization_id: int | None = None


_ACCOUNT = select(users.c.id, users.c.email, users.c.name, users.c.password_hash)
_BY_ID = _ACCOUNT.where(users.c.id == bindparam("user_id"))
# FOR SHARE and FOR NO KEY UPDATE: logins by Okta, which only refer to these rows, wait for neither.
_HOMES_HELD = (
    select(organizations.c.id)
    .join(members, members.c.organization_id == organizations.c.id)
    .where(members.c.user_id == bindparam("user_id"))
    .order_by(organizations.c.id)
    .with_for_update(read=True, of=organizations)
)
_BY_ID_HELD = _BY_ID.with_for_update(key_share=True)
_BY_LINK = _ACCOUNT.join(password_links, password_links.c.user_id == users.c.id).where(
    password_links.c.token_hash == bindparam("token_hash"),
    password_links.c.used_at.is_(None),
    password_links.c.expires_at > bindparam("now"),
)


def load_account(connection: Connection, user_id: int) -> Account:
    """The account with this id, which has to exist."""
    return Account(*connection.execute(_BY_ID, {"user_id": user_id}).one())


def hold_account(connection: Connection, user_id: int, *, alone: bool = False) -> Account:
    """The same; until this transaction ends, neither its password changes nor whether its organizations take one.

    alone -- for whoever ends all of the person's sessions: nobody opens one meanwhile, by Okta either (`hold_person`).

    What was looked at before this has to be looked at again: on PostgreSQL it may have changed while this waited. In
    the order of all transactions: organizations first, then the person, then sessions.
    """
    connection.execute(_HOMES_HELD, {"user_id": user_id}).all()
    if alone:
        hold_person(connection, user_id)
    return Account(*connection.execute(_BY_ID_HELD, {"user_id": user_id}).one())


def hold_session(connection: Connection, id_hash: bytes) -> bool:
    """Whether this session has not been ended, and it is not before this transaction ends."""
    live = select(sessions.c.id_hash).where(sessions.c.id_hash == id_hash, sessions.c.ended_at.is_(None))
    return connection.execute(live.with_for_update(key_share=True)).first() is not None


def add_links(connection: Connection, new: Sequence[NewLink], *, now: int) -> None:
    """Writes down links, each good for one use."""
    rows = [
        {
            "token_hash": hash_id(link.token),
            "user_id": link.user_id,
            "purpose": link.purpose,
            "organization_id": link.organization_id,
            "created_at": now,
            "expires_at": link.expires_at,
        }
        for link in new
    ]
    if rows:
        connection.execute(insert(password_links), rows)


def find_account_by_link(connection: Connection, token: str, *, now: int) -> Account | None:
    """Whose link this is, while it is good. Changes nothing: mail programs open links to look at them."""
    row = connection.execute(_BY_LINK, {"token_hash": hash_id(token), "now": now}).first()
    return Account(*row) if row else None


def use_link(connection: Connection, token: str, *, now: int) -> bool:
    """True for exactly one caller, while the link is good."""
    good = (password_links.c.token_hash == hash_id(token)) & password_links.c.used_at.is_(None)
    good &= password_links.c.expires_at > now
    return connection.execute(update(password_links).where(good).values(used_at=now)).rowcount == 1


def count_links(connection: Connection, user_id: int, purpose: str, *, since: int) -> int:
    """How many links for this purpose the person got since then."""
    mine = (password_links.c.user_id == user_id) & (password_links.c.purpose == purpose)
    found: int = connection.execute(
        select(func.count()).select_from(password_links).where(mine, password_links.c.created_at > since)
    ).scalar_one()
    return found


def end_links(connection: Connection, user_id: int, *, now: int) -> None:
    """No link that this person has got so far is good any more."""
    mine = (password_links.c.user_id == user_id) & password_links.c.used_at.is_(None)
    connection.execute(update(password_links).where(mine).values(used_at=now))


def end_links_of_organization(connection: Connection, organization_id: int, purpose: str, *, now: int) -> int:
    """Ends the links of this purpose that came from this organization; how many were open."""
    open_ = (password_links.c.purpose == purpose) & password_links.c.used_at.is_(None)
    open_ &= password_links.c.organization_id == organization_id
    return connection.execute(update(password_links).where(open_).values(used_at=now)).rowcount


def remove_old_links(connection: Connection, *, now: int) -> int:
    """Forgets links that were used or have been too old for a week; how many."""
    before = now - _KEEP_SECONDS
    old = or_(password_links.c.expires_at < before, password_links.c.used_at < before)
    return connection.execute(delete(password_links).where(old)).rowcount


def store_password(
    connection: Connection, user_id: int, password_hash: str, *, now: int, keep_session: bytes | None = None
) -> int:
    """The person's password from now on. Their sessions end, on the web and in the app, in every organization, all but
    the one that is kept; so do links to set a password. Returns how many sessions ended. The account is held alone.
    """
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))
    end_links(connection, user_id, now=now)
    mine = sessions.c.user_id == user_id
    if keep_session is not None:
        mine &= sessions.c.id_hash != keep_session
    return end_where(connection, mine, why="password_changed", now=now)


def list_organizations_of(connection: Connection, user_id: int) -> list[tuple[int, str, str]]:
    """(id, slug, name) of the person's organizations, the oldest membership first."""
    mine = (
        select(organizations.c.id, organizations.c.slug, organizations.c.name)
        .join(members, members.c.organization_id == organizations.c.id)
        .where(members.c.user_id == user_id)
        .order_by(members.c.id)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(mine)]
