"""/v1/token: what it gives, and every way in which it refuses."""

import hashlib
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.party import SCOPES, Party, decode_part


def said(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


DEAD = (400, "invalid_grant", "The refresh token is invalid or expired.")
BAD_CODE = (400, "invalid_grant", "The authorization code is invalid or has expired.")


def test_a_code_becomes_tokens(party: Party) -> None:
    answer = party.redeem(party.callback()["code"])
    tokens = answer.json()
    assert set(tokens) == {"token_type", "expires_in", "access_token", "scope", "refresh_token", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 3600, SCOPES)
    assert answer.headers["Cache-Control"] == "no-cache, no-store"


def test_the_id_token_is_oktas(party: Party, clock: Clock) -> None:
    tokens = party.log_in()
    keys = KeySet.import_key_set(party.get("/oauth2/default/v1/keys").json())
    assert jws.deserialize_compact(tokens["id_token"], keys, algorithms=["RS256"])
    assert set(decode_part(tokens["id_token"], 0)) == {"kid", "alg"}
    claims = decode_part(tokens["id_token"], 1)
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims.pop("jti").startswith("ID.")
    assert claims == {
        "sub": party.sandbox.person("alice@acme.example").id, "ver": 1, "iss": party.issuer, "aud": party.client_id,
        "iat": int(clock()), "exp": int(clock()) + 3600, "amr": ["pwd"], "idp": party.sandbox.id,
        "auth_time": int(clock()), "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(), "nonce": "nonce-1",
        "name": "Alice Andersson", "preferred_username": "alice@acme.example", "email": "alice@acme.example",
        "email_verified": True,
    }


def test_scopes_decide_the_claims(party: Party) -> None:
    claims = decode_part(party.log_in(scope="openid")["id_token"], 1)
    assert not {"name", "email", "preferred_username"} & set(claims)


def test_the_access_token_of_a_custom_server_can_be_read(party: Party, org_party: Party) -> None:
    custom, own = party.log_in()["access_token"], org_party.log_in()["access_token"]
    claims = decode_part(custom, 1)
    assert (claims["aud"], claims["sub"], claims["cid"]) == ("api://default", "alice@acme.example", party.client_id)
    assert claims["scp"] == SCOPES.split()
    assert "typ" not in decode_part(custom, 0)
    assert decode_part(own, 0)["typ"] == "application/okta-internal-at+jwt"


def test_without_offline_access_there_is_no_refresh_token(party: Party) -> None:
    assert "refresh_token" not in party.log_in(scope="openid email")


def test_a_code_works_once(party: Party) -> None:
    code = party.callback()["code"]
    assert party.redeem(code).status_code == 200
    assert said(party.redeem(code)) == BAD_CODE


def test_a_code_lives_five_minutes(party: Party, clock: Clock) -> None:
    code = party.callback()["code"]
    clock.now += 300
    assert said(party.redeem(code)) == BAD_CODE


def test_a_code_in_the_wrong_hands_is_refused_and_not_used_up(party: Party, org_party: Party) -> None:
    code = party.callback()["code"]
    native = party.redeem(code, client_id=party.sandbox.client_id("native"))
    assert said(native) == (400, "invalid_grant", "The grant was issued to another client. Please make sure the"
                            " 'client_id' matches the one used at the authorize request.")
    assert said(org_party.redeem(code))[2] == "The grant was issued for another authorization server."
    assert said(party.redeem(code, redirect_uri="http://localhost:5000/"))[2] == (
        "The 'redirect_uri' does not match the redirection URI used in the authorization request.")
    assert said(party.redeem(code, code_verifier=None))[2] == "PKCE code verifier is required by the application."
    assert party.redeem(code).status_code == 200


def test_a_wrong_verifier_uses_the_code_up(party: Party) -> None:
    code = party.callback()["code"]
    assert said(party.redeem(code, code_verifier="x" * 43)) == (400, "invalid_grant", "PKCE verification failed.")
    assert said(party.redeem(code)) == BAD_CODE


def test_an_unknown_client_is_answered_in_management_shape(party: Party) -> None:
    answer = party.redeem("bogus", client_id="0oaNobody")
    assert answer.status_code == 401
    assert set(answer.json()) == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
    assert answer.json()["errorSummary"] == "Invalid value for 'client_id' parameter."


def test_an_inactive_app_is_an_unknown_client(party: Party) -> None:
    party.sandbox.app(party.client_id).json["status"] = "INACTIVE"
    assert party.redeem("bogus").json()["errorCode"] == "invalid_client"


@pytest.mark.parametrize(("form", "expected"), [
    ({"client_id": None}, (401, "invalid_client", "No client credentials found.")),
    ({"client_secret": "x"}, (401, "invalid_client", "Client authentication failed. Either the client or the client"
                              " credentials are invalid.")),
    ({"grant_type": None}, (400, "invalid_request", "The token request must specify a 'grant_type'. Valid values:"
                            " [authorization_code, refresh_token, interaction_code]")),
    ({"grant_type": "password"}, (400, "unsupported_grant_type", "The authorization grant type is not supported by the"
                                  " authorization server. Configured grant types: [authorization_code, refresh_token,"
                                  " interaction_code].")),
    ({"code": None}, (400, "invalid_request", "The required parameter 'code' is missing.")),
    ({"code": ["a", "b"]}, (400, "invalid_request", "Duplicate parameter provided in request. Duplicated parameters:"
                            " [code].")),
    ({"grant_type": "interaction_code", "interaction_code": "x"},
     (400, "invalid_grant", "The interaction code is invalid or has expired.")),
])
def test_faulty_token_requests(party: Party, form: dict[str, Any], expected: tuple[int, str, str]) -> None:
    assert said(party.redeem("bogus", **form)) == expected


def test_a_grant_that_is_not_ticked_is_refused_with_the_list(party: Party) -> None:
    party.sandbox.app(party.client_id).grants.remove("refresh_token")
    assert said(party.refresh("bogus")) == (
        400, "unauthorized_client", "The client is not authorized to use the provided grant type. Configured grant"
        " types: [authorization_code, interaction_code].")


def test_an_app_that_demands_dpop_is_of_no_use_to_a_plain_client(party: Party) -> None:
    party.sandbox.app(party.client_id).oauth["dpop_bound_access_tokens"] = True
    assert said(party.redeem("x")) == (400, "invalid_dpop_proof", "The DPoP proof JWT header is missing.")


def test_credentials_do_not_belong_in_the_query(party: Party) -> None:
    answer = party.http.post(f"{party.endpoints}/token?client_id={party.client_id}", data={}, timeout=5)
    assert said(answer) == (400, "invalid_request", "Client credentials cannot be supplied via query parameters.")


def test_a_page_may_call_only_from_a_known_origin(party: Party) -> None:
    code = party.callback()["code"]
    form = {"grant_type": "refresh_token", "client_id": party.client_id, "refresh_token": "bogus", "code": code}
    refused = party.post("token", headers={"Origin": "https://evil.example"}, **form)
    assert said(refused)[2] == ("Browser requests to the token endpoint must be part of at least one whitelisted"
                                " redirect_uri.")
    assert said(party.post("token", headers={"Origin": "http://localhost:5000"}, **form)) == DEAD
    preflight = party.http.options(f"{party.endpoints}/token", headers={"Origin": "https://evil.example"}, timeout=5)
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://evil.example"


def test_a_confidential_app_needs_its_secret(party: Party) -> None:
    credentials = party.sandbox.app(party.client_id).credentials
    credentials |= {"token_endpoint_auth_method": "client_secret_basic", "client_secret": "hush"}
    assert said(party.redeem("x"))[2] == "No client credentials found."
    assert said(party.redeem("x", client_secret="no"))[2] == (
        "The client secret supplied for a confidential client is invalid.")
    basic = b64encode(f"{party.client_id}:hush".encode()).decode()
    answer = party.post("token", headers={"Authorization": f"Basic {basic}"}, grant_type="authorization_code", code="x")
    assert said(answer) == BAD_CODE


def test_a_spa_refresh_token_rotates(party: Party) -> None:
    first = party.log_in()
    second = party.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    old, new = (decode_part(tokens["id_token"], 1) for tokens in (first, second))
    assert (old["sub"], old["auth_time"]) == (new["sub"], new["auth_time"])
    assert "nonce" not in new


def test_inside_the_leeway_the_old_token_leads_to_the_same_successor(party: Party, clock: Clock) -> None:
    first = party.log_in()["refresh_token"]
    successor = party.refresh(first).json()["refresh_token"]
    clock.now += 29
    assert party.refresh(first).json()["refresh_token"] == successor
    assert party.refresh(successor).status_code == 200


def test_reuse_after_the_leeway_ends_everything_since_the_sign_in(party: Party, clock: Clock) -> None:
    first = party.log_in()
    second = party.refresh(first["refresh_token"]).json()
    clock.now += 30
    assert said(party.refresh(first["refresh_token"])) == DEAD
    assert said(party.refresh(second["refresh_token"])) == DEAD
    assert party.userinfo(second["access_token"]).status_code == 401
    assert party.userinfo(first["access_token"]).status_code == 401


def test_a_leeway_of_zero_forgives_nothing(party: Party) -> None:
    party.sandbox.app(party.client_id).oauth["refresh_token"]["leeway"] = 0
    first = party.log_in()["refresh_token"]
    party.refresh(first)
    assert said(party.refresh(first)) == DEAD


def test_a_native_refresh_token_stays_the_same(party: Party, clock: Clock) -> None:
    party.client_id = party.sandbox.client_id("native")
    code = party.callback(redirect_uri="org.pointapp.point:/login")["code"]
    tokens = party.redeem(code, redirect_uri="org.pointapp.point:/login").json()
    for _ in range(3):
        clock.now += 3600
        assert party.refresh(tokens["refresh_token"]).json()["refresh_token"] == tokens["refresh_token"]


def test_an_unused_refresh_token_dies_after_seven_days(party: Party, clock: Clock) -> None:
    token = party.log_in()["refresh_token"]
    clock.now += 7 * 86400
    assert said(party.refresh(token)) == DEAD


def test_rotation_keeps_the_absolute_expiry(party: Party, clock: Clock) -> None:
    (rules,) = party.sandbox.servers["default"].rules.values()
    for rule in rules.values():
        rule["actions"]["token"]["refreshTokenLifetimeMinutes"] = 60
    token = party.log_in()["refresh_token"]
    clock.now += 3599
    token = party.refresh(token).json()["refresh_token"]
    clock.now += 1
    assert said(party.refresh(token)) == DEAD


def test_a_refresh_may_ask_for_less_but_not_for_more(party: Party) -> None:
    token = party.log_in(scope="openid offline_access")["refresh_token"]
    assert said(party.refresh(token, scope="openid email"))[2] == (
        "Some of the scopes requested for the refresh request were not granted in the original authorize request."
        " Denied scopes: email.")
    assert party.refresh(token, scope="openid").json()["scope"] == "openid"


def test_a_refresh_is_judged_anew(party: Party) -> None:
    token = party.log_in()["refresh_token"]
    party.sandbox.assign("alice@acme.example", party.client_id, on=False)
    assert said(party.refresh(token)) == (400, "access_denied", "User is not assigned to the client application.")
    party.sandbox.assign("alice@acme.example", party.client_id)
    party.sandbox.servers["default"].policies.clear()
    assert said(party.refresh(token))[:2] == (401, "access_denied")


def test_deactivating_a_person_voids_all_they_have(party: Party) -> None:
    tokens = party.log_in()
    party.sandbox.deactivate("alice@acme.example")
    assert said(party.refresh(tokens["refresh_token"])) == DEAD
    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.sandbox.sessions == []


def test_another_client_cannot_use_a_refresh_token(party: Party) -> None:
    token = party.log_in()["refresh_token"]
    answer = party.refresh(token, client_id=party.sandbox.client_id("native"))
    assert said(answer)[1] == "invalid_grant"
    assert party.refresh(token).status_code == 200


def test_changed_claims_are_in_tokens_and_userinfo(party: Party) -> None:
    party.sandbox.set_claims("alice@acme.example", {"email": "new@acme.example", "name": None})
    tokens = party.log_in()
    for claims in (decode_part(tokens["id_token"], 1), party.userinfo(tokens["access_token"]).json()):
        assert claims["email"] == "new@acme.example"
        assert "name" not in claims


def test_a_forger_can_take_over_the_signing(party: Party) -> None:
    party.sandbox.forge = lambda header, claims, signer: signer.encode({**header, "typ": "x"}, {**claims, "amr": []})
    token = party.log_in()["id_token"]
    assert decode_part(token, 0)["typ"] == "x"
    assert decode_part(token, 1)["amr"] == []
