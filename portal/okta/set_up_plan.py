"""What has to exist in an Okta for POINT, as its Management API writes it, and how what is there differs from that.

The guide's own names and boxes (facts 6). Only ever adds: whatever somebody else has entered stays. Asks nobody.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from portal.okta.management import Json

Kind = Literal["spa", "native"]
KINDS: tuple[Kind, ...] = ("spa", "native")
LABELS: dict[str, str] = {"spa": "POINT SPA Integration", "native": "POINT Native App Integration"}
APPLICATION_TYPES = {"spa": "browser", "native": "native"}
NAME = "POINT"  # of the access policy and its rule
ORIGIN_NAME = "POINT Dash"
EVERYONE = "Everyone"
GRANTS = ("authorization_code", "refresh_token", "interaction_code")
INTERACTION_CODE = "interaction_code"
SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_RULE_GRANTS = ("authorization_code", INTERACTION_CODE)

# The lists in which something may be missing, as paths; by the kind of thing.
Lists = tuple[str, ...]
APP_LISTS: Lists = tuple(
    f"settings.oauthClient.{name}"
    for name in ("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types")
)
ORIGIN_LISTS: Lists = ("scopes",)
POLICY_LISTS: Lists = ("conditions.clients.include",)
RULE_LISTS: Lists = ("conditions.grantTypes.include", "conditions.people.groups.include", "conditions.scopes.include")
Added = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Okta sends people back, by kind of app, and the origin of our pages."""

    redirect_uris: Mapping[str, str]
    sign_out_uris: Mapping[str, str]
    origin: str


def app_body(kind: Kind, addresses: Addresses) -> Json:
    """The app that the guide has its reader create: public, with PKCE and without a secret. A browser's refresh tokens
    rotate with 30 s of leeway, a phone's stay the same, as Okta's own console has it (facts 3.4).
    """
    rotation = {"rotation_type": "ROTATE", "leeway": 30} if kind == "spa" else {"rotation_type": "STATIC"}
    return {
        "name": "oidc_client",
        "label": LABELS[kind],
        "signOnMode": "OPENID_CONNECT",
        "credentials": {
            "oauthClient": {"token_endpoint_auth_method": "none", "pkce_required": True, "autoKeyRotation": True}
        },
        "settings": {
            "oauthClient": {
                "application_type": APPLICATION_TYPES[kind],
                "redirect_uris": [addresses.redirect_uris[kind]],
                "post_logout_redirect_uris": [addresses.sign_out_uris[kind]],
                "response_types": ["code"],
                "grant_types": list(GRANTS),
                "refresh_token": rotation,
                "issuer_mode": "DYNAMIC",
                "consent_method": "TRUSTED",
                "idp_initiated_login": {"mode": "DISABLED", "default_scope": []},
                "wildcard_redirect": "DISABLED",
                "dpop_bound_access_tokens": False,
            }
        },
    }


def origin_body(addresses: Addresses) -> Json:
    """The trusted origin: scripts of our pages may call, and redirects may lead back."""
    scopes = [{"type": "CORS"}, {"type": "REDIRECT"}]
    return {"name": ORIGIN_NAME, "origin": addresses.origin, "scopes": scopes, "status": "ACTIVE"}


def policy_body(client_ids: Sequence[str]) -> Json:
    """An access policy for our apps alone. It comes first, and no other app is touched by it."""
    return {
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "name": NAME,
        "description": "Logging in to POINT",
        "priority": 1,
        "status": "ACTIVE",
        "conditions": {"clients": {"include": list(client_ids)}},
    }


def rule_body() -> Json:
    """Its one rule: everyone, any scope, both ways to sign in; refresh tokens end after 7 days without use."""
    lifetimes = {
        "accessTokenLifetimeMinutes": 60,
        "refreshTokenLifetimeMinutes": 0,
        "refreshTokenWindowMinutes": 10080,
    }
    return {
        "type": "RESOURCE_ACCESS",
        "name": NAME,
        "priority": 1,
        "status": "ACTIVE",
        "conditions": {
            "people": {"groups": {"include": ["EVERYONE"]}},
            "grantTypes": {"include": list(_RULE_GRANTS)},
            "scopes": {"include": ["*"]},
        },
        "actions": {"token": lifetimes},
    }


def without_interaction_code(body: Json) -> Json:
    """The same where the grant is switched off for the whole org."""
    changed = copy.deepcopy(body)
    for path in (*APP_LISTS, *RULE_LISTS):
        if INTERACTION_CODE in (found := _list_at(changed, path)):
            found.remove(INTERACTION_CODE)
    return changed


