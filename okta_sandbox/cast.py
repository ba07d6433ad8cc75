"""The people and apps of every demo, and the bare org that `--empty` starts with."""

from okta_sandbox.breakages import NATIVE_SCHEME, set_origin
from okta_sandbox.directory import App, AuthorizationServer, Json, Person, format_time, make_group, make_id
from okta_sandbox.group_claims import name_groups
from okta_sandbox.org import Org

PASSWORD = "demo-okta-password"
EVERYONE = "Everyone"
ADMINS = "POINT admins"
SPA = "POINT SPA Integration"
NATIVE = "POINT Native App Integration"
GRANTS = ("authorization_code", "refresh_token", "interaction_code")


def fill_bare(org: Org) -> None:
    """The group Everyone, the people, and a `default` authorization server without a policy."""
    now = org.clock()
    group_id = make_id("00g")
    org.groups[group_id] = make_group(group_id, EVERYONE, now, built_in=True)
    for given_name, family_name in (("Olivia", "Owner"), ("Alice", "Andersson"), ("Ben", "Becker")):
        email = f"{given_name.lower()}@acme.example"
        person = Person(make_id("00u"), email, given_name, family_name, PASSWORD, created=now)
        org.people_by_id[person.id] = person
    org.servers["default"] = make_default_server(now)


def make_default_server(now: float) -> AuthorizationServer:
    return AuthorizationServer("default", {
        "id": "default", "name": "default", "description": "Default Authorization Server for your Applications",
        "audiences": ["api://default"], "issuerMode": "DYNAMIC", "status": "ACTIVE", "created": format_time(now),
        "lastUpdated": format_time(now), "default": True,
    })


def fill_cast(org: Org) -> None:
    fill_bare(org)
    spa = make_app(SPA, "browser", f"{org.portal}/login/callback", org.portal, org.clock())
    native = make_app(NATIVE, "native", f"{NATIVE_SCHEME}:/login", f"{NATIVE_SCHEME}:/logout", org.clock())
    for app in (spa, native):
        org.apps[app.client_id] = app
        app.people |= {one.id for one in org.people_by_id.values() if not one.email.startswith("ben@")}
    set_origin(org, off=False)
    allow_grants(org.servers["default"], org.clock())
    # Nobody is in it, so that every token is what it was; putting Alice in takes one button of the sandbox's page.
    group_id = make_id("00g")
    org.groups[group_id] = make_group(group_id, ADMINS, org.clock())
    name_groups(org, on=True)


def make_app(label: str, kind: str, redirect_uri: str, sign_out_uri: str, now: float) -> App:
    """An app as the Admin Console makes it: a browser's refresh tokens rotate, a native app's stay the same."""
    client_id = make_id("0oa")
    rotation: Json = {"rotation_type": "ROTATE", "leeway": 30} if kind == "browser" else {"rotation_type": "STATIC"}
    return App({
        "id": client_id, "name": "oidc_client", "label": label, "status": "ACTIVE", "created": format_time(now),
        "lastUpdated": format_time(now), "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {
            "autoKeyRotation": True, "client_id": client_id, "token_endpoint_auth_method": "none",
            "pkce_required": True,
        }},
        "settings": {"implicitAssignment": False, "oauthClient": {
            "redirect_uris": [redirect_uri], "post_logout_redirect_uris": [sign_out_uri], "response_types": ["code"],
            "grant_types": list(GRANTS), "application_type": kind, "consent_method": "TRUSTED",
            "issuer_mode": "DYNAMIC", "refresh_token": rotation, "wildcard_redirect": "DISABLED",
            "idp_initiated_login": {"mode": "DISABLED", "default_scope": []}, "dpop_bound_access_tokens": False,
        }},
    })


def allow_grants(server: AuthorizationServer, now: float) -> None:
    """An access policy for all clients, with one rule for everyone."""
    policy_id, rule_id = make_id("00p"), make_id("0pr")
    stamp: Json = {"status": "ACTIVE", "priority": 1, "created": format_time(now), "lastUpdated": format_time(now),
                   "system": False}
    server.policies[policy_id] = {
        **stamp, "id": policy_id, "name": "POINT", "description": "Logging in to POINT",
        "conditions": {"clients": {"include": ["ALL_CLIENTS"]}}, "type": "OAUTH_AUTHORIZATION_POLICY",
    }
    server.rules[policy_id] = {rule_id: {
        **stamp, "id": rule_id, "name": "Everyone", "type": "RESOURCE_ACCESS",
        "conditions": {
            "people": {"users": {"include": [], "exclude": []}, "groups": {"include": ["EVERYONE"], "exclude": []}},
            "grantTypes": {"include": list(GRANTS)}, "scopes": {"include": ["*"]},
        },
        "actions": {"token": {
            "accessTokenLifetimeMinutes": 60, "refreshTokenLifetimeMinutes": 0, "refreshTokenWindowMinutes": 10080,
        }},
    }}
