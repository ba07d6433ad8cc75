"""Every change of an organization's live Okta settings: who, when, and what they were afterwards. Append-only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from portal.store.setup_tables import integration_versions

_COLUMNS = (
    integration_versions.c.id,
    integration_versions.c.version,
    integration_versions.c.at,
    integration_versions.c.who,
    integration_versions.c.what,
    integration_versions.c.settings,
)


@dataclass(frozen=True, slots=True)
class Version:
    """One change. `at` in epoch seconds; `what` is "saved", "switched_on", "deleted", "undone" or "restored";
    `settings` -- `authorization_server`, `sign_in`, `checked` and `apps`, by kind, each with the fields of an App."""

    id: int
    version: int
    at: int
    who: str
    what: str
    settings: Mapping[str, Any]


def add_version(
    connection: Connection,
    organization_id: int,
    *,
    version: int,
    what: str,
    settings: Mapping[str, Any],
    who: str,
    now: int,
) -> None:
    """Writes down one change."""
    row = {"organization_id": organization_id, "version": version, "at": now, "who": who, "what": what}
    connection.execute(insert(integration_versions), {**row, "settings": json.dumps(settings)})


def has_versions(connection: Connection, organization_id: int) -> bool:
    """Whether anything is written down for this organization."""
    mine = select(integration_versions.c.id).where(integration_versions.c.organization_id == organization_id)
    return connection.execute(mine.limit(1)).first() is not None


def list_versions(
    connection: Connection, organization_id: int, *, before: int | None = None, limit: int = 20
) -> list[Version]:
    """The newest changes, newest first. before -- only those older than the one with this id."""
    mine = select(*_COLUMNS).where(integration_versions.c.organization_id == organization_id)
    if before is not None:
        mine = mine.where(integration_versions.c.id < before)
    rows = connection.execute(mine.order_by(integration_versions.c.id.desc()).limit(limit))
    return [_version(row) for row in rows]


def find_version(connection: Connection, organization_id: int, version_id: int) -> Version | None:
    """The change with this id, if it is one of this organization's."""
    mine = (integration_versions.c.organization_id == organization_id) & (integration_versions.c.id == version_id)
    row = connection.execute(select(*_COLUMNS).where(mine)).first()
    return _version(row) if row else None


def _version(row: Any) -> Version:
    return Version(row.id, row.version, row.at, row.who, row.what, json.loads(row.settings))
