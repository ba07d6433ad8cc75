"""Okta settings in people's words: the fields' labels, and what differs between two sets of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, with both values as they are shown; "" where there is none."""

    label: str
    old: str
    new: str


def list_labels() -> list[tuple[str, str]]:
    """(field, label) in the order of the form."""
    return [
        ("spa_client_id", gettext("SPA: Okta Client ID")),
        ("spa_domain", gettext("SPA: Okta Domain")),
        ("native_client_id", gettext("Native App: Okta Client ID (Native App)")),
        ("native_domain", gettext("Native App: Okta Domain (Native App)")),
        ("sign_in", gettext("Where people sign in")),
        ("authorization_server", gettext("Authorization server")),
    ]


def show_value(field: str, value: str) -> str:
    """A field's value as people read it."""
    words: dict[tuple[str, str], str] = {
        ("sign_in", "redirect"): gettext("On Okta's page"),
        ("sign_in", "embedded"): gettext("On POINT's page"),
        ("authorization_server", "auto"): gettext("Automatic"),
        ("authorization_server", "org"): gettext("Org authorization server"),
    }
    return words.get((field, value), value)


def list_changes(old: Mapping[str, str] | None, new: Mapping[str, str]) -> list[Change]:
    """What differs, field by field; everything that is filled in where there was nothing before."""
    before = old or {}
    return [
        Change(label, show_value(field, before.get(field, "")), show_value(field, new[field]))
        for field, label in list_labels()
        if before.get(field, "") != new[field]
    ]
