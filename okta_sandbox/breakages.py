"""Breakages by name: one step of setting an app up, undone in the directory as somebody would in the Admin Console.

A fault spoils an answer and leaves the org as it is; a breakage changes the org. So the Management API shows it and can
mend it, and whether it is on is read from the org: a step that is missing counts as broken, whoever took it away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from okta_sandbox.directory import App, Json, format_time, make_id
from okta_sandbox.group_claims import name_groups, names_no_groups

if TYPE_CHECKING:
    from okta_sandbox.org import Org

NATIVE_SCHEME = "org.pointapp.point"


@dataclass(frozen=True)
class Breakage:
    """group -- where the page shows it. said -- what is wrong while it is on."""

    group: str
    said: str
    is_on: Callable[[Org], bool]
    set: Callable[[Org, bool], None]


def find_cast_app(org: Org, kind: str) -> App | None:
    """The app of the web ("spa") or of the phone ("native"); an org that is not set up yet has none."""
    wanted = {"spa": "browser", "native": "native"}[kind]
    return next((app for app in list(org.apps.values()) if app.oauth["application_type"] == wanted), None)


def of_app(kind: str, said: str, is_on: Callable[[App], bool],
           change: Callable[[Org, App, bool], None]) -> Breakage:
    """A breakage of one app; without that app it is off, and switching it does nothing."""

    def read(org: Org) -> bool:
        app = find_cast_app(org, kind)
        return app is not None and is_on(app)

    def write(org: Org, on: bool) -> None:
        app = find_cast_app(org, kind)
        if app is not None and is_on(app) != on:
            change(org, app, on)

    return Breakage({"spa": "Web app", "native": "Native app"}[kind], said, read, write)


def with_value(kind: str, said: str, part: Callable[[App], Json], name: str, broken: Any, sound: Any) -> Breakage:
    """One value of the app's JSON is what it must not be."""

    def change(org: Org, app: App, on: bool) -> None:
        part(app)[name] = broken if on else sound

    return of_app(kind, said, lambda app: bool(part(app).get(name) == broken), change)


def without_entry(kind: str, said: str, name: str, find_entry: Callable[[Org], str]) -> Breakage:
    """One entry of a list in the app's OAuth settings is not there."""

    def is_on(org: Org) -> bool:
        app = find_cast_app(org, kind)
        return app is not None and find_entry(org) not in app.oauth[name]

    def write(org: Org, on: bool) -> None:
        app = find_cast_app(org, kind)
        if app is not None and is_on(org) != on:
            entries = [entry for entry in app.oauth[name] if entry != find_entry(org)]
            app.oauth[name] = entries if on else [*entries, find_entry(org)]

    return Breakage({"spa": "Web app", "native": "Native app"}[kind], said, is_on, write)


def assign(org: Org, app: App, off: bool) -> None:
    """Whoever was assigned before is so again; in an org that does not remember, everybody is."""
    if off:
        org.remembered[app.client_id] = (set(app.people), set(app.groups))
        app.people.clear()
        app.groups.clear()
        app.json["settings"]["implicitAssignment"] = False
        return
    people, groups = org.remembered.pop(app.client_id, (set(), set(org.groups)))
    app.people |= people
    app.groups |= groups


def nobody_assigned(app: App) -> bool:
    return not (app.people or app.groups or app.json["settings"].get("implicitAssignment"))


def has_origin(org: Org) -> bool:
    return any(entry["origin"] == org.portal for entry in list(org.origins.values()))


def set_origin(org: Org, off: bool) -> None:
    if off:
        org.origins = {key: entry for key, entry in org.origins.items() if entry["origin"] != org.portal}
    elif not has_origin(org):
        now = format_time(org.clock())
        origin_id = make_id("tos")
        org.origins[origin_id] = {
            "id": origin_id, "name": "POINT", "origin": org.portal, "status": "ACTIVE",
            "scopes": [{"type": "CORS"}, {"type": "REDIRECT"}], "created": now, "lastUpdated": now,
        }


def read_server(org: Org, name: str, broken: str) -> bool:
    return bool(org.servers["default"].json.get(name) == broken) if "default" in org.servers else False


def set_server(org: Org, on: bool, name: str, broken: str, sound: str) -> None:
    if "default" in org.servers:
        org.servers["default"].json[name] = broken if on else sound


