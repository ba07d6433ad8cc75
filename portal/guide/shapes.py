"""What the guide is made of: parts, each a page, with tasks that can be ticked off, and troubles people have there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.okta.steps import App, Place

# What an organization enters in Okta; the values themselves come from the settings, or are the texts of NAMES.
ValueKey = Literal[
    "redirect_uri", "sign_out_uri", "origin", "native_redirect_uri", "native_sign_out_uri",
    "spa_name", "native_name", "origin_name", "policy_name", "rule_name",
]  # fmt: skip
# Names that Okta asks for and nobody depends on. Not translated: they are typed in Okta.
NAMES: dict[ValueKey, str] = {
    "spa_name": "POINT SPA Integration",
    "native_name": "POINT Native App Integration",
    "origin_name": "POINT Dash",
    "policy_name": "POINT",
    "rule_name": "Default Policy Rule",
}
# A page of POINT's that a task is done on.
Page = Literal["form", "delete", "integrations", "test"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What somebody sees when it went wrong (`sign`), and what to do about it. Texts are not translated yet."""

    sign: str
    cures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do. Texts are not translated yet.

    id       -- stable, at most 60 characters: progress is kept by it.
    do       -- what to do, in order, with Okta's own words in quotation marks.
    place    -- where in the Admin Console; `way` says it in words. `page` -- where in POINT instead.
    also     -- (place, way) of where it may have to be made possible first.
    values   -- (Okta's label, what to enter).
    checks   -- ids of `portal.okta.steps` whose outcome belongs here.
    embedded -- only needed where people sign in on POINT's page.
    outside  -- (name, address) of public pages of Okta's.
    """

    id: str
    title: str
    do: tuple[str, ...]
    place: Place | None = None
    way: str = ""
    app: App | None = None
    also: tuple[Place, str] | None = None
    page: Page | None = None
    values: tuple[tuple[str, ValueKey], ...] = ()
    checks: tuple[str, ...] = ()
    note: str = ""
    troubles: tuple[Trouble, ...] = ()
    embedded: bool = False
    outside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One page of the guide. `later` -- nothing to get done now, so it does not count for the progress."""

    id: str
    title: str
    lead: str
    tasks: tuple[Task, ...]
    later: bool = False
