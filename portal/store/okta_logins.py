"""Ways to log in to an organization: by its Okta on the web, by its app for phones, or not by Okta at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, false, literal, literal_column, select

from portal.store.hot import Hot
from portal.store.models import apps, domains, integrations, organizations
from portal.store.okta_only import IN_FORCE
from portal.store.organizations import is_slug
from portal.store.setup_tables import okta_only

_PRINTABLE = re.compile(r"[!-~]{1,300}")


@dataclass(frozen=True, slots=True)
class Login:
    """What a login needs to know of its organization and of the app, web or native, in one row.

    groups_claim -- the claim with the person's groups, where roles follow them; None where they do not.
    """

    organization_id: int
    slug: str
    name: str
    integration_id: int
    version: int
    sign_in: str
    client_id: str
    issuer: str
    scope: str
    groups_claim: str | None


@dataclass(frozen=True, slots=True)
class Ways:
    """An organization and its ways to log in: whether there is an app for phones, whether Okta is connected at all
    (`sign_in` is None where it is not), and whether it takes passwords."""

    slug: str
    name: str
    sign_in: str | None
    native: bool
    connected: bool
    passwords: bool


_LOGIN = (
    select(
        organizations.c.id,
        organizations.c.slug,
        organizations.c.name,
        integrations.c.id,
        integrations.c.version,
        integrations.c.sign_in,
        apps.c.client_id,
        apps.c.issuer,
        apps.c.scope,
        organizations.c.groups_claim,
    )
    .select_from(organizations)
    .join(integrations, integrations.c.organization_id == organizations.c.id)
    .join(apps, apps.c.integration_id == integrations.c.id)
    .where(integrations.c.deleted_at.is_(None), apps.c.kind == bindparam("app"))
)
_NATIVE, _WEB = apps.alias("native_app"), apps.alias("web_app")
_ONE = select(literal(1).label("one")).subquery()


def _ways(*where: ColumnElement[bool]) -> Hot:
    """One row whatever is known, with an organization or without: what there is not takes as long to look up."""
    live = (integrations.c.organization_id == organizations.c.id) & integrations.c.deleted_at.is_(None)
    joined = _ONE.outerjoin(domains, where[0]).outerjoin(organizations, where[-1]).outerjoin(integrations, live)
    for app, kind in ((_NATIVE, "native"), (_WEB, "spa")):
        mine = (app.c.integration_id == integrations.c.id) & (app.c.kind == literal_column(f"'{kind}'"))
        joined = joined.outerjoin(app, mine)
    closed = (okta_only.c.organization_id == organizations.c.id) & IN_FORCE
    joined = joined.outerjoin(okta_only, closed)
    found = (organizations.c.slug, organizations.c.name, integrations.c.sign_in, _NATIVE.c.id, _WEB.c.id)
    return Hot(select(*found, okta_only.c.organization_id).select_from(joined))


_WAYS_BY_DOMAIN = _ways(domains.c.name == bindparam("key"), organizations.c.id == domains.c.organization_id)
_WAYS_BY_SLUG = _ways(false(), organizations.c.slug == bindparam("key"))
_LOGIN_BY_SLUG = Hot(_LOGIN.where(organizations.c.slug == bindparam("slug")))
_LOGIN_BY_ID = Hot(_LOGIN.where(integrations.c.id == bindparam("integration_id")))
# On PostgreSQL, whoever saves or deletes it waits until the session that is being opened can be seen and ended.
_LOGIN_HELD = Hot(
    _LOGIN.where(integrations.c.id == bindparam("integration_id")).with_for_update(read=True, of=integrations)
)
_LOGIN_BY_ISSUER = _LOGIN.where(apps.c.issuer == bindparam("issuer")).order_by(integrations.c.id)


def find_login(connection: Connection, slug: str, app: str = "spa") -> Login | None:
    """How people of the organization with this slug log in by Okta, if it is connected: on the web ("spa"), or on the
    phone ("native"), for which it may have no app yet.
    """
    row = _LOGIN_BY_SLUG.first(connection, {"slug": slug, "app": app}) if is_slug(slug) else None
    return Login(*row) if row else None


def find_login_by_integration(
    connection: Connection, integration_id: int, app: str = "spa", *, hold: bool = False
) -> Login | None:
    """The same, for a login under way; None once that integration has been deleted.

    hold -- it shall not change before this transaction ends.
    """
    keys = {"integration_id": integration_id, "app": app}
    row = (_LOGIN_HELD if hold else _LOGIN_BY_ID).first(connection, keys)
    return Login(*row) if row else None


def list_logins_by_issuer(connection: Connection, issuer: str) -> list[Login]:
    """The organizations that are connected to this issuer; more than one may share an Okta."""
    if not _PRINTABLE.fullmatch(issuer):
        return []
    rows: Sequence[Any] = connection.execute(_LOGIN_BY_ISSUER, {"issuer": issuer, "app": "spa"}).all()
    return [Login(*row) for row in rows]


def find_ways(connection: Connection, *, now: int, domain: str = "", slug: str = "") -> Ways | None:
    """The organization that has verified this domain or has this slug, and its ways to log in; the same statement for
    what is known and what is not."""
    row = (_WAYS_BY_DOMAIN if domain else _WAYS_BY_SLUG).first(connection, {"key": domain or slug, "now": now})
    if not row or not row[0]:
        return None
    return Ways(row[0], row[1], row[2], row[3] is not None, row[4] is not None, row[5] is None)
