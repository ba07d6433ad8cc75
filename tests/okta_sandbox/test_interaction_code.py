"""The token endpoint with an interaction code: what it gives, and every way in which it refuses."""

from typing import Any

import pytest

from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.idx import Embedded, read_code
from tests.okta_sandbox.party import SCOPES, Party, decode_part

ALICE = "alice@acme.example"
BAD_CODE = (400, "invalid_grant", "The interaction code is invalid or has expired.")


def said(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


@pytest.fixture
def code(page: Embedded) -> str:
    return read_code(page.sign_in(ALICE))


def test_it_becomes_tokens_with_the_nonce_of_interact(party: Party, code: str, clock: Clock) -> None:
    answer = party.redeem_interaction_code(code)
    tokens = answer.json()
    assert set(tokens) == {"token_type", "expires_in", "access_token", "scope", "refresh_token", "id_token"}
    assert (tokens["scope"], tokens["expires_in"]) == (SCOPES, 3600)
    claims = decode_part(tokens["id_token"], 1)
    assert claims["nonce"] == "nonce-1"
    assert (claims["iss"], claims["aud"], claims["amr"]) == (party.issuer, party.client_id, ["pwd"])
    assert (claims["sub"], claims["email"]) == (party.sandbox.person(ALICE).id, ALICE)
    assert (claims["idp"], claims["auth_time"]) == (party.sandbox.id, int(clock()))
    assert answer.headers["Cache-Control"] == "no-cache, no-store"


def test_without_a_nonce_there_is_none(party: Party, page: Embedded) -> None:
    tokens = party.redeem_interaction_code(read_code(page.sign_in(ALICE, nonce=None))).json()
    assert "nonce" not in decode_part(tokens["id_token"], 1)


def test_it_works_once(party: Party, code: str) -> None:
    assert party.redeem_interaction_code(code).status_code == 200
    assert said(party.redeem_interaction_code(code)) == BAD_CODE


def test_it_lives_a_minute(party: Party, page: Embedded, code: str, clock: Clock) -> None:
    clock.now += 60
    assert said(party.redeem_interaction_code(code)) == BAD_CODE
    later = read_code(page.sign_in(ALICE))
    clock.now += 59
    assert party.redeem_interaction_code(later).status_code == 200


def test_it_is_no_authorization_code_nor_the_reverse(party: Party, code: str) -> None:
    assert said(party.redeem(code))[2] == "The authorization code is invalid or has expired."
    assert said(party.redeem_interaction_code(party.callback()["code"])) == BAD_CODE


def test_in_the_wrong_hands_it_is_refused_and_not_used_up(party: Party, code: str) -> None:
    native = party.sandbox.client_id("native")
    assert said(party.redeem_interaction_code(code, client_id=native))[2].startswith(
        "The grant was issued to another client.")
    assert said(party.redeem_interaction_code(code, code_verifier=None)) == (
        400, "invalid_request", "PKCE code verifier is required by the application.")
    assert said(party.redeem_interaction_code(code, interaction_code=None)) == (
        400, "invalid_request", "The required parameter 'interaction_code' is missing.")
    assert party.redeem_interaction_code(code).status_code == 200


def test_a_wrong_verifier_uses_it_up(party: Party, code: str) -> None:
    refused = said(party.redeem_interaction_code(code, code_verifier="x" * 43))
    assert refused == (400, "invalid_grant", "PKCE verification failed.")
    assert said(party.redeem_interaction_code(code)) == BAD_CODE


def test_a_redirect_uri_may_come_along(party: Party, code: str) -> None:
    """Okta's JavaScript client sends it, others do not."""
    assert party.redeem_interaction_code(code, redirect_uri="http://localhost:5000/login/callback").status_code == 200


def test_the_grant_may_be_gone_by_then(party: Party, code: str) -> None:
    party.sandbox.app(party.client_id).grants.remove("interaction_code")
    assert said(party.redeem_interaction_code(code)) == (
        400, "unauthorized_client", "The client is not authorized to use the provided grant type. Configured grant"
        " types: [authorization_code, refresh_token].")


def test_the_rule_may_be_gone_by_then(party: Party, code: str) -> None:
    party.sandbox.fault("rule_without_interaction_code")
    assert said(party.redeem_interaction_code(code))[:2] == (401, "access_denied")


def test_the_person_may_be_gone_by_then(party: Party, code: str) -> None:
    party.sandbox.deactivate(ALICE)
    assert said(party.redeem_interaction_code(code)) == BAD_CODE


def test_its_tokens_are_refreshed_and_end_like_all_others(party: Party, code: str, clock: Clock) -> None:
    tokens = party.redeem_interaction_code(code).json()
    refreshed = party.refresh(tokens["refresh_token"]).json()
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert "nonce" not in decode_part(refreshed["id_token"], 1)
    assert party.userinfo(refreshed["access_token"]).json()["email"] == ALICE
    assert party.post("revoke", token=refreshed["refresh_token"], client_id=party.client_id).status_code == 200
    assert party.userinfo(refreshed["access_token"]).status_code == 401
    assert party.refresh(refreshed["refresh_token"]).json()["error"] == "invalid_grant"


def test_faults_of_the_id_token_reach_it_too(party: Party, code: str) -> None:
    party.sandbox.fault("wrong_nonce")
    tokens = party.redeem_interaction_code(code).json()
    assert decode_part(tokens["id_token"], 1)["nonce"] == "not-the-nonce-that-was-sent"


def test_signing_out_takes_its_id_token_as_a_hint(party: Party, code: str) -> None:
    hint = party.redeem_interaction_code(code).json()["id_token"]
    answer = party.log_out(id_token_hint=hint, post_logout_redirect_uri="http://localhost:5000", state="s")
    assert answer.headers["Location"] == "http://localhost:5000?state=s"
