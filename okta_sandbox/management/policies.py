"""/api/v1/authorizationServers/{id}/policies and the rules under them."""

from okta_sandbox.directory import AuthorizationServer, Json, format_time, make_id
from okta_sandbox.management.app_rules import GRANTS
from okta_sandbox.management.calls import link, missing, read_body, refuse_invalid, send_list
from okta_sandbox.management.servers import find_server
from okta_sandbox.org import Org
from okta_sandbox.ticks import rule_grants
from okta_sandbox.wire import Answer, SeenRequest, send_json, send_nothing

MINUTES: Json = {
    "accessTokenLifetimeMinutes": 60, "refreshTokenLifetimeMinutes": 0, "refreshTokenWindowMinutes": 10080,
}


def shelf(org: Org, server_id: str, policy_id: str | None) -> tuple[AuthorizationServer, dict[str, Json]]:
    """Where policies lie, or the rules of one policy."""
    server = find_server(org, server_id)
    if policy_id is None:
        return server, server.policies
    if policy_id not in server.policies:
        raise missing(policy_id, "Policy")
    return server, server.rules[policy_id]


def find_entry(entries: dict[str, Json], entry_id: str) -> Json:
    if entry_id not in entries:
        raise missing(entry_id, "Policy" if entry_id.startswith("00p") else "PolicyRule")
    return entries[entry_id]


def show_entry(org: Org, entry: Json, request: SeenRequest, server_id: str, policy_id: str | None) -> Json:
    policies = f"{request.base}/api/v1/authorizationServers/{server_id}/policies"
    here = f"{policies}/{entry['id']}" if policy_id is None else f"{policies}/{policy_id}/rules/{entry['id']}"
    turn = "deactivate" if entry["status"] == "ACTIVE" else "activate"
    links = {"self": link(here, "GET", "PUT", "DELETE"), turn: link(f"{here}/lifecycle/{turn}", "POST")}
    if policy_id is None:
        links["rules"] = link(f"{here}/rules", "GET")
        return {**entry, "_links": links}
    grants = {"grantTypes": {"include": rule_grants(org, entry)}}
    return {**entry, "conditions": {**entry["conditions"], **grants}, "_links": links}


def read_policy_body(body: Json) -> Json:
    clients = ((body.get("conditions") or {}).get("clients") or {}).get("include")
    refuse_invalid("conditions", [] if isinstance(clients, list) else ["conditions: Clients are required."])
    return {
        "type": "OAUTH_AUTHORIZATION_POLICY", "description": str(body.get("description", "")),
        "conditions": {"clients": {"include": clients}},
    }


def read_rule_body(org: Org, body: Json) -> Json:
    conditions = body.get("conditions") or {}
    grants: list[str] = (conditions.get("grantTypes") or {}).get("include") or []
    scopes = (conditions.get("scopes") or {}).get("include", ["*"])
    people = conditions.get("people") or {"groups": {"include": ["EVERYONE"]}}
    refuse_invalid("grantTypes", [] if grants else ["grantTypes: The field cannot be left blank"])
    refuse_invalid("grantTypes", [f"grantTypes: '{one}' is not a grant type." for one in grants if one not in GRANTS])
    if "interaction_code" in grants and not org.settings.interaction_code:
        refuse_invalid("grantTypes", ["grantTypes: 'interaction_code' is not enabled for this organization."])
    token = {**MINUTES, **((body.get("actions") or {}).get("token") or {})}
    refuse_invalid("actions", [f"{name}: must be a number." for name in MINUTES if not isinstance(token[name], int)])
    if not 5 <= token["accessTokenLifetimeMinutes"] <= 1440:
        refuse_invalid("accessTokenLifetimeMinutes", ["accessTokenLifetimeMinutes: must be between 5 and 1440."])
    return {
        "type": "RESOURCE_ACCESS", "actions": {"token": token},
        "conditions": {"people": people, "grantTypes": {"include": grants}, "scopes": {"include": scopes}},
    }


def read_entry_body(org: Org, request: SeenRequest, policy_id: str | None, entries: dict[str, Json],
                    entry_id: str = "") -> Json:
    body = read_body(request)
    name = str(body.get("name", "")).strip()
    refuse_invalid("name", [] if name else ["name: The field cannot be left blank"])
    taken = any(entry["name"] == name and entry["id"] != entry_id for entry in entries.values())
    refuse_invalid("name", ["name: Name already in use."] if taken else [])
    rest = read_policy_body(body) if policy_id is None else read_rule_body(org, body)
    priority = body.get("priority") or entries.get(entry_id, {}).get("priority") or len(entries) + 1
    return {"name": name, "priority": int(priority), "status": body.get("status", "ACTIVE"), **rest}


def list_entries(org: Org, request: SeenRequest, server_id: str, policy_id: str | None = None) -> Answer:
    _, entries = shelf(org, server_id, policy_id)
    ordered = sorted(entries.values(), key=lambda entry: int(entry["priority"]))
    return send_list(request, [show_entry(org, entry, request, server_id, policy_id) for entry in ordered])


def create_entry(org: Org, request: SeenRequest, server_id: str, policy_id: str | None = None) -> Answer:
    server, entries = shelf(org, server_id, policy_id)
    now = format_time(org.clock())
    entry = {"id": make_id("00p" if policy_id is None else "0pr"), "system": False, "created": now, "lastUpdated": now,
             **read_entry_body(org, request, policy_id, entries)}
    with org.lock:
        entries[entry["id"]] = entry
        if policy_id is None:
            server.rules[entry["id"]] = {}
    return send_json(show_entry(org, entry, request, server_id, policy_id), 201)


def read_entry(org: Org, request: SeenRequest, server_id: str, entry_id: str, policy_id: str | None = None) -> Answer:
    _, entries = shelf(org, server_id, policy_id)
    return send_json(show_entry(org, find_entry(entries, entry_id), request, server_id, policy_id))


def replace_entry(org: Org, request: SeenRequest, server_id: str, entry_id: str,
                  policy_id: str | None = None) -> Answer:
    _, entries = shelf(org, server_id, policy_id)
    entry = find_entry(entries, entry_id)
    changed = read_entry_body(org, request, policy_id, entries, entry_id)
    with org.lock:
        entry |= {**changed, "lastUpdated": format_time(org.clock())}
    return send_json(show_entry(org, entry, request, server_id, policy_id))


def switch_entry(org: Org, request: SeenRequest, server_id: str, entry_id: str, turn: str,
                 policy_id: str | None = None) -> Answer:
    _, entries = shelf(org, server_id, policy_id)
    find_entry(entries, entry_id)["status"] = "ACTIVE" if turn == "activate" else "INACTIVE"
    return send_nothing()


def delete_entry(org: Org, request: SeenRequest, server_id: str, entry_id: str, policy_id: str | None = None) -> Answer:
    server, entries = shelf(org, server_id, policy_id)
    find_entry(entries, entry_id)
    with org.lock:
        del entries[entry_id]
        server.rules.pop(entry_id, None)
    return send_nothing()
