"""What checks and test logins look at: the draft of an organization's Okta settings, or else what is live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from portal.okta.connect import Entries
from portal.store.drafts import find_draft
from portal.store.integrations import App, Integration, find_integration

SubjectName = Literal["draft", "live"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One set of settings of one organization.

    entries     -- as typed (draft) or as stored (live).
    apps        -- by kind; for a draft only those whose Okta could be asked.
    fingerprint -- the same for equal settings, whether draft or live; what was found out belongs to it.
    """

    name: SubjectName
    organization_id: int
    entries: Entries
    sign_in: str
    apps: Mapping[str, App]
    fingerprint: str


def find_subject(
    connection: Connection, organization_id: int, name: SubjectName | None = None
) -> Subject | None:
    """The draft where there is one, else what is live; with `name` exactly that one. None where there is nothing."""
    if name != "live" and (draft := find_draft(connection, organization_id)) is not None:
        typed = {field: text for field, text in draft.entries.items() if field != "sign_in"}
        return _subject("draft", organization_id, Entries(**typed), draft.entries.get("sign_in", "redirect"), draft.apps)
    live = find_integration(connection, organization_id) if name != "draft" else None
    if live is None:
        return None
    return _subject("live", organization_id, entries_of(live), live.sign_in, live.apps)


def entries_of(live: Integration) -> Entries:
    """A live integration as the form shows it."""
    fields = {"authorization_server": live.authorization_server}
    for kind, app in live.apps.items():
        fields |= {f"{kind}_client_id": app.client_id, f"{kind}_domain": app.domain}
    return Entries(**{"spa_client_id": "", "spa_domain": "", **fields})


def fingerprint(entries: Entries, sign_in: str) -> str:
    """64 hex digits; the same for entries that mean the same by their letters."""
    values = [sign_in, entries.authorization_server]
    for kind in ("spa", "native"):
        domain = str(getattr(entries, f"{kind}_domain")).strip().lower().removeprefix("https://").rstrip("/")
        values += [str(getattr(entries, f"{kind}_client_id")).strip(), domain]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _subject(
    name: SubjectName, organization_id: int, entries: Entries, sign_in: str, apps: Mapping[str, App]
) -> Subject:
    return Subject(name, organization_id, entries, sign_in, apps, fingerprint(entries, sign_in))
