"""Hand-over links: whoever has one may do the set-up of one organization, and nothing else, until it ends.

Of the token only its SHA-256 is stored; it is shown once, when the link is made.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from portal.errors import Problem, Refused
from portal.store.members import find_role
from portal.store.models import organizations
from portal.store.setup_tables import setup_links

MOST_LIVE = 20
# A visit after so long without one is told in the activity; each page of a visit is not.
QUIET_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class SetupLink:
    """A link and whose set-up it opens. Times in epoch seconds; `name` is who it was made for."""

    id: int
    organization_id: int
    slug: str
    organization_name: str
    name: str
    created_by: str
    created_at: int
    expires_at: int
    used_at: int | None
    revoked_at: int | None

    def is_live(self, now: int) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at


def create_link(
    connection: Connection,
    organization_id: int,
    *,
    token: str,
    name: str,
    who: str,
    now: int,
    seconds: int,
    user_id: int | None = None,
) -> int:
    """Stores a new link for `seconds`; answers its id. Raises Refused(CONFLICT) when 20 are live already.

    who, user_id -- whoever makes it; their links end when they are an owner no more (`revoke_links_by`), and they make
    none behind that: Refused(FORBIDDEN).
    """
    # One change of owners and links at a time. FOR NO KEY UPDATE: no login waits for it.
    mine = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(mine.with_for_update(key_share=True))
    if user_id is not None and find_role(connection, organization_id, user_id) != "owner":
        raise Refused(Problem.FORBIDDEN, "owner_no_more")
    live = select(func.count()).where(
        setup_links.c.organization_id == organization_id,
        setup_links.c.revoked_at.is_(None),
        setup_links.c.expires_at > now,
    )
    if connection.execute(live).scalar_one() >= MOST_LIVE:
        raise Refused(Problem.CONFLICT, "setup_links_many")
    row = {
        "token_hash": _hash(token),
        "organization_id": organization_id,
        "name": name,
        "created_by": who,
        "created_by_id": user_id,
        "created_at": now,
        "expires_at": now + seconds,
    }
    made: int = connection.execute(insert(setup_links).returning(setup_links.c.id), row).scalar_one()
    return made


def find_link(connection: Connection, token: str, *, now: int) -> SetupLink | None:
    """The live link with this token; None for one that has expired, was revoked or never was."""
    row = connection.execute(_links().where(setup_links.c.token_hash == _hash(token))).first()
    link = SetupLink(*row) if row else None
    return link if link is not None and link.is_live(now) else None


def list_links(connection: Connection, organization_id: int) -> list[SetupLink]:
    """This organization's newest 50 links, newest first."""
    mine = _links().where(setup_links.c.organization_id == organization_id)
    return [SetupLink(*row) for row in connection.execute(mine.order_by(setup_links.c.id.desc()).limit(50))]


def use_link(connection: Connection, link: SetupLink, *, now: int) -> bool:
    """Writes down that the link was used; True when it had been quiet for an hour or was never used before."""
    new = link.used_at is None or now - link.used_at >= QUIET_SECONDS
    mine = (setup_links.c.organization_id == link.organization_id) & (setup_links.c.id == link.id)
    connection.execute(update(setup_links).where(mine).values(used_at=now))
    return new


def revoke_link(connection: Connection, organization_id: int, link_id: int, *, now: int) -> SetupLink | None:
    """Ends a link at once. None when this organization has no such link, or it was revoked before."""
    mine = (setup_links.c.organization_id == organization_id) & (setup_links.c.id == link_id)
    ended = update(setup_links).where(mine, setup_links.c.revoked_at.is_(None)).values(revoked_at=now)
    if not connection.execute(ended).rowcount:
        return None
    return SetupLink(*connection.execute(_links().where(mine)).one())


def revoke_links_by(connection: Connection, organization_id: int, user_id: int, *, now: int) -> int:
    """Ends the links of this organization that this person has made; how many were not revoked before."""
    theirs = (setup_links.c.organization_id == organization_id) & (setup_links.c.created_by_id == user_id)
    ended = update(setup_links).where(theirs, setup_links.c.revoked_at.is_(None)).values(revoked_at=now)
    return connection.execute(ended).rowcount


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _links() -> Select[Any]:
    return select(
        setup_links.c.id,
        setup_links.c.organization_id,
        organizations.c.slug,
        organizations.c.name,
        setup_links.c.name,
        setup_links.c.created_by,
        setup_links.c.created_at,
        setup_links.c.expires_at,
        setup_links.c.used_at,
        setup_links.c.revoked_at,
    ).join(organizations, organizations.c.id == setup_links.c.organization_id)
