"""Somebody's groups in Okta, as a claim names them. Okta sends the claim only where an administrator has set it up, and
leaves it out for whoever is in none of the groups that it may name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOST_NAMES = 1000
MAX_NAME = 255  # characters
SCOPE = "groups"


def read_names(claims: Mapping[str, Any], claim: str) -> tuple[str, ...] | None:
    """The names in this claim, a list of strings or one string; None where it is missing or nothing of the kind.

    What else is in the list is ignored, and so are names that are too long and those that are too many.
    """
    value = claims.get(claim)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return None
    names = [name for name in value[:MOST_NAMES] if isinstance(name, str) and 0 < len(name) <= MAX_NAME]
    return tuple(dict.fromkeys(names))


def with_groups(scope: str, scopes_supported: Sequence[str]) -> str:
    """The scope of a login that wants the groups as well: Okta's org authorization server names them only for the scope
    `groups`, and a custom one, which has a claim instead, refuses a scope that it does not know (facts 1.1 and 8)."""
    return f"{scope} {SCOPE}" if SCOPE in scopes_supported and SCOPE not in scope.split() else scope
