"""/api/v1/groups and /api/v1/users."""

from okta_sandbox.directory import Json, Person, format_time, make_id
from okta_sandbox.management.calls import link, missing, read_body, refuse_invalid, send_list
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, SeenRequest, first, send_json, send_nothing


def show_group(org: Org, group: Json, base: str) -> Json:
    here = f"{base}/api/v1/groups/{group['id']}"
    return {**group, "_links": {"users": {"href": f"{here}/users"}, "apps": {"href": f"{here}/apps"}}}


def list_groups(org: Org, request: SeenRequest) -> Answer:
    start = first(request.query, "q").lower()
    groups = [group for group in org.groups.values() if group["profile"]["name"].lower().startswith(start)]
    return send_list(request, [show_group(org, group, request.base) for group in groups])


def read_group(org: Org, request: SeenRequest, group_id: str) -> Answer:
    if group_id not in org.groups:
        raise missing(group_id, "UserGroup")
    return send_json(show_group(org, org.groups[group_id], request.base))


def list_group_users(org: Org, request: SeenRequest, group_id: str) -> Answer:
    read_group(org, request, group_id)
    return list_users(org, request)


def find_user(org: Org, user_id: str) -> Person:
    """By id or by login, as Okta does."""
    person = org.people_by_id.get(user_id) or org.find_person(user_id)
    if person is None:
        raise missing(user_id, "User")
    return person


def show_user(person: Person, base: str) -> Json:
    created = format_time(person.created)
    here = f"{base}/api/v1/users/{person.id}"
    return {
        "id": person.id, "status": "ACTIVE" if person.active else "DEPROVISIONED", "created": created,
        "activated": created, "statusChanged": created, "lastLogin": None, "lastUpdated": created,
        "passwordChanged": created, "type": {"id": "otySandboxUser000000"},
        "profile": {"firstName": person.given_name, "lastName": person.family_name, "mobilePhone": None,
                    "secondEmail": None, "login": person.email, "email": person.email},
        "credentials": {"password": {}, "provider": {"type": "OKTA", "name": "OKTA"}},
        "_links": {"self": {"href": here}, "deactivate": link(f"{here}/lifecycle/deactivate", "POST")},
    }


def list_users(org: Org, request: SeenRequest) -> Answer:
    start = first(request.query, "q").lower()
    people = [
        one for one in list(org.people_by_id.values())
        if any(text.lower().startswith(start) for text in (one.email, one.given_name, one.family_name))
    ]
    return send_list(request, [show_user(person, request.base) for person in people])


def read_user(org: Org, request: SeenRequest, user_id: str) -> Answer:
    return send_json(show_user(find_user(org, user_id), request.base))


def read_me(org: Org, request: SeenRequest) -> Answer:
    """Whoever created the token of this call; all of them are the first person's here."""
    return send_json(show_user(next(iter(org.people_by_id.values())), request.base))


def create_user(org: Org, request: SeenRequest) -> Answer:
    body = read_body(request)
    profile = body.get("profile") or {}
    email = str(profile.get("login") or profile.get("email") or "").strip().lower()
    refuse_invalid("login", [] if "@" in email else ["login: The field cannot be left blank"])
    refuse_invalid("login", ["login: An object with this field already exists in the current organization"]
                   if org.find_person(email) else [])
    password = ((body.get("credentials") or {}).get("password") or {}).get("value", "")
    person = Person(make_id("00u"), email, str(profile.get("firstName", "")), str(profile.get("lastName", "")),
                    str(password), created=org.clock())
    with org.lock:
        org.people_by_id[person.id] = person
    return send_json(show_user(person, request.base))


def switch_user(org: Org, request: SeenRequest, user_id: str, turn: str) -> Answer:
    """Deactivating ends the person's sessions and voids their tokens."""
    person = find_user(org, user_id)
    with org.lock:
        org.set_active(person, on=turn == "activate")
    return send_json({})


def clear_sessions(org: Org, request: SeenRequest, user_id: str) -> Answer:
    """Tokens stay unless `oauthTokens=true` asks for them to go as well."""
    person = find_user(org, user_id)
    with org.lock:
        org.end_person(person, tokens=first(request.query, "oauthTokens") == "true")
    return send_nothing()
