"""Organizations and the e-mail domains they have verified."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from portal.errors import Problem, Refused
from portal.store.models import domains, organizations

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
# RFC 5321 4.1.2 without quoted strings, which nobody has and every parser reads differently.
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
# Paths that /login/<slug> and /organizations/<slug> would hide.
_RESERVED = frozenset({"again", "callback", "forgot", "initiate", "link", "new", "password", "recovery"})

_ORGANIZATION = select(organizations.c.id, organizations.c.slug, organizations.c.name)
_BY_SLUG = _ORGANIZATION.where(organizations.c.slug == bindparam("slug"))
_BY_DOMAIN = _ORGANIZATION.join(domains, domains.c.organization_id == organizations.c.id).where(
    domains.c.name == bindparam("domain")
)
_OWNS_DOMAIN = select(domains.c.id).where(
    domains.c.organization_id == bindparam("organization_id"), domains.c.name == bindparam("domain")
)


@dataclass(frozen=True, slots=True)
class Organization:
    """A nonprofit, company or school that uses POINT."""

    id: int
    slug: str
    name: str


def create_organization(
    connection: Connection, slug: str, *, name: str, domain_names: Sequence[str] = (), now: int
) -> Organization:
    """A new organization whose `domain_names` count as verified.

    Raises ValueError saying what is wrong with the slug, the name or a domain, or that it is taken.
    """
    if not _SLUG.fullmatch(slug) or slug in _RESERVED:
        raise ValueError(f"{slug!r} cannot be a slug: use up to 63 of a-z, 0-9 and hyphens, and no reserved word")
    if not name.strip() or len(name) > 200:
        raise ValueError("the name has to have 1 to 200 characters")
    names = [domain.strip().lower() for domain in domain_names]
    for domain in names:
        if not _DOMAIN.fullmatch(domain):
            raise ValueError(f"{domain!r} is not an e-mail domain")
    try:
        row = {"slug": slug, "name": name.strip(), "created_at": now}
        organization_id = connection.execute(insert(organizations).returning(organizations.c.id), row).scalar_one()
        for domain in names:
            connection.execute(
                insert(domains), {"organization_id": organization_id, "name": domain, "verified_at": now}
            )
    except IntegrityError as exc:
        raise ValueError(f"the slug {slug!r} or one of the domains is taken") from exc
    return Organization(organization_id, slug, name.strip())


def is_slug(text: str) -> bool:
    """Whether this could be an organization's slug at all."""
    return _SLUG.fullmatch(text) is not None


def find_organization(connection: Connection, slug: str) -> Organization | None:
    """The organization with this slug."""
    row = connection.execute(_BY_SLUG, {"slug": slug}).first() if is_slug(slug) else None
    return Organization(*row) if row else None


def load_organization(connection: Connection, slug: str) -> Organization:
    """The organization with this slug. Raises Refused(ORGANIZATION_UNKNOWN)."""
    organization = find_organization(connection, slug)
    if organization is None:
        raise Refused(Problem.ORGANIZATION_UNKNOWN)
    return organization


def load_name(connection: Connection, organization_id: int) -> str:
    """What the organization with this id is called; it has to exist."""
    mine = select(organizations.c.name).where(organizations.c.id == organization_id)
    name: str = connection.execute(mine).scalar_one()
    return name


def email_domain(email: str) -> str:
    """The domain of an e-mail address, lower case; "" when there is not exactly one @ in plain ASCII."""
    local, _at, domain = email.strip().partition("@")
    fits = _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain.lower())
    return domain.lower() if fits else ""


def find_organization_by_email(connection: Connection, email: str) -> Organization | None:
    """The organization that has verified the domain of this address."""
    domain = email_domain(email)
    row = connection.execute(_BY_DOMAIN, {"domain": domain}).first() if domain else None
    return Organization(*row) if row else None


def owns_domain_of(connection: Connection, organization_id: int, email: str) -> bool:
    """Whether this organization has verified the domain of this address."""
    domain = email_domain(email)
    found = connection.execute(_OWNS_DOMAIN, {"organization_id": organization_id, "domain": domain}).first()
    return found is not None


def load_organization_by_id(connection: Connection, organization_id: int) -> Organization:
    """The organization with this id. Raises Refused(ORGANIZATION_UNKNOWN)."""
    row = connection.execute(_ORGANIZATION.where(organizations.c.id == organization_id)).first()
    if row is None:
        raise Refused(Problem.ORGANIZATION_UNKNOWN)
    return Organization(*row)


def find_slug(connection: Connection, organization_id: int) -> str:
    """The slug of the organization with this id; "" when there is none."""
    known = select(organizations.c.slug).where(organizations.c.id == organization_id)
    return connection.execute(known).scalar() or ""
