"""Groups in ID tokens and at userinfo, which Okta names only where an administrator has it do so.

At the org authorization server that is the groups claim filter of an app, and it takes the scope `groups`; a custom one
has a claim, for every app, and knows no such scope. Whoever is in no group that may be named has no claim at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from okta_sandbox.directory import App, AuthorizationServer, Json, Person, make_id

if TYPE_CHECKING:
    from okta_sandbox.org import Org

CLAIM = "groups"
BEGINNING = "POINT"  # Only groups whose names begin so are named in the cast's tokens.


def name_groups(org: Org, *, on: bool) -> None:
    """Does what the administrator does, for every app and the server `default`; or takes it back."""
    for app in org.apps.values():
        app.groups_filter = {"name": CLAIM, "type": "STARTS_WITH", "value": BEGINNING} if on else None
    server = org.servers.get("default")
    if server is None:
        return
    if on and not server.claims:
        definition = make_claim(kind="STARTS_WITH", value=BEGINNING)
        server.claims[definition["id"]] = definition
    for claim in server.claims.values():
        claim["status"] = "ACTIVE" if on else "INACTIVE"


def make_claim(*, value: str = ".*", kind: str = "REGEX", name: str = CLAIM, always: bool = True) -> Json:
    """A claim with groups. always -- in every ID token; otherwise only userinfo tells."""
    return {
        "id": make_id("ocl"), "name": name, "status": "ACTIVE", "claimType": "IDENTITY", "valueType": "GROUPS",
        "value": value, "group_filter_type": kind, "conditions": {"scopes": []}, "system": False,
        "alwaysIncludeInToken": always,
    }


def names_no_groups(org: Org) -> bool:
    """An org without apps is not set up yet, and lacks nothing."""
    server = org.servers.get("default")
    claims = server.claims.values() if server is not None else ()
    named = any(one["status"] == "ACTIVE" for one in claims) or any(app.groups_filter for app in org.apps.values())
    return bool(org.apps) and not named


def list_groups(org: Org, server: AuthorizationServer, app: App, person: Person, scopes: list[str], *,
                userinfo: bool = False) -> Json:
    """The claims with groups; an override of the person's own takes their place."""
    mine = sorted(org.groups[key]["profile"]["name"] for key in org.groups_of(person))
    claims = {}
    for name, kind, value in find_filters(server, app, scopes, userinfo=userinfo):
        matching = [each for each in mine if fits(kind, value, each)]
        if matching and name not in person.claims:
            claims[name] = matching
    return claims


def find_filters(server: AuthorizationServer, app: App, scopes: list[str], *,
                 userinfo: bool) -> Iterator[tuple[str, str, str]]:
    if server.is_org:
        if app.groups_filter is not None and "groups" in scopes:
            yield app.groups_filter["name"], app.groups_filter["type"], app.groups_filter["value"]
        return
    for one in server.claims.values():
        wanted = set(one["conditions"]["scopes"])
        told = userinfo or one["alwaysIncludeInToken"]
        if one["status"] == "ACTIVE" and told and (not wanted or wanted & set(scopes)):
            yield one["name"], one["group_filter_type"], one["value"]


def fits(kind: str, value: str, name: str) -> bool:
    return {
        "REGEX": lambda: re.fullmatch(value, name) is not None, "STARTS_WITH": lambda: name.startswith(value),
        "EQUALS": lambda: name == value, "CONTAINS": lambda: value in name,
    }[kind]()
