"""An organization's Okta set-up: one live integration, its SPA and native apps, and the deleted ones for the undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from portal.errors import Problem, Refused
from portal.store.integration_versions import add_version, has_versions
from portal.store.models import apps, domains, integrations, members, organizations, sessions, users
from portal.store.okta_only import drop_okta_only
from portal.store.okta_people import comes_by_okta
from portal.store.recovery_codes import drop_codes
from portal.store.session_ends import end_where

UNDO_SECONDS = 30 * 86400


@dataclass(frozen=True, slots=True)
class App:
    """An organization's client in Okta. kind -- "spa" or "native"; domain -- as the form shows it."""

    kind: str
    client_id: str
    domain: str
    issuer: str
    scope: str


@dataclass(frozen=True, slots=True)
class Integration:
    """How an organization is connected to Okta; `version` counts every change."""

    id: int
    organization_id: int
    version: int
    authorization_server: str
    sign_in: str
    checked: bool
    updated_at: int
    updated_by: str
    deleted_at: int | None
    apps: dict[str, App]

    @property
    def spa(self) -> App:
        """The web app; every integration has one."""
        return self.apps["spa"]


_INTEGRATION = select(
    integrations.c.id,
    integrations.c.organization_id,
    integrations.c.version,
    integrations.c.authorization_server,
    integrations.c.sign_in,
    integrations.c.checked,
    integrations.c.updated_at,
    integrations.c.updated_by,
    integrations.c.deleted_at,
)
_LIVE = _INTEGRATION.where(
    integrations.c.organization_id == bindparam("organization_id"), integrations.c.deleted_at.is_(None)
)
_DELETED = _INTEGRATION.where(
    integrations.c.organization_id == bindparam("organization_id"),
    integrations.c.deleted_at > bindparam("since"),
).order_by(integrations.c.deleted_at.desc())
_APPS = select(apps.c.kind, apps.c.client_id, apps.c.domain, apps.c.issuer, apps.c.scope).where(
    apps.c.integration_id == bindparam("integration_id")
)


def find_integration(connection: Connection, organization_id: int) -> Integration | None:
    """The live integration of this organization."""
    return _read(connection, _LIVE, {"organization_id": organization_id})


def hold_integration(
    connection: Connection, organization_id: int, *, expected_version: int | None = None
) -> Integration | None:
    """The live integration, which nobody else changes before this transaction ends.

    Raises Refused(CONFLICT) when `expected_version` (0 for none) is given and it is another.
    """
    # One save at a time: without the lock, two on PostgreSQL both read the version that each of them then counts up.
    # FOR NO KEY UPDATE, since a login that inserts rows of this organization must not have to wait for it.
    mine = select(organizations.c.id).where(organizations.c.id == organization_id)
    connection.execute(mine.with_for_update(key_share=True))
    live = find_integration(connection, organization_id)
    if expected_version is not None and expected_version != (live.version if live else 0):
        raise Refused(Problem.CONFLICT, "integration_version")
    return live


def save_integration(
    connection: Connection,
    organization_id: int,
    *,
    saved_apps: Sequence[App],
    authorization_server: str,
    sign_in: str,
    checked: bool,
    who: str,
    now: int,
    expected_version: int | None = None,
    what: str = "saved",
) -> Integration:
    """Stores what Save stores; the version goes up, so that logins under way with the old settings are refused.

    what -- how that came about, for the list of versions: "saved", "switched_on" or "restored".
    Raises Refused(CONFLICT) when `expected_version` is given and somebody else has saved meanwhile.
    """
    live = hold_integration(connection, organization_id, expected_version=expected_version)
    values = {
        "authorization_server": authorization_server,
        "sign_in": sign_in,
        "checked": checked,
        "updated_at": now,
        "updated_by": who,
        "version": (live.version if live else 0) + 1,
    }
    if live is None:
        values |= {"organization_id": organization_id, "created_at": now}
        integration_id = connection.execute(insert(integrations).returning(integrations.c.id), values).scalar_one()
    else:
        integration_id = live.id
        connection.execute(update(integrations).where(integrations.c.id == live.id).values(values))
        # Before the apps change: what these sessions hold has to go back to the old ones.
        _end_moved(connection, live, saved_apps, now)
        connection.execute(delete(apps).where(apps.c.integration_id == live.id))
    for app in saved_apps:
        row = {"kind": app.kind, "client_id": app.client_id, "domain": app.domain}
        row |= {"issuer": app.issuer, "scope": app.scope, "integration_id": integration_id}
        connection.execute(insert(apps), row)
    saved = find_integration(connection, organization_id)
    assert saved is not None
    _write_down(connection, saved, what, before=live)
    return saved