def revoke_tokens(org: Org) -> None:
    for person in org.people_by_id.values():
        org.grants.end_of(person.id)


def happen(name: str, work: Callable[[Org], None]) -> tuple[Callable[[Org], bool], Callable[[Org, bool], None]]:
    """Something that happens once, each time it is switched on; switching it off takes nothing back."""

    def write(org: Org, on: bool) -> None:
        if on:
            work(org)
            org.happened.add(name)
        else:
            org.happened.discard(name)

    return lambda org: name in org.happened, write


def without_grant(kind: str, said: str, grant: str) -> Breakage:
    return without_entry(kind, f"the grant of {said} is not ticked", "grant_types", lambda org: grant)


def app_breakages(kind: str, redirect_uri: Callable[[Org], str],
                  sign_out_uri: Callable[[Org], str]) -> dict[str, Breakage]:
    def oauth(app: App) -> Json:
        return app.oauth

    named = {
        "inactive": with_value(kind, "the app is deactivated", lambda app: app.json, "status", "INACTIVE", "ACTIVE"),
        "confidential": with_value(kind, "the app wants a client secret", lambda app: app.credentials,
                                   "token_endpoint_auth_method", "client_secret_basic", "none"),
        "dpop_required": with_value(kind, "the app demands DPoP (Proof of possession)", oauth,
                                    "dpop_bound_access_tokens", True, False),
        "without_authorization_code": without_grant(kind, "the login", "authorization_code"),
        "without_refresh_token": without_grant(kind, "refresh tokens", "refresh_token"),
        "without_interaction_code": without_grant(kind, "the embedded sign-in", "interaction_code"),
        "redirect_uri_removed": without_entry(kind, "the Sign-in redirect URI is not there", "redirect_uris",
                                              redirect_uri),
        "sign_out_uri_removed": without_entry(kind, "the Sign-out redirect URI is not there",
                                              "post_logout_redirect_uris", sign_out_uri),
        "unassigned": of_app(kind, "nobody is assigned to the app", nobody_assigned, assign),
        "issuer_custom_url": with_value(kind, "the app's Issuer is the custom domain (at the org's server)", oauth,
                                        "issuer_mode", "CUSTOM_URL", "DYNAMIC"),
    }
    return {f"{kind}_{name}": breakage for name, breakage in named.items()}


ORG = "Org, authorization server, origins"
TOKENS = "Keys and tokens"


def portal_of(org: Org) -> str:
    return org.portal


BREAKAGES: dict[str, Breakage] = {
    **app_breakages("spa", lambda org: f"{portal_of(org)}/login/callback", portal_of),
    **app_breakages("native", lambda org: f"{NATIVE_SCHEME}:/login", lambda org: f"{NATIVE_SCHEME}:/logout"),
    "origin_removed": Breakage(ORG, "the portal is no trusted origin",
                               lambda org: bool(org.apps) and not has_origin(org), set_origin),
    "authorization_server_inactive": Breakage(
        ORG, "the authorization server default is deactivated",
        lambda org: read_server(org, "status", "INACTIVE"),
        lambda org, on: set_server(org, on, "status", "INACTIVE", "ACTIVE"),
    ),
    "authorization_server_custom_url": Breakage(
        ORG, "the Issuer of the authorization server default is the custom domain",
        lambda org: read_server(org, "issuerMode", "CUSTOM_URL"),
        lambda org, on: set_server(org, on, "issuerMode", "CUSTOM_URL", "DYNAMIC"),
    ),
    "groups_claim_missing": Breakage(
        ORG, "Okta names nobody's groups: no claim at default, no groups claim filter in the apps",
        names_no_groups, lambda org, on: name_groups(org, on=not on),
    ),
    "keys_rotated": Breakage(TOKENS, "the next key signs; once each time it is switched on",
                             *happen("keys_rotated", lambda org: org.rotate_all_keys())),
    "tokens_revoked": Breakage(TOKENS, "all tokens handed out so far are void; once each time it is switched on",
                               *happen("tokens_revoked", revoke_tokens)),
}


def set_breakage(org: Org, name: str, on: bool) -> None:
    with org.lock:
        BREAKAGES[name].set(org, on)


def read_breakages(org: Org) -> dict[str, bool]:
    return {name: breakage.is_on(org) for name, breakage in BREAKAGES.items()}
