"""The Management API: what an org is set up through."""

from typing import Any

import pytest
import requests

from okta_sandbox import Sandbox
from tests.okta_sandbox.party import Party, read_query

APP = {
    "name": "oidc_client", "label": "POINT Web", "signOnMode": "OPENID_CONNECT",
    "credentials": {"oauthClient": {"token_endpoint_auth_method": "none", "pkce_required": True}},
    "settings": {"oauthClient": {
        "application_type": "browser", "redirect_uris": ["https://dash.pointapp.org/login/callback"],
        "post_logout_redirect_uris": ["https://dash.pointapp.org"], "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token", "interaction_code"],
        "refresh_token": {"rotation_type": "ROTATE", "leeway": 30},
    }},
}
POLICY = {"type": "OAUTH_AUTHORIZATION_POLICY", "name": "Ours", "conditions": {"clients": {"include": ["ALL_CLIENTS"]}}}
RULE = {"type": "RESOURCE_ACCESS", "name": "Everyone", "conditions": {
    "people": {"groups": {"include": ["EVERYONE"]}}, "grantTypes": {"include": ["authorization_code"]},
    "scopes": {"include": ["*"]}}}
POLICIES = "/authorizationServers/default/policies"


class Admin:
    def __init__(self, base: str, authorization: str = "SSWS sandbox-token") -> None:
        self.base = base + "/api/v1"
        self.authorization = authorization

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, self.base + path, json=body, timeout=5,
                                headers={"Authorization": self.authorization})


@pytest.fixture
def admin(party: Party) -> Admin:
    return Admin(party.base)


def with_oauth(**changes: Any) -> dict[str, Any]:
    return {**APP, "settings": {"oauthClient": {**APP["settings"]["oauthClient"], **changes}}}  # type: ignore[index]


