"""/api/v1/trustedOrigins."""

import re

from okta_sandbox.directory import Json, format_time, make_id
from okta_sandbox.management.calls import link, missing, read_body, refuse_invalid, send_list
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, SeenRequest, send_json, send_nothing

ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|[a-z][a-z0-9+.-]*:/{0,2}")
KINDS = ("CORS", "REDIRECT", "IFRAME_EMBED")


def show_origin(entry: Json, base: str) -> Json:
    here = f"{base}/api/v1/trustedOrigins/{entry['id']}"
    turn = "deactivate" if entry["status"] == "ACTIVE" else "activate"
    links = {"self": link(here, "GET", "PUT", "DELETE"), turn: link(f"{here}/lifecycle/{turn}", "POST")}
    return {**entry, "_links": links}


def find_origin(org: Org, origin_id: str) -> Json:
    if origin_id not in org.origins:
        raise missing(origin_id, "TrustedOrigin")
    return org.origins[origin_id]


def read_origin_body(request: SeenRequest) -> Json:
    """An origin has no path, so not even a slash at its end."""
    body = read_body(request)
    origin, scopes = str(body.get("origin", "")), body.get("scopes") or []
    refuse_invalid("name", [] if body.get("name") else ["name: The field cannot be left blank"])
    refuse_invalid("origin", [] if ORIGIN.fullmatch(origin) else ["origin: Invalid Origin."])
    known = [isinstance(scope, dict) and scope.get("type") in KINDS for scope in scopes]
    refuse_invalid("scopes", [] if known and all(known) else [f"scopes: Scopes must be of {list(KINDS)}."])
    return {"name": str(body["name"]), "origin": origin, "scopes": scopes, "status": body.get("status", "ACTIVE")}


def list_origins(org: Org, request: SeenRequest) -> Answer:
    return send_list(request, [show_origin(entry, request.base) for entry in org.origins.values()])


def create_origin(org: Org, request: SeenRequest) -> Answer:
    entry = read_origin_body(request)
    refuse_invalid("origin", ["origin: An object with this field already exists in the current organization"]
                   if any(one["origin"] == entry["origin"] for one in org.origins.values()) else [])
    now = format_time(org.clock())
    created = {"id": make_id("tos"), **entry, "created": now, "lastUpdated": now}
    with org.lock:
        org.origins[created["id"]] = created
    return send_json(show_origin(created, request.base))


def read_origin(org: Org, request: SeenRequest, origin_id: str) -> Answer:
    return send_json(show_origin(find_origin(org, origin_id), request.base))


def replace_origin(org: Org, request: SeenRequest, origin_id: str) -> Answer:
    entry = find_origin(org, origin_id)
    changed = read_origin_body(request)
    with org.lock:
        entry |= {**changed, "lastUpdated": format_time(org.clock())}
    return send_json(show_origin(entry, request.base))


def switch_origin(org: Org, request: SeenRequest, origin_id: str, turn: str) -> Answer:
    entry = find_origin(org, origin_id)
    entry["status"] = "ACTIVE" if turn == "activate" else "INACTIVE"
    return send_json(show_origin(entry, request.base))


def delete_origin(org: Org, request: SeenRequest, origin_id: str) -> Answer:
    find_origin(org, origin_id)
    with org.lock:
        del org.origins[origin_id]
    return send_nothing()
