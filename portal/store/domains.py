"""The e-mail domains of an organization: those it has verified, and those it has claimed and still has to prove."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.errors import Problem, Refused
from portal.store.models import (
    domain_claims,
    domains,
    identities,
    integrations,
    members,
    organizations,
    sessions,
    users,
)
from portal.store.session_ends import end_where, hold_okta_logins

CLAIM_SECONDS = 30 * 86400
MOST_CLAIMS = 20


@dataclass(frozen=True, slots=True)
class Domain:
    """A verified domain, and how many members have an address in it. `verified_at` in epoch seconds."""

    name: str
    verified_at: int
    people: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A domain that waits for its proof. token -- what the TXT record has to hold; checked_at, found -- the last look
    and what it came to: "", "missing", "different", "unclear" or "taken"."""

    organization_id: int
    name: str
    token: str
    created_by: str
    created_at: int
    checked_at: int | None
    found: str


_CLAIM = select(
    domain_claims.c.organization_id,
    domain_claims.c.name,
    domain_claims.c.token,
    domain_claims.c.created_by,
    domain_claims.c.created_at,
    domain_claims.c.checked_at,
    domain_claims.c.found,
)


def list_domains(connection: Connection, organization_id: int) -> list[Domain]:
    """The verified domains of this organization, by name."""
    rows = connection.execute(
        select(domains.c.name, domains.c.verified_at)
        .where(domains.c.organization_id == organization_id)
        .order_by(domains.c.name)
    ).all()
    domain = func.substr(users.c.email, func.length(users.c.email) - func.length(domains.c.name) + 1)
    counted = (
        select(domains.c.name, func.count())
        .select_from(members)
        .join(users, users.c.id == members.c.user_id)
        .join(domains, (domains.c.organization_id == members.c.organization_id) & (domain == domains.c.name)
              & (func.substr(users.c.email, func.length(users.c.email) - func.length(domains.c.name), 1) == "@"))
        .where(members.c.organization_id == organization_id)
        .group_by(domains.c.name)
    )  # fmt: skip
    people: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    return [Domain(name, verified_at, people.get(name, 0)) for name, verified_at in rows]


def list_claims(connection: Connection, organization_id: int) -> list[Claim]:
    """The domains of this organization that wait for their proof, the oldest first."""
    mine = _CLAIM.where(domain_claims.c.organization_id == organization_id)
    return [Claim(*row) for row in connection.execute(mine.order_by(domain_claims.c.created_at, domain_claims.c.name))]


def list_open_claims(connection: Connection, *, before: int, limit: int) -> list[Claim]:
    """Claims of all organizations that nobody has looked at since `before`, the longest waiting first."""
    waiting = func.coalesce(domain_claims.c.checked_at, 0)
    return [Claim(*row) for row in connection.execute(_CLAIM.where(waiting < before).order_by(waiting).limit(limit))]


def find_claim(connection: Connection, organization_id: int, name: str) -> Claim | None:
    """This organization's claim to this domain."""
    mine = (domain_claims.c.organization_id == organization_id) & (domain_claims.c.name == name)
    row = connection.execute(_CLAIM.where(mine)).first()
    return Claim(*row) if row else None


def add_claim(connection: Connection, organization_id: int, name: str, *, who: str, now: int) -> Claim:
    """Claims a domain; a second time it is the same claim with the same token.

    Raises Refused(DOMAIN_TAKEN) when it is verified already, by this organization or another: which of the two is all
    the same to a stranger who asks. Refused(TOO_MANY) when there are too many claims.
    """
    if connection.execute(select(domains.c.id).where(domains.c.name == name)).first():
        raise Refused(Problem.DOMAIN_TAKEN, "domain_verified")
    # One claim at a time, so that a second press finds the first.
    _hold(connection, organization_id)
    known = find_claim(connection, organization_id, name)
    if known is not None:
        return known
    mine = domain_claims.c.organization_id == organization_id
    if connection.execute(select(func.count()).select_from(domain_claims).where(mine)).scalar_one() >= MOST_CLAIMS:
        raise Refused(Problem.TOO_MANY, "too_many_claims")
    row = {
        "organization_id": organization_id, "name": name, "token": secrets.token_hex(16), "created_by": who,
        "created_at": now, "found": "",
    }  # fmt: skip
    connection.execute(insert(domain_claims), row)
    found = find_claim(connection, organization_id, name)
    assert found is not None
    return found


def note_look(connection: Connection, claim: Claim, *, found: str, now: int) -> None:
    """Writes down what a look at the DNS came to."""
    mine = (domain_claims.c.organization_id == claim.organization_id) & (domain_claims.c.name == claim.name)
    connection.execute(update(domain_claims).where(mine).values(checked_at=now, found=found))


def drop_claim(connection: Connection, organization_id: int, name: str) -> bool:
    """Takes a claim back. False when there is none."""
    mine = (domain_claims.c.organization_id == organization_id) & (domain_claims.c.name == name)
    return bool(connection.execute(delete(domain_claims).where(mine)).rowcount)


def remove_old_claims(connection: Connection, *, now: int) -> int:
    """Removes claims that nobody has proved within 30 days; how many."""
    return connection.execute(delete(domain_claims).where(domain_claims.c.created_at < now - CLAIM_SECONDS)).rowcount


def verify_domain(connection: Connection, claim: Claim, *, now: int) -> bool:
    """The claim is proved: the domain is this organization's. False when another one was faster."""
    # Whoever takes the claim away may use it: it may have been given up while the name servers were asked.
    if not drop_claim(connection, claim.organization_id, claim.name):
        return False
    try:
        with connection.begin_nested():
            row = {"organization_id": claim.organization_id, "name": claim.name, "verified_at": now}
            connection.execute(insert(domains), row)
    except IntegrityError:
        connection.execute(insert(domain_claims), {**asdict(claim), "checked_at": now, "found": "taken"})
        return False
    return True


def remove_domain(connection: Connection, organization_id: int, name: str, *, now: int) -> int | None:
    """Takes a verified domain away, and with it the Okta sessions of the people in it; how many ended, None when it is
    not this organization's.

    Raises Refused(LAST_DOMAIN) for the last one while Okta login is on: nobody would be let in any more.
    """
    mine = domains.c.organization_id == organization_id
    # One at a time, or two removals at once would each leave the other's domain as the last.
    _hold(connection, organization_id)
    names: Sequence[str] = connection.execute(select(domains.c.name).where(mine)).scalars().all()
    if name not in names:
        return None
    live = (integrations.c.organization_id == organization_id) & integrations.c.deleted_at.is_(None)
    if len(names) == 1 and connection.execute(select(integrations.c.id).where(live)).first():
        raise Refused(Problem.LAST_DOMAIN)
    hold_okta_logins(connection, organization_id)
    connection.execute(delete(domains).where(mine, domains.c.name == name))
    theirs = exists().where(
        identities.c.id == sessions.c.identity_id, identities.c.email.endswith(f"@{name}", autoescape=True)
    )
    mine = (sessions.c.organization_id == organization_id) & theirs
    return end_where(connection, mine, why="domain_removed", now=now)


def _hold(connection: Connection, organization_id: int) -> None:
    """Until the transaction ends nobody else changes this organization's domains; logins go on."""
    mine = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(mine.with_for_update(key_share=True))