def code_of(answer: requests.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
    return answer.status_code, answer.json()["errorCode"]


@pytest.mark.parametrize("authorization", ["SSWS sandbox-token", "SSWSsandbox-token"])
def test_the_token_is_taken_with_and_without_a_blank(party: Party, authorization: str) -> None:
    answer = Admin(party.base, authorization).call("GET", "/groups?q=Every")
    assert [group["profile"]["name"] for group in answer.json()] == ["Everyone"]
    assert answer.json()[0]["type"] == "BUILT_IN"


@pytest.mark.parametrize("authorization", ["", "SSWS wrong", "Bearer sandbox-token", "SSWS "])
def test_a_wrong_token_is_refused(party: Party, authorization: str) -> None:
    assert code_of(Admin(party.base, authorization).call("GET", "/apps")) == (401, "E0000011")


def test_rate_limit_headers_count_down(admin: Admin) -> None:
    left = [int(admin.call("GET", "/groups").headers["x-rate-limit-remaining"]) for _ in range(2)]
    assert left[0] - left[1] == 1
    headers = admin.call("GET", "/apps/none").headers
    assert headers["x-rate-limit-limit"] == "600"
    assert int(headers["x-rate-limit-reset"]) > 1_700_000_000
    assert headers["x-okta-request-id"]


def test_an_app_lives_from_creation_to_deletion(admin: Admin, party: Party) -> None:
    created = admin.call("POST", "/apps", APP)
    assert created.status_code == 200
    app = created.json()
    here = f"/apps/{app['id']}"
    assert app["credentials"]["oauthClient"]["client_id"] == app["id"]
    assert "client_secret" not in app["credentials"]["oauthClient"]
    assert app["settings"]["oauthClient"]["grant_types"] == APP["settings"]["oauthClient"]["grant_types"]  # type: ignore[index]
    assert app["_links"]["deactivate"]["href"].endswith(f"{here}/lifecycle/deactivate")
    changed = admin.call("PUT", here, with_oauth(redirect_uris=["https://other.example/cb"])).json()
    assert changed["settings"]["oauthClient"]["redirect_uris"] == ["https://other.example/cb"]
    assert admin.call("GET", here).json()["created"] == app["created"]
    assert code_of(admin.call("DELETE", here)) == (403, "E0000056")
    assert admin.call("POST", f"{here}/lifecycle/deactivate").json() == {}
    assert party.authorize(client_id=app["id"]).status_code == 400
    assert admin.call("POST", f"{here}/lifecycle/activate").status_code == 200
    admin.call("POST", f"{here}/lifecycle/deactivate")
    assert admin.call("DELETE", here).status_code == 204
    assert code_of(admin.call("GET", here)) == (404, "E0000007")


def test_apps_are_listed_searched_and_paged(admin: Admin) -> None:
    for number in range(3):
        admin.call("POST", "/apps?activate=false", {**APP, "label": f"App {number}"})
    assert [app["label"] for app in admin.call("GET", "/apps?q=App").json()] == ["App 0", "App 1", "App 2"]
    assert len(admin.call("GET", '/apps?filter=status eq "ACTIVE"').json()) == 2
    first = admin.call("GET", "/apps?limit=3")
    assert 'rel="next"' in first.headers["Link"]
    following = first.links["next"]["url"].removeprefix(admin.base)
    assert [app["label"] for app in admin.call("GET", following).json()] == ["App 1", "App 2"]


@pytest.mark.parametrize(("body", "field"), [
    ({**APP, "label": ""}, "label"),
    ({**APP, "signOnMode": "SAML_2_0"}, "signOnMode"),
    ({**APP, "credentials": {"oauthClient": {"token_endpoint_auth_method": "none", "pkce_required": False}}},
     "pkce_required"),
    (with_oauth(redirect_uris=["/relative"]), "redirect_uris"),
    (with_oauth(redirect_uris=["https://x.example/#part"]), "redirect_uris"),
    (with_oauth(redirect_uris=["pointapp:/login"]), "redirect_uris"),
    (with_oauth(redirect_uris=[]), "redirect_uris"),
    (with_oauth(redirect_uris="https://x.example"), "settings"),
    (with_oauth(post_logout_redirect_uris=["nope"]), "post_logout_redirect_uris"),
    (with_oauth(grant_types=["magic"]), "grant_types"),
    (with_oauth(application_type="toaster"), "application_type"),
    (with_oauth(response_types=[]), "response_types"),
    (with_oauth(refresh_token={"rotation_type": "ROTATE", "leeway": 61}), "refresh_token"),
])
def test_a_faulty_app_fails_validation(admin: Admin, body: dict[str, Any], field: str) -> None:
    answer = admin.call("POST", "/apps", body)
    assert code_of(answer) == (400, "E0000001")
    assert answer.json()["errorSummary"] == f"Api validation failed: {field}"
    assert answer.json()["errorCauses"][0]["errorSummary"]


def test_a_body_that_is_no_json_object_is_refused(admin: Admin) -> None:
    for body in (b"{", b"[]"):
        headers = {"Authorization": admin.authorization}
        answer = requests.post(f"{admin.base}/apps", data=body, headers=headers, timeout=5)
        assert code_of(answer) == (400, "E0000003")


def test_a_confidential_app_gets_a_secret_once(admin: Admin) -> None:
    body = {**with_oauth(application_type="web"), "credentials": {"oauthClient": {}}}
    app = admin.call("POST", "/apps", body).json()
    assert app["credentials"]["oauthClient"]["token_endpoint_auth_method"] == "client_secret_basic"
    assert app["credentials"]["oauthClient"]["client_secret"]
    assert "client_secret" not in admin.call("GET", f"/apps/{app['id']}").json()["credentials"]["oauthClient"]


def test_assigning_everyone_lets_everyone_in(admin: Admin, party: Party) -> None:
    group = admin.call("GET", "/groups?q=Everyone").json()[0]["id"]
    here = f"/apps/{party.client_id}/groups/{group}"
    assert "error" in party.callback("ben@acme.example")
    assert admin.call("PUT", here, {}).status_code == 200
    assert "code" in party.callback("ben@acme.example")
    assert [entry["id"] for entry in admin.call("GET", f"/apps/{party.client_id}/groups").json()] == [group]
    assert admin.call("DELETE", here).status_code == 204
    assert code_of(admin.call("GET", here)) == (404, "E0000007")
    assert code_of(admin.call("PUT", f"/apps/{party.client_id}/groups/00gNone", {})) == (404, "E0000007")


def test_taking_one_person_out_of_everyone_keeps_the_others(admin: Admin, party: Party) -> None:
    group = admin.call("GET", "/groups").json()[0]["id"]
    admin.call("PUT", f"/apps/{party.client_id}/groups/{group}", {})
    party.sandbox.assign("alice@acme.example", party.client_id, on=False)
    assert "error" in party.callback("alice@acme.example")
    assert "code" in party.callback("ben@acme.example", prompt="login")


def test_people_can_be_made_assigned_and_deactivated(admin: Admin, party: Party) -> None:
    email = "dora@acme.example"
    body = {"profile": {"firstName": "Dora", "lastName": "D", "login": email, "email": email},
            "credentials": {"password": {"value": "demo-okta-password"}}}
    user = admin.call("POST", "/users?activate=true", body).json()
    assert code_of(admin.call("POST", "/users", body)) == (400, "E0000001")
    assert admin.call("POST", f"/apps/{party.client_id}/users", {"id": user["id"]}).status_code == 200
    assert "code" in party.callback("dora@acme.example")
    assert admin.call("POST", f"/users/{user['id']}/lifecycle/deactivate").status_code == 200
    assert admin.call("GET", "/users/dora@acme.example").json()["status"] == "DEPROVISIONED"
    assert admin.call("DELETE", f"/apps/{party.client_id}/users/{user['id']}").status_code == 204
    assert len(admin.call("GET", "/users").json()) == 4


def test_an_admin_can_clear_a_persons_sessions(admin: Admin, party: Party) -> None:
    tokens = party.log_in()
    person = party.sandbox.person("alice@acme.example")
    assert admin.call("DELETE", f"/users/{person.id}/sessions").status_code == 204
    assert party.sandbox.sessions == []
    assert party.refresh(tokens["refresh_token"]).status_code == 200


def test_a_trusted_origin_lives_from_creation_to_deletion(admin: Admin, party: Party) -> None:
    body = {"name": "Dash", "origin": "https://dash.pointapp.org", "scopes": [{"type": "CORS"}, {"type": "REDIRECT"}]}
    origin = admin.call("POST", "/trustedOrigins", body)
    assert origin.status_code == 200
    here = f"/trustedOrigins/{origin.json()['id']}"
    headers = {"Origin": "https://dash.pointapp.org"}
    assert "refresh token" in party.post("token", headers=headers, grant_type="refresh_token", refresh_token="x",
                                         client_id=party.client_id).json()["error_description"]
    assert admin.call("PUT", here, {**body, "name": "Other"}).json()["name"] == "Other"
    assert admin.call("POST", f"{here}/lifecycle/deactivate").json()["status"] == "INACTIVE"
    assert "whitelisted" in party.post("token", headers=headers, grant_type="refresh_token", refresh_token="x",
                                       client_id=party.client_id).json()["error_description"]
    assert admin.call("DELETE", here).status_code == 204
    assert code_of(admin.call("GET", here)) == (404, "E0000007")


@pytest.mark.parametrize("origin", ["https://dash.pointapp.org/", "dash.pointapp.org", "https://a.example/path", ""])
def test_an_origin_has_no_path(admin: Admin, origin: str) -> None:
    body = {"name": "Dash", "origin": origin, "scopes": [{"type": "CORS"}]}
    assert code_of(admin.call("POST", "/trustedOrigins", body)) == (400, "E0000001")


def test_an_authorization_server_lives_from_creation_to_deletion(admin: Admin, party: Party) -> None:
    created = admin.call("POST", "/authorizationServers", {"name": "Second", "audiences": ["api://second"]})
    assert created.status_code == 201
    server = created.json()
    assert server["issuer"] == f"{party.base}/oauth2/{server['id']}"
    assert server["credentials"]["signing"]["rotationMode"] == "AUTO"
    here = f"/authorizationServers/{server['id']}"
    assert party.get(f"/oauth2/{server['id']}/.well-known/openid-configuration").json()["issuer"] == server["issuer"]
    assert {one["id"] for one in admin.call("GET", "/authorizationServers").json()} == {"default", server["id"]}
    assert code_of(admin.call("DELETE", here)) == (403, "E0000006")
    assert admin.call("POST", f"{here}/lifecycle/deactivate").status_code == 204
    assert party.get(f"/oauth2/{server['id']}/.well-known/openid-configuration").status_code == 404
    assert admin.call("DELETE", here).status_code == 204


def test_keys_can_be_rotated_by_an_admin(admin: Admin) -> None:
    before = admin.call("GET", "/authorizationServers/default/credentials/keys").json()
    after = admin.call("POST", "/authorizationServers/default/credentials/lifecycle/keyRotate", {"use": "sig"}).json()
    assert [key["status"] for key in before] == ["ACTIVE", "NEXT"]
    assert after[0]["kid"] == before[1]["kid"]


def test_without_the_licence_there_are_no_authorization_servers(admin: Admin, party: Party) -> None:
    party.sandbox.settings.api_access_management = False
    assert code_of(admin.call("GET", "/authorizationServers")) == (401, "E0000015")


def test_policies_and_rules_decide_who_gets_in(admin: Admin, party: Party) -> None:
    (old,) = admin.call("GET", POLICIES).json()
    assert admin.call("DELETE", f"{POLICIES}/{old['id']}").status_code == 204
    assert party.callback()["error"] == "access_denied"
    policy = admin.call("POST", POLICIES, POLICY)
    assert policy.status_code == 201
    rules = f"{POLICIES}/{policy.json()['id']}/rules"
    assert party.callback()["error"] == "access_denied"
    rule = admin.call("POST", rules, RULE)
    assert rule.status_code == 201
    assert rule.json()["actions"]["token"]["refreshTokenWindowMinutes"] == 10080
    assert "code" in party.callback()
    here = f"{rules}/{rule.json()['id']}"
    assert admin.call("POST", f"{here}/lifecycle/deactivate").status_code == 204
    assert party.callback()["error"] == "access_denied"
    changed = {**RULE, "conditions": {"grantTypes": {"include": ["interaction_code"]}, "scopes": {"include": ["*"]}}}
    assert admin.call("PUT", here, changed).json()["conditions"]["grantTypes"]["include"] == ["interaction_code"]
    assert admin.call("GET", here).json()["status"] == "ACTIVE"
    assert admin.call("DELETE", here).status_code == 204
    assert admin.call("GET", rules).json() == []


def test_faulty_policies_and_rules_fail_validation(admin: Admin) -> None:
    assert code_of(admin.call("POST", POLICIES, {**POLICY, "conditions": {}})) == (400, "E0000001")
    policy = admin.call("POST", POLICIES, POLICY).json()
    assert code_of(admin.call("POST", POLICIES, POLICY)) == (400, "E0000001")
    rules = f"{POLICIES}/{policy['id']}/rules"
    assert code_of(admin.call("POST", rules, {**RULE, "name": ""})) == (400, "E0000001")
    assert code_of(admin.call("POST", rules, {**RULE, "conditions": {}})) == (400, "E0000001")
    lifetime = {"token": {"accessTokenLifetimeMinutes": 1}}
    assert code_of(admin.call("POST", rules, {**RULE, "actions": lifetime})) == (400, "E0000001")
    assert code_of(admin.call("GET", f"{POLICIES}/00pNone")) == (404, "E0000007")


def test_turning_interaction_code_off_strips_the_grant_for_good(admin: Admin, party: Party) -> None:
    party.sandbox.settings.interaction_code = False
    app = admin.call("GET", f"/apps/{party.client_id}").json()
    assert app["settings"]["oauthClient"]["grant_types"] == ["authorization_code", "refresh_token"]
    assert code_of(admin.call("POST", "/apps", APP)) == (400, "E0000001")
    party.sandbox.settings.interaction_code = True
    (policy,) = admin.call("GET", POLICIES).json()
    (rule,) = admin.call("GET", f"{POLICIES}/{policy['id']}/rules").json()
    assert "interaction_code" not in rule["conditions"]["grantTypes"]["include"]
    assert admin.call("POST", "/apps", APP).status_code == 200


def test_an_empty_org_can_be_set_up_from_nothing() -> None:
    sandbox = Sandbox(empty=True)
    with sandbox.serve() as server:
        admin = Admin(server.url)
        assert admin.call("GET", "/apps").json() == []
        assert admin.call("GET", "/trustedOrigins").json() == []
        assert admin.call("GET", POLICIES).json() == []
        app = admin.call("POST", "/apps", with_oauth(redirect_uris=["http://localhost:5000/login/callback"])).json()
        group = admin.call("GET", "/groups?q=Everyone").json()[0]["id"]
        admin.call("PUT", f"/apps/{app['id']}/groups/{group}", {})
        policy = admin.call("POST", POLICIES, POLICY).json()
        admin.call("POST", f"{POLICIES}/{policy['id']}/rules", RULE)
        party = Party(sandbox, server)
        assert party.log_in("ben@acme.example")["refresh_token"]
        assert read_query(party.authorize(prompt="none").headers["Location"])["code"]
        party.close()
