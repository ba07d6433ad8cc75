"""The paths of the Management API, each with its methods and its function."""

from okta_sandbox.management import api_tokens, apps, origins, people, policies, servers
from okta_sandbox.wire import Endpoint

APPS, ORIGINS, USERS = "/api/v1/apps", "/api/v1/trustedOrigins", "/api/v1/users"
SERVERS = "/api/v1/authorizationServers"
APP = APPS + "/(?P<app_id>[^/]+)"
ORIGIN = ORIGINS + "/(?P<origin_id>[^/]+)"
USER = USERS + "/(?P<user_id>[^/]+)"
GROUP = "/api/v1/groups/(?P<group_id>[^/]+)"
SERVER = SERVERS + "/(?P<server_id>[^/]+)"
POLICIES = SERVER + "/policies"
RULES = POLICIES + "/(?P<policy_id>[^/]+)/rules"
ENTRY = "/(?P<entry_id>[^/]+)"
TURN = "/lifecycle/(?P<turn>activate|deactivate)"

PATHS: list[tuple[str, str, Endpoint]] = [
    ("GET", APPS, apps.list_apps),
    ("POST", APPS, apps.create_app),
    ("GET", APP, apps.read_app),
    ("PUT", APP, apps.replace_app),
    ("DELETE", APP, apps.delete_app),
    ("POST", APP + TURN, apps.switch_app),
    ("GET", APP + "/groups", apps.list_app_groups),
    ("GET", APP + "/groups/(?P<group_id>[^/]+)", apps.read_app_group),
    ("PUT", APP + "/groups/(?P<group_id>[^/]+)", apps.assign_group),
    ("DELETE", APP + "/groups/(?P<group_id>[^/]+)", apps.unassign_group),
    ("GET", APP + "/users", apps.list_app_users),
    ("POST", APP + "/users", apps.assign_user),
    ("PUT", APP + "/users/(?P<user_id>[^/]+)", apps.assign_user),
    ("DELETE", APP + "/users/(?P<user_id>[^/]+)", apps.unassign_user),
    ("PUT", APP + "/policies/(?P<policy_id>[^/]+)", apps.set_sign_on_policy),
    ("GET", "/api/v1/groups", people.list_groups),
    ("GET", GROUP, people.read_group),
    ("GET", GROUP + "/users", people.list_group_users),
    ("GET", USERS, people.list_users),
    ("POST", USERS, people.create_user),
    ("GET", USERS + "/me", people.read_me),
    ("GET", USER, people.read_user),
    ("POST", USER + TURN, people.switch_user),
    ("DELETE", USER + "/sessions", people.clear_sessions),
    ("GET", ORIGINS, origins.list_origins),
    ("POST", ORIGINS, origins.create_origin),
    ("GET", ORIGIN, origins.read_origin),
    ("PUT", ORIGIN, origins.replace_origin),
    ("DELETE", ORIGIN, origins.delete_origin),
    ("POST", ORIGIN + TURN, origins.switch_origin),
    ("DELETE", "/api/v1/api-tokens/current", api_tokens.revoke_current),
    ("GET", SERVERS, servers.list_servers),
    ("POST", SERVERS, servers.create_server),
    ("GET", SERVER, servers.read_server),
    ("PUT", SERVER, servers.replace_server),
    ("DELETE", SERVER, servers.delete_server),
    ("POST", SERVER + TURN, servers.switch_server),
    ("GET", SERVER + "/credentials/keys", servers.list_keys),
    ("POST", SERVER + "/credentials/lifecycle/keyRotate", servers.rotate_keys),
    *(
        (method, shelf + place, function)
        for shelf in (POLICIES, RULES)
        for method, place, function in (
            ("GET", "", policies.list_entries),
            ("POST", "", policies.create_entry),
            ("GET", ENTRY, policies.read_entry),
            ("PUT", ENTRY, policies.replace_entry),
            ("DELETE", ENTRY, policies.delete_entry),
            ("POST", ENTRY + TURN, policies.switch_entry),
        )
    ),
]
