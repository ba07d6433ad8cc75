"""What checks and test logins look at: the draft of an organization's Okta settings, or else what is live."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from portal.okta.connect import Entries
from portal.store.drafts import find_draft
from portal.store.integrations import App, Integration, find_integration, settings_of

SubjectName = Literal["draft", "live"]
FIELDS = ("spa_client_id", "spa_domain", "native_client_id", "native_domain", "authorization_server", "sign_in")
_EMPTY = dict.fromkeys(FIELDS, "") | {"authorization_server": "auto", "sign_in": "redirect"}


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
        return _subject("draft", organization_id, *read_form(draft.entries), draft.apps)
    live = find_integration(connection, organization_id) if name != "draft" else None
    if live is None:
        return None
    return _subject("live", organization_id, entries_of(live), live.sign_in, live.apps)


def entries_of(live: Integration) -> Entries:
    """A live integration as the form shows it."""
    return read_form(form_of(settings_of(live)))[0]


def form_of(settings: Mapping[str, Any] | None) -> dict[str, str]:
    """Settings, as `settings_of` and the list of versions have them, by the fields of the form; empty for None."""
    form = dict(_EMPTY)
    if settings is not None:
        form |= {name: settings[name] for name in ("authorization_server", "sign_in")}
        for kind, app in settings["apps"].items():
            form |= {f"{kind}_client_id": app["client_id"], f"{kind}_domain": app["domain"]}
    return form


def read_form(form: Mapping[str, str]) -> tuple[Entries, str]:
    """The entries and the way to sign in that a form says."""
    typed = {name: form.get(name, _EMPTY[name]) for name in FIELDS}
    sign_in = typed.pop("sign_in")
    return Entries(**typed), sign_in


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
