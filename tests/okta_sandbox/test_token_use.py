"""userinfo, introspect, revoke and logout."""

from base64 import b64encode

import pytest

from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.party import Party

HOME = "http://localhost:5000"


def test_userinfo_gives_what_the_scopes_allow(party: Party) -> None:
    claims = party.userinfo(party.log_in()["access_token"]).json()
    assert claims["sub"] == party.sandbox.person("alice@acme.example").id
    assert (claims["given_name"], claims["email"], claims["email_verified"]) == ("Alice", "alice@acme.example", True)
    assert set(party.userinfo(party.log_in(scope="openid")["access_token"]).json()) == {"sub"}


@pytest.mark.parametrize("token", ["bogus", ""])
def test_userinfo_refuses_with_a_challenge(party: Party, token: str) -> None:
    answer = party.userinfo(token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer error=")


def test_an_access_token_is_good_for_an_hour_and_at_its_own_server(
    party: Party, org_party: Party, clock: Clock,
) -> None:
    token = party.log_in()["access_token"]
    assert org_party.userinfo(token).status_code == 401
    clock.now += 3600
    assert 'error_description="The token has expired."' in party.userinfo(token).headers["WWW-Authenticate"]


def test_introspection_tells_about_both_kinds_of_tokens(party: Party) -> None:
    tokens = party.log_in()
    access = party.post("introspect", token=tokens["access_token"], client_id=party.client_id).json()
    assert access["active"] is True
    assert (access["username"], access["client_id"], access["iss"]) == ("alice@acme.example", party.client_id,
                                                                        party.issuer)
    assert party.post("introspect", token=tokens["refresh_token"], client_id=party.client_id).json()["active"] is True
    assert party.post("introspect", token="bogus", client_id=party.client_id).json() == {"active": False}


def test_revoking_an_access_token_leaves_the_refresh_token_alone(party: Party) -> None:
    tokens = party.log_in()
    answer = party.post("revoke", token=tokens["access_token"], client_id=party.client_id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.refresh(tokens["refresh_token"]).status_code == 200


def test_revoking_a_refresh_token_takes_its_access_tokens_along(party: Party) -> None:
    tokens = party.log_in()
    party.post("revoke", token=tokens["refresh_token"], client_id=party.client_id)
    assert party.refresh(tokens["refresh_token"]).status_code == 400
    assert party.userinfo(tokens["access_token"]).status_code == 401


def test_revoke_accepts_a_basic_header_without_colon(party: Party) -> None:
    tokens = party.log_in()
    basic = b64encode(party.client_id.encode()).decode()
    answer = party.post("revoke", headers={"Authorization": f"Basic {basic}"}, token=tokens["access_token"])
    assert answer.status_code == 200
    assert party.userinfo(tokens["access_token"]).status_code == 401


def test_revoke_says_nothing_about_unknown_tokens(party: Party) -> None:
    assert party.post("revoke", token="bogus", client_id=party.client_id).status_code == 200
    assert party.post("revoke", client_id=party.client_id).json()["error_description"] == (
        "The 'token' parameter is required.")
    assert party.post("revoke", token="x", client_id="0oaNobody").status_code == 401


def test_logging_out_ends_the_session_and_leads_back(party: Party) -> None:
    id_token = party.log_in()["id_token"]
    answer = party.log_out(id_token_hint=id_token, post_logout_redirect_uri=HOME, state="bye")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{HOME}?state=bye")
    assert party.sandbox.sessions == []
    assert party.authorize().status_code == 200


def test_an_expired_hint_and_one_of_a_retired_key_are_as_good(party: Party, clock: Clock) -> None:
    id_token = party.log_in()["id_token"]
    clock.now += 86400
    party.sandbox.rotate_keys()
    party.sandbox.rotate_keys()
    answer = party.log_out(id_token_hint=id_token, post_logout_redirect_uri=HOME)
    assert (answer.status_code, answer.headers["Location"]) == (302, HOME)


def test_a_forged_hint_is_not(party: Party) -> None:
    tokens = party.log_in()
    content, _, signature = tokens["id_token"].rpartition(".")
    for hint in (f"{content}.{'A' * len(signature)}", "junk", tokens["access_token"]):
        answer = party.log_out(id_token_hint=hint, post_logout_redirect_uri=HOME)
        assert answer.status_code == 400
    assert len(party.sandbox.sessions) == 1


def test_logging_out_without_a_hint_is_refused(party: Party) -> None:
    assert "Invalid value for 'client_id' parameter." in party.log_out(post_logout_redirect_uri=HOME).text
    answer = party.log_out(client_id=party.client_id, post_logout_redirect_uri=HOME)
    assert answer.status_code == 400
    assert "id_token_hint" in answer.text


def test_the_sign_out_address_must_be_registered(party: Party) -> None:
    answer = party.log_out(id_token_hint=party.log_in()["id_token"], post_logout_redirect_uri=HOME + "/")
    assert answer.status_code == 400
    assert "The 'post_logout_redirect_uri' parameter must be a Logout redirect URI in the client app" in answer.text
    assert len(party.sandbox.sessions) == 1


def test_the_hint_must_be_of_whoever_is_signed_in(party: Party) -> None:
    id_token = party.log_in()["id_token"]
    party.callback("olivia@acme.example", prompt="login")
    answer = party.log_out(id_token_hint=id_token, post_logout_redirect_uri=HOME)
    assert answer.status_code == 400
    assert "Error Code: id_token_does_not_match_session" in answer.text


def test_without_an_address_okta_shows_its_own_page(party: Party) -> None:
    answer = party.log_out(id_token_hint=party.log_in()["id_token"])
    assert answer.headers["Location"] == f"{party.base}/login/login.htm"
    assert "Signed out" in party.get("/login/login.htm").text
