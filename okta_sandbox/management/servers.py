"""/api/v1/authorizationServers. The org authorization server is not listed here, as at Okta."""

from okta_sandbox.directory import AuthorizationServer, Json, format_time, make_id
from okta_sandbox.errors import ManagementError
from okta_sandbox.management.calls import link, missing, read_body, refuse_invalid, send_list
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, SeenRequest, send_json, send_nothing

QUARTER = 90 * 86400


def find_server(org: Org, server_id: str) -> AuthorizationServer:
    if not org.settings.api_access_management:
        raise ManagementError("E0000015")
    if server_id not in org.servers or not server_id:
        raise missing(server_id, "AuthorizationServer")
    return org.servers[server_id]


def show_server(org: Org, server: AuthorizationServer, base: str) -> Json:
    here, now = f"{base}/api/v1/authorizationServers/{server.id}", org.clock()
    turn = "deactivate" if server.json["status"] == "ACTIVE" else "activate"
    signing = {"kid": org.ring(server.id).active.kid, "rotationMode": "AUTO", "lastRotated": server.json["created"],
               "nextRotation": format_time(now + QUARTER)}
    return {
        **server.json, "issuer": server.issuer(base), "credentials": {"signing": signing},
        "_links": {
            "rotateKey": link(f"{here}/credentials/lifecycle/keyRotate", "POST"),
            "keys": link(f"{here}/credentials/keys", "GET"), "policies": link(f"{here}/policies", "GET", "POST"),
            "self": link(here, "GET", "DELETE", "PUT"), turn: link(f"{here}/lifecycle/{turn}", "POST"),
        },
    }


def read_server_body(request: SeenRequest) -> Json:
    body = read_body(request)
    refuse_invalid("name", [] if body.get("name") else ["name: The field cannot be left blank"])
    audiences = body.get("audiences")
    one = isinstance(audiences, list) and len(audiences) == 1
    refuse_invalid("audiences", [] if one else ["audiences: Exactly one audience is required."])
    return {"name": str(body["name"]), "description": str(body.get("description", "")), "audiences": audiences,
            "issuerMode": body.get("issuerMode", "DYNAMIC")}


def list_servers(org: Org, request: SeenRequest) -> Answer:
    if not org.settings.api_access_management:
        raise ManagementError("E0000015")
    servers = [server for server in org.servers.values() if not server.is_org]
    return send_list(request, [show_server(org, server, request.base) for server in servers])


def create_server(org: Org, request: SeenRequest) -> Answer:
    if not org.settings.api_access_management:
        raise ManagementError("E0000015")
    body, now, server_id = read_server_body(request), format_time(org.clock()), make_id("aus")
    server = AuthorizationServer(server_id, {
        "id": server_id, **body, "status": "ACTIVE", "created": now, "lastUpdated": now, "default": False,
    })
    with org.lock:
        org.servers[server_id] = server
    return send_json(show_server(org, server, request.base), 201)


def read_server(org: Org, request: SeenRequest, server_id: str) -> Answer:
    return send_json(show_server(org, find_server(org, server_id), request.base))


def replace_server(org: Org, request: SeenRequest, server_id: str) -> Answer:
    server = find_server(org, server_id)
    body = read_server_body(request)
    with org.lock:
        server.json |= {**body, "lastUpdated": format_time(org.clock())}
    return send_json(show_server(org, server, request.base))


def switch_server(org: Org, request: SeenRequest, server_id: str, turn: str) -> Answer:
    find_server(org, server_id).json["status"] = "ACTIVE" if turn == "activate" else "INACTIVE"
    return send_nothing()


def delete_server(org: Org, request: SeenRequest, server_id: str) -> Answer:
    server = find_server(org, server_id)
    if server.json["default"] or server.json["status"] == "ACTIVE":
        raise ManagementError("E0000006")
    with org.lock:
        del org.servers[server_id]
    return send_nothing()


def list_keys(org: Org, request: SeenRequest, server_id: str) -> Answer:
    find_server(org, server_id)
    active, following = org.ring(server_id).published
    return send_json([{**active.jwk, "status": "ACTIVE"}, {**following.jwk, "status": "NEXT"}])


def rotate_keys(org: Org, request: SeenRequest, server_id: str) -> Answer:
    find_server(org, server_id)
    with org.lock:
        org.ring(server_id).rotate()
    return list_keys(org, request, server_id)
