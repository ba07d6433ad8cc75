"""Every breakage undoes one step in the directory, under its name, and switching it off mends exactly that."""

import json
from typing import Any

import pytest

from okta_sandbox import Sandbox
from okta_sandbox.breakages import BREAKAGES
from okta_sandbox.state import dump_org
from tests.okta_sandbox.party import Party, decode_part

EVENTS = {"keys_rotated", "tokens_revoked"}
LASTING = sorted(set(BREAKAGES) - EVENTS)


def dump(sandbox: Sandbox) -> Any:
    """The directory, without what a new origin gets anew."""
    kept = {name: part for name, part in json.loads(json.dumps(dump_org(sandbox))).items() if name != "rings"}
    for app in kept["apps"]:
        app["json"]["settings"]["oauthClient"]["grant_types"].sort()
    kept["origins"] = [{**entry, "id": ""} for entry in kept["origins"].values()]
    return kept


@pytest.mark.parametrize("name", LASTING)
def test_a_breakage_changes_the_org_and_is_mended_by_switching_it_off(name: str) -> None:
    sandbox = Sandbox(clock=lambda: 1_800_000_000.0)
    before = dump(sandbox)
    sandbox.fault(name)
    assert [one for one, on in sandbox.faults().items() if on] == [name]
    broken = dump(sandbox)
    assert broken != before
    sandbox.fault(name)
    assert dump(sandbox) == broken
    sandbox.fault(name, on=False)
    assert not any(sandbox.faults().values())
    assert dump(sandbox) == before


@pytest.mark.parametrize("name", sorted(BREAKAGES))
def test_an_org_that_is_not_set_up_can_be_switched_about(name: str) -> None:
    sandbox = Sandbox(empty=True)
    sandbox.fault(name)
    sandbox.fault(name, on=False)
    sandbox.fault(name, on=False)
    assert sandbox.faults()[name] is False


@pytest.mark.parametrize("name", sorted(BREAKAGES))
def test_a_breakage_is_switched_over_http(party: Party, name: str) -> None:
    for on in (True, False):
        answer = party.http.put(f"{party.base}/sandbox/faults/{name}", json={"on": on}, timeout=5)
        assert answer.json() == {"name": name, "on": on}


def management(party: Party, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"SSWS {party.sandbox.token}"}
    answer = party.http.request(method, f"{party.base}/api/v1/{path}", json=body, headers=headers, timeout=5)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def test_the_management_api_shows_what_is_broken_and_mends_it(party: Party) -> None:
    party.sandbox.fault("spa_redirect_uri_removed")
    app = management(party, "GET", f"apps/{party.client_id}")
    uris = app["settings"]["oauthClient"]["redirect_uris"]
    assert uris == []
    uris.append("http://localhost:5000/login/callback")
    management(party, "PUT", f"apps/{party.client_id}", app)
    assert party.sandbox.faults()["spa_redirect_uri_removed"] is False


def test_what_the_management_api_takes_away_is_a_breakage_under_its_name(party: Party) -> None:
    management(party, "POST", f"apps/{party.client_id}/lifecycle/deactivate")
    origin = management(party, "GET", "trustedOrigins")[0]
    management(party, "DELETE", f"trustedOrigins/{origin['id']}")
    assert [name for name, on in party.sandbox.faults().items() if on] == ["spa_inactive", "origin_removed"]


def test_rotated_keys_sign_and_revoked_tokens_are_void_as_often_as_it_is_switched_on(party: Party) -> None:
    tokens = party.log_in()
    for _ in range(2):
        following = party.sandbox.keys().next.kid
        party.sandbox.fault("keys_rotated", on=False)
        party.sandbox.fault("keys_rotated")
        assert party.sandbox.keys().active.kid == following
    party.sandbox.fault("tokens_revoked")
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.refresh(party.log_in()["refresh_token"]).status_code == 200


def test_a_custom_issuer_is_in_metadata_and_tokens_alike(party: Party, org_party: Party) -> None:
    for one, name, query in (
        (org_party, "spa_issuer_custom_url", f"?client_id={org_party.client_id}"),
        (party, "authorization_server_custom_url", ""),
    ):
        one.sandbox.fault(name)
        path = one.issuer.removeprefix(one.base)
        issuer = one.get(f"{path}/.well-known/openid-configuration{query}").json()["issuer"]
        assert issuer == f"http://id.acme.example{path}"
        assert decode_part(one.log_in()["id_token"], 1)["iss"] == issuer
        one.sandbox.fault(name, on=False)
        assert decode_part(one.log_in()["id_token"], 1)["iss"] == one.issuer


def test_without_its_rule_nobody_gets_a_code(party: Party) -> None:
    party.sandbox.fault("rule_without_authorization_code")
    assert party.callback()["error"] == "access_denied"


def test_a_revoked_api_token_gets_nothing(party: Party) -> None:
    party.sandbox.fault("api_token_revoked")
    answer = party.get("/api/v1/apps", headers={"Authorization": f"SSWS {party.sandbox.token}"})
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "E0000011")
    party.callback()
