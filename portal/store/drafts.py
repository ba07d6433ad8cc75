"""What an owner has entered for Okta and not switched on: one draft for each organization, beside what is live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from portal.store.integrations import App
from portal.store.setup_tables import integration_drafts

_FIND = select(
    integration_drafts.c.entries,
    integration_drafts.c.apps,
    integration_drafts.c.problems,
    integration_drafts.c.updated_at,
    integration_drafts.c.updated_by,
).where(integration_drafts.c.organization_id == bindparam("organization_id"))


@dataclass(frozen=True, slots=True)
class Draft:
    """entries -- the form as typed, by field name, `authorization_server` and `sign_in` included. apps -- by kind, as
    far as that Okta could be asked. problems -- {field: Problem.code} of what kept it from going live."""

    entries: Mapping[str, str]
    apps: Mapping[str, App]
    problems: Mapping[str, str]
    updated_at: int
    updated_by: str

    @property
    def stamp(self) -> str:
        """16 hex digits, others for every other draft: a page that was made for this one says so by them."""
        content = [self.updated_at, self.updated_by, dict(self.entries), dict(self.problems)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def find_draft(connection: Connection, organization_id: int) -> Draft | None:
    """The draft of this organization."""
    row = connection.execute(_FIND, {"organization_id": organization_id}).first()
    if row is None:
        return None
    apps = {kind: App(**app) for kind, app in json.loads(row.apps).items()}
    return Draft(json.loads(row.entries), apps, json.loads(row.problems), row.updated_at, row.updated_by)


def save_draft(
    connection: Connection,
    organization_id: int,
    *,
    entries: Mapping[str, str],
    apps: Sequence[App],
    problems: Mapping[str, str],
    who: str,
    now: int,
) -> None:
    """Stores the draft in place of the one before. `entries` hold nothing secret: what looks like a secret is refused
    before it comes here."""
    drop_draft(connection, organization_id)
    row = {
        "organization_id": organization_id,
        "entries": json.dumps(dict(entries)),
        "apps": json.dumps({app.kind: asdict(app) for app in apps}),
        "problems": json.dumps(dict(problems)),
        "updated_at": now,
        "updated_by": who,
    }
    connection.execute(insert(integration_drafts), row)


def drop_draft(connection: Connection, organization_id: int) -> bool:
    """Throws the draft away. False when there is none."""
    mine = integration_drafts.c.organization_id == organization_id
    return bool(connection.execute(delete(integration_drafts).where(mine)).rowcount)
