"""What belongs to other organizations than this one: asked before something of a stranger is shown to it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from portal.store.models import apps, domains, integrations


def is_live_elsewhere(connection: Connection, organization_id: int, client_id: str) -> bool:
    """Whether people of another organization log in with this app.

    Okta gives each app an id of its own, whatever name or authorization server that Okta is reached by.
    """
    others = (
        select(apps.c.id)
        .join(integrations, integrations.c.id == apps.c.integration_id)
        .where(
            integrations.c.organization_id != organization_id,
            integrations.c.deleted_at.is_(None),
            apps.c.client_id == client_id,
        )
    )
    return connection.execute(others.limit(1)).first() is not None


def is_domain_elsewhere(connection: Connection, organization_id: int, names: Collection[str]) -> bool:
    """Whether another organization has verified one of these domains."""
    others = select(domains.c.id).where(domains.c.organization_id != organization_id, domains.c.name.in_(names))
    return connection.execute(others.limit(1)).first() is not None