def delete_integration(connection: Connection, organization_id: int, *, who: str, now: int) -> Integration:
    """Takes Okta away: nobody can log in by it any more and every session that came from it ends. What they hold is
    collected afterwards (`unfinished_deletions`).

    Raises Refused(OKTA_NOT_CONNECTED).
    """
    live = find_integration(connection, organization_id)
    if live is None:
        raise Refused(Problem.OKTA_NOT_CONNECTED)
    change: dict[str, Any] = {"deleted_at": now, "updated_at": now, "updated_by": who, "version": live.version + 1}
    connection.execute(update(integrations).where(integrations.c.id == live.id).values(change))
    end_sessions(
        connection, organization_id, integration_id=live.id, why="integration_deleted", now=now, collect_later=True
    )
    # Without Okta, passwords are the way in again, and nobody needs a way round them.
    drop_okta_only(connection, organization_id)
    drop_codes(connection, organization_id)
    _write_down(connection, replace(live, **change), "deleted", before=live)
    return live


def restore_integration(connection: Connection, organization_id: int, *, who: str, now: int) -> Integration:
    """Undoes the last Delete Integration of the past 30 days.

    Raises Refused(OKTA_NOT_CONNECTED) when there is none, Refused(CONFLICT) when Okta has been connected anew, and
    Refused(DOMAIN_MISSING) when the organization has removed its last domain meanwhile. It has to be held.
    """
    if find_integration(connection, organization_id) is not None:
        raise Refused(Problem.CONFLICT, "integration_live")
    last = _read(connection, _DELETED, {"organization_id": organization_id, "since": now - UNDO_SECONDS})
    if last is None:
        raise Refused(Problem.OKTA_NOT_CONNECTED, "nothing_to_restore")
    if connection.execute(select(domains.c.id).where(domains.c.organization_id == organization_id)).first() is None:
        raise Refused(Problem.DOMAIN_MISSING)
    change = {"deleted_at": None, "updated_at": now, "updated_by": who, "version": last.version + 1}
    connection.execute(update(integrations).where(integrations.c.id == last.id).values(change))
    restored = find_integration(connection, organization_id)
    assert restored is not None
    _write_down(connection, restored, "undone", before=None)
    return restored


def count_okta_people(connection: Connection, organization_id: int) -> tuple[int, int]:
    """(how many members of this organization log in by Okta, how many of them have no password)."""
    people = (
        select(func.count(users.c.id), func.count(users.c.password_hash))
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.organization_id == organization_id, comes_by_okta(organization_id))
    )
    row = connection.execute(people).one()
    return row[0], row[0] - row[1]


def end_sessions(
    connection: Connection, organization_id: int, *, integration_id: int, why: str, now: int, kind: str = "",
    collect_later: bool = False,
) -> int:  # fmt: skip
    """Ends every live session that this integration opened, or those of one kind ("web", "phone"); returns how many.

    The integration's own row has been changed before in this transaction: whoever is opening a session by it has been
    waited for, and whoever comes after finds it changed.
    """
    mine = (sessions.c.organization_id == organization_id) & (sessions.c.integration_id == integration_id)
    if kind:
        mine &= sessions.c.kind == kind
    return end_where(connection, mine, why=why, now=now, collect_later=collect_later)


def _end_moved(connection: Connection, live: Integration, saved_apps: Sequence[App], now: int) -> None:
    # A phone may also have come in by the web app, a browser never by the native one.
    for moved, kind in (("spa", ""), ("native", "phone")):
        if is_moved(live, saved_apps, moved):
            end_sessions(
                connection, live.organization_id, integration_id=live.id, kind=kind, why="settings_changed", now=now
            )


def is_moved(live: Integration, saved_apps: Sequence[App], kind: str) -> bool:
    """Whether that app now is another client or issuer, or gone: its tokens must never go to the new one."""
    before = live.apps.get(kind)
    now = next((app for app in saved_apps if app.kind == kind), None)
    return before is not None and (now is None or (now.client_id, now.issuer) != (before.client_id, before.issuer))


def settings_of(live: Integration) -> dict[str, Any]:
    """All of an integration's settings, as the list of versions keeps them."""
    kept = {kind: asdict(app) for kind, app in live.apps.items()}
    return {
        "authorization_server": live.authorization_server,
        "sign_in": live.sign_in,
        "checked": live.checked,
        "apps": kept,
    }


def _write_down(connection: Connection, changed: Integration, what: str, *, before: Integration | None) -> None:
    """One more version; where there is none yet, first the one that there was before versions were kept."""
    rows = [(changed, what)]
    if before is not None and not has_versions(connection, changed.organization_id):
        rows.insert(0, (before, "saved"))
    for each, happened in rows:
        add_version(
            connection,
            changed.organization_id,
            version=each.version,
            what=happened,
            settings=settings_of(each),
            who=each.updated_by,
            now=each.updated_at,
        )


def _read(connection: Connection, statement: Select[Any], values: dict[str, Any]) -> Integration | None:
    row = connection.execute(statement, values).first()
    if row is None:
        return None
    found = [App(*app) for app in connection.execute(_APPS, {"integration_id": row[0]})]
    return Integration(**row._mapping, apps={app.kind: app for app in found})