def grants_of(body: Json) -> list[Any]:
    """The grants that are ticked in this app or rule."""
    return [*_list_at(body, "settings.oauthClient.grant_types"), *_list_at(body, "conditions.grantTypes.include")]


def is_ours_to_use(app: Json, kind: Kind) -> bool:
    """Whether this is a public app of that kind at all; one with a client secret would be the wrong one."""
    oauth, credentials = _part(app, "settings", "oauthClient"), _part(app, "credentials", "oauthClient")
    return (
        app.get("signOnMode") == "OPENID_CONNECT"
        and oauth.get("application_type") == APPLICATION_TYPES[kind]
        and credentials.get("token_endpoint_auth_method") == "none"
    )


def pick_app(apps: Iterable[Json], kind: Kind, addresses: Addresses) -> Json | None:
    """The app among these that was made for POINT: ours by its label, and it sends people back to us."""
    for app in apps:
        back = addresses.redirect_uris[kind] in _list_at(app, "settings.oauthClient.redirect_uris")
        if back and str(app.get("label", "")).startswith(NAME) and is_ours_to_use(app, kind):
            return app
    return None


def pick_origin(origins: Iterable[Json], addresses: Addresses) -> Json | None:
    """The entry for our origin."""
    wanted = addresses.origin.lower()
    return next((one for one in origins if str(one.get("origin", "")).lower().rstrip("/") == wanted), None)


def pick_named(entries: Iterable[Json], known_id: str) -> Json | None:
    """The policy or rule that we know by its id, else the one that has our name."""
    listed = list(entries)
    by_id = (one for one in listed if known_id and one.get("id") == known_id)
    return next(by_id, next((one for one in listed if one.get("name") == NAME), None))


def covers(policy: Json, client_id: str) -> bool:
    """Whether an access policy is for this client."""
    clients = _list_at(policy, "conditions.clients.include")
    return policy.get("status") == "ACTIVE" and ("ALL_CLIENTS" in clients or client_id in clients)


def lets_through(rule: Json, *, everyone_id: str, interaction_code: bool) -> bool:
    """Whether a rule lets everyone in, in both ways (without Interaction Code where the org has none)."""
    people, grants = _part(rule, "conditions", "people"), set(_list_at(rule, "conditions.grantTypes.include"))
    groups, scopes = set(_list_at(people, "groups.include")), set(_list_at(rule, "conditions.scopes.include"))
    excluded = [*_list_at(people, "groups.exclude"), *_list_at(people, "users.exclude")]
    needed = set(_RULE_GRANTS) if interaction_code else {"authorization_code"}
    return (
        rule.get("status") == "ACTIVE"
        and bool(groups & {"EVERYONE", everyone_id})
        and not excluded
        and grants >= needed
        and ("*" in scopes or scopes >= SCOPES)
    )


def missing(found: Json, wanted: Json, lists: Lists) -> Added:
    """What `wanted` has in these lists and `found` has not. A policy for all clients lacks none."""
    lacking: Added = {}
    for path in lists:
        known = [_name_of(item) for item in _list_at(found, path)]
        if "ALL_CLIENTS" in known:
            continue
        if items := [item for item in _list_at(wanted, path) if _name_of(item) not in known]:
            lacking[path] = items
    return lacking


def add(found: Json, added: Added) -> Json:
    """`found` with `added` in its lists."""
    changed = copy.deepcopy(found)
    for path, items in added.items():
        _list_at(changed, path, make=True).extend(copy.deepcopy(items))
    return changed


def take_back(found: Json, added: Added) -> Json:
    """`found` without what was added; what is gone already stays gone."""
    changed = copy.deepcopy(found)
    for path, items in added.items():
        names, here = [_name_of(item) for item in items], _list_at(changed, path)
        here[:] = [item for item in here if _name_of(item) not in names]
    return changed


def join(first: Added, second: Added) -> Added:
    """Both, each item once."""
    joined = copy.deepcopy(first)
    for path, items in second.items():
        known = joined.setdefault(path, [])
        known += [item for item in items if item not in known]
    return joined


def _name_of(item: Any) -> Any:
    """A trusted origin's kinds are objects that may carry more than their type."""
    return item.get("type") if isinstance(item, dict) else item


def _part(parent: Json, *names: str) -> Json:
    for name in names:
        child = parent.get(name)
        parent = child if isinstance(child, dict) else {}
    return parent


def _list_at(parent: Json, path: str, *, make: bool = False) -> list[Any]:
    """The list at a path; an empty one of its own where there is none, unless `make` puts it there."""
    *names, last = path.split(".")
    if make:
        for name in names:
            parent = parent.setdefault(name, {})
        found: list[Any] = parent.setdefault(last, [])
        return found
    at = _part(parent, *names).get(last)
    return at if isinstance(at, list) else []
