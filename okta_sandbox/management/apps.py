"""/api/v1/apps: list, create, read, replace, activate, deactivate, delete, and who is assigned."""

from copy import deepcopy

from okta_sandbox.directory import App, Json, format_time, make_id
from okta_sandbox.errors import ManagementError
from okta_sandbox.management.app_rules import add_secret, check_app, complete_app
from okta_sandbox.management.calls import link, missing, read_body, send_list
from okta_sandbox.org import Org
from okta_sandbox.ticks import app_grants
from okta_sandbox.wire import Answer, SeenRequest, first, send_json, send_nothing


def find_app(org: Org, app_id: str) -> App:
    if app_id not in org.apps:
        raise missing(app_id, "AppInstance")
    return org.apps[app_id]


def show_app(org: Org, app: App, base: str, *, secret: bool = False) -> Json:
    """The secret is shown only when it has just been set."""
    shown = deepcopy(app.json)
    shown["settings"]["oauthClient"]["grant_types"] = app_grants(org, app)
    if not secret:
        shown["credentials"]["oauthClient"].pop("client_secret", None)
    here = f"{base}/api/v1/apps/{app.client_id}"
    turn = "deactivate" if app.active else "activate"
    shown["settings"] = {
        "app": {}, "manualProvisioning": False, "emOptInStatus": "NONE", "notes": {"admin": None, "enduser": None},
        **shown["settings"],
    }
    return {
        "id": app.client_id,
        "orn": f"orn:okta:idp:{org.id}:apps:oidc_client:{app.client_id}",
        **shown,
        "accessibility": {"selfService": False, "errorRedirectUrl": None, "loginRedirectUrl": None},
        "visibility": {"autoLaunch": False, "autoSubmitToolbar": False, "hide": {"iOS": True, "web": True},
                       "appLinks": {"oidc_client_link": True}},
        "features": [],
        "universalLogout": {"status": "DISABLED", "supportType": "FULL", "identityStack": "NOT_SHARED",
                            "protocol": "GLOBAL_TOKEN_REVOCATION"},
        "_links": {
            "policies": link(f"{here}/policies", "PUT"), "groups": {"href": f"{here}/groups"},
            "users": {"href": f"{here}/users"}, turn: {"href": f"{here}/lifecycle/{turn}"},
        },
    }


def list_apps(org: Org, request: SeenRequest) -> Answer:
    start = first(request.query, "q").lower()
    wanted = first(request.query, "filter")
    apps = [app for app in list(org.apps.values()) if app.json["label"].lower().startswith(start)]
    for status in ("ACTIVE", "INACTIVE"):
        if f'status eq "{status}"' in wanted:
            apps = [app for app in apps if app.json["status"] == status]
    return send_list(request, [show_app(org, app, request.base) for app in apps])


def create_app(org: Org, request: SeenRequest) -> Answer:
    completed = complete_app(read_body(request))
    check_app(org, completed)
    now = format_time(org.clock())
    status = "INACTIVE" if first(request.query, "activate") == "false" else "ACTIVE"
    client_id = make_id("0oa")
    add_secret(completed, client_id, None)
    app = App({"id": client_id, "status": status, "lastUpdated": now, "created": now, **completed})
    with org.lock:
        org.apps[client_id] = app
    return send_json(show_app(org, app, request.base, secret=True))


def read_app(org: Org, request: SeenRequest, app_id: str) -> Answer:
    return send_json(show_app(org, find_app(org, app_id), request.base))


def replace_app(org: Org, request: SeenRequest, app_id: str) -> Answer:
    app = find_app(org, app_id)
    completed = complete_app(read_body(request))
    check_app(org, completed)
    add_secret(completed, app.client_id, app.credentials.get("client_secret"))
    with org.lock:
        app.json = {**app.json, **completed, "lastUpdated": format_time(org.clock())}
    return send_json(show_app(org, app, request.base, secret=True))


def switch_app(org: Org, request: SeenRequest, app_id: str, turn: str) -> Answer:
    app = find_app(org, app_id)
    app.json["status"] = "ACTIVE" if turn == "activate" else "INACTIVE"
    return send_json({})


def delete_app(org: Org, request: SeenRequest, app_id: str) -> Answer:
    if find_app(org, app_id).active:
        raise ManagementError("E0000056", causes=("The application must be deactivated before deletion.",))
    with org.lock:
        del org.apps[app_id]
    return send_nothing()


def show_assignment(org: Org, request: SeenRequest, app_id: str, identifier: str, kind: str) -> Json:
    here = f"{request.base}/api/v1/apps/{app_id}/{kind}/{identifier}"
    return {
        "id": identifier, "priority": 0, "lastUpdated": format_time(org.clock()), "profile": {},
        "_links": {"app": {"href": f"{request.base}/api/v1/apps/{app_id}"}, "self": link(here, "GET", "PUT", "DELETE")},
    }


def list_app_groups(org: Org, request: SeenRequest, app_id: str) -> Answer:
    groups = sorted(find_app(org, app_id).groups)
    return send_list(request, [show_assignment(org, request, app_id, group_id, "groups") for group_id in groups])


def assign_group(org: Org, request: SeenRequest, app_id: str, group_id: str) -> Answer:
    app = find_app(org, app_id)
    if group_id not in org.groups:
        raise missing(group_id, "UserGroup")
    with org.lock:
        app.groups.add(group_id)
    return send_json(show_assignment(org, request, app_id, group_id, "groups"))


def read_app_group(org: Org, request: SeenRequest, app_id: str, group_id: str) -> Answer:
    if group_id not in find_app(org, app_id).groups:
        raise missing(group_id, "ApplicationGroupAssignment")
    return send_json(show_assignment(org, request, app_id, group_id, "groups"))


def unassign_group(org: Org, request: SeenRequest, app_id: str, group_id: str) -> Answer:
    read_app_group(org, request, app_id, group_id)
    with org.lock:
        find_app(org, app_id).groups.discard(group_id)
    return send_nothing()


def list_app_users(org: Org, request: SeenRequest, app_id: str) -> Answer:
    app = find_app(org, app_id)
    people = [one for one in list(org.people_by_id.values()) if app.assigned(one, org.groups_of(one))]
    return send_list(request, [show_assignment(org, request, app_id, one.id, "users") for one in people])


def assign_user(org: Org, request: SeenRequest, app_id: str, user_id: str = "") -> Answer:
    app = find_app(org, app_id)
    person_id = user_id or str(read_body(request).get("id", ""))
    if person_id not in org.people_by_id:
        raise missing(person_id, "User")
    with org.lock:
        app.people.add(person_id)
    return send_json(show_assignment(org, request, app_id, person_id, "users"))


def unassign_user(org: Org, request: SeenRequest, app_id: str, user_id: str) -> Answer:
    app = find_app(org, app_id)
    if user_id not in app.people:
        raise missing(user_id, "AppUser")
    with org.lock:
        app.people.discard(user_id)
    return send_nothing()


def set_sign_on_policy(org: Org, request: SeenRequest, app_id: str, policy_id: str) -> Answer:
    """Accepted and without effect: everybody here signs in with a password."""
    find_app(org, app_id)
    return send_nothing()
