"""/v1/authorize and the sign-in page."""

from urllib.parse import urlsplit

import pytest

from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.party import CHALLENGE, REDIRECT, SCOPES, VERIFIER, Party, read_query

NO_SCOPE = "One or more scopes are not configured for the authorization server resource."
REFUSED = [
    ({"state": None}, "invalid_request", "The authentication request has an invalid 'state' parameter."),
    ({"state": "a b"}, "invalid_request", "The authentication request has an invalid 'state' parameter."),
    ({"scope": None}, "invalid_scope", "No scopes were requested."),
    ({"scope": "profile"}, "invalid_scope",
     "Requests for ID tokens or access tokens with OpenID scopes require the 'openid' scope."),
    ({"scope": "openid groups"}, "invalid_scope", NO_SCOPE),
    ({"code_challenge": None}, "invalid_request", "PKCE code challenge is required by the application."),
    ({"code_challenge_method": "plain"}, "invalid_request",
     "PKCE code challenge method is not supported. Valid values: [S256]"),
    ({"code_challenge_method": None}, "invalid_request",
     "PKCE code challenge method is not supported. Valid values: [S256]"),
    ({"code_challenge": "short"}, "invalid_request", "PKCE code challenge contains illegal characters."),
    ({"response_type": "token"}, "unsupported_response_type",
     "The response type is not supported by the authorization server. Configured response types: [code]."),
    ({"response_mode": "okta_post_message"}, "unsupported_response_mode",
     "'okta_post_message' response mode cannot be used with the 'code' response type."),
    ({"prompt": "none"}, "login_required", "The client specified not to prompt, but the user is not logged in."),
    ({"prompt": "never"}, "invalid_request", "Invalid value for 'prompt' parameter. Supported values: [none, login,"
     " consent, login consent, enroll_authenticator]"),
    ({"prompt": "none", "max_age": "0"}, "invalid_request",
     "'prompt' parameter must not have the value 'none' for request with 'zero' as max_age."),
    ({"max_age": "-1"}, "invalid_request",
     "Invalid value for 'max_age' parameter. It should be within range 0 - 2^31-1."),
    ({"idp": "0oaOther"}, "invalid_request", "Identity provider is not valid."),
    ({"nonce": ["a", "b"]}, "invalid_request",
     "Duplicate parameter provided in request. Duplicated parameters: [nonce]."),
]


@pytest.mark.parametrize(("changes", "error", "description"), REFUSED)
def test_a_faulty_request_is_redirected_with_oktas_text(
    party: Party, changes: dict[str, str | None], error: str, description: str,
) -> None:
    answer = party.authorize(**changes)
    assert answer.status_code == 302
    assert answer.headers["Content-Length"] == "0"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Location"].startswith(REDIRECT + "?")
    query = read_query(answer.headers["Location"])
    assert (query["error"], query["error_description"]) == (error, description)
    assert "iss" not in query


def test_an_unknown_client_is_shown_a_page(party: Party) -> None:
    answer = party.authorize(client_id="0oaNobody")
    assert answer.status_code == 400
    assert '<h2 id="error-code">Error Code: invalid_client</h2>' in answer.text
    assert "Description: Invalid value for 'client_id' parameter." in answer.text


@pytest.mark.parametrize("uri", [
    None, "https://evil.example/", REDIRECT + "/", "http://localhost:5001/login/callback",
    "http://localhost:5000/Login/callback", REDIRECT + "?x=1", "org.pointapp.point:/login",
])
def test_a_redirect_uri_must_be_registered_to_the_letter(party: Party, uri: str | None) -> None:
    answer = party.authorize(redirect_uri=uri, scope="nonsense")
    assert answer.status_code == 400
    assert "<title>Acme Volunteers - Bad Request</title>" in answer.text
    assert '<h2 id="error-code">Error Code: invalid_request</h2>' in answer.text
    assert ("The 'redirect_uri' parameter must be a Login redirect URI in the client app settings: "
            f"{party.base}/admin/app/oidc_client/instance/{party.client_id}#tab-general</h2>") in answer.text


def test_the_native_app_comes_back_by_its_own_scheme(party: Party) -> None:
    answer = party.authorize(client_id=party.sandbox.client_id("native"), redirect_uri="org.pointapp.point:/login",
                             prompt="none")
    assert answer.headers["Location"].startswith("org.pointapp.point:/login?state=state-1&error=login_required&")


def test_authorize_takes_a_post(party: Party) -> None:
    answer = party.post("authorize", client_id=party.client_id, redirect_uri=REDIRECT, response_type="code",
                        scope=SCOPES, state="s", code_challenge=CHALLENGE, code_challenge_method="S256")
    assert answer.status_code == 200
    assert party.sign_in(answer).headers["Location"].startswith(REDIRECT + "?code=")


def test_an_unknown_server_and_a_missing_licence_are_shown(party: Party) -> None:
    party.endpoints = party.base + "/oauth2/aus1/v1"
    assert "The authorization server id is invalid." in party.authorize().text
    party.sandbox.fault("no_api_access_management")
    assert party.authorize().json()["errorCode"] == "E0000015"


def test_an_app_without_the_code_grant_gets_an_unsupported_response_type(party: Party) -> None:
    party.sandbox.app(party.client_id).grants.remove("authorization_code")
    assert read_query(party.authorize().headers["Location"])["error"] == "unsupported_response_type"


def test_an_app_without_the_refresh_grant_may_not_ask_for_offline_access(party: Party) -> None:
    party.sandbox.app(party.client_id).grants.remove("refresh_token")
    query = read_query(party.authorize().headers["Location"])
    assert (query["error"], query["error_description"]) == ("invalid_scope", NO_SCOPE)
    assert "code" in party.callback(scope="openid")


def test_the_sign_in_page_is_one_plain_form(party: Party) -> None:
    page = party.authorize(login_hint='alice"@acme.example')
    assert "<title>Acme Volunteers - Sign In</title>" in page.text
    assert 'name="identifier" value="alice&quot;@acme.example"' in page.text
    assert 'name="password"' in page.text
    assert "Content-Security-Policy" not in page.headers


@pytest.mark.parametrize(("email", "password"), [
    ("alice@acme.example", "wrong"), ("nobody@acme.example", "demo-okta-password"), ("", ""),
])
def test_a_wrong_password_shows_the_form_again(party: Party, email: str, password: str) -> None:
    answer = party.sign_in(party.authorize(), email, password)
    assert answer.status_code == 200
    assert '<p role="alert">Unable to sign in</p>' in answer.text
    assert party.sign_in(answer).status_code == 302


def test_a_deactivated_person_cannot_sign_in(party: Party) -> None:
    party.sandbox.deactivate("alice@acme.example")
    assert "Unable to sign in" in party.sign_in(party.authorize()).text


def test_signing_in_leads_back_with_code_and_state_and_starts_a_session(party: Party) -> None:
    answer = party.sign_in(party.authorize())
    assert set(read_query(answer.headers["Location"])) == {"code", "state"}
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("okta_sid=")
    assert "HttpOnly; SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert [session.person_id for session in party.sandbox.sessions] == [party.sandbox.person("alice@acme.example").id]


def test_with_a_session_okta_does_not_ask_again(party: Party) -> None:
    party.callback()
    assert "code" in read_query(party.authorize(prompt="none").headers["Location"])
    assert "code" in read_query(party.authorize().headers["Location"])


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_a_fresh_sign_in_can_be_demanded(party: Party, clock: Clock, changes: dict[str, str]) -> None:
    party.callback()
    clock.now += 61
    page = party.authorize(**changes)
    assert page.status_code == 200
    assert "code" in read_query(party.sign_in(page).headers["Location"])
    assert len(party.sandbox.sessions) == 1


def test_a_session_too_old_for_max_age_cannot_go_silent(party: Party, clock: Clock) -> None:
    party.callback()
    clock.now += 61
    query = read_query(party.authorize(prompt="none", max_age="60").headers["Location"])
    assert query["error_description"] == ("The client specified not to prompt, but the client app requires"
                                          " re-authentication or MFA.")


def test_a_session_ends_after_two_idle_hours(party: Party, clock: Clock) -> None:
    party.callback()
    clock.now += 2 * 3600
    assert party.sandbox.sessions == []
    assert party.authorize().status_code == 200


def test_whoever_is_not_assigned_is_sent_back(party: Party) -> None:
    query = party.callback("ben@acme.example")
    assert (query["error"], query["error_description"]) == ("access_denied",
                                                            "User is not assigned to the client application.")
    party.sandbox.assign("ben@acme.example", party.client_id)
    assert "code" in party.callback("ben@acme.example")
    party.sandbox.assign("ben@acme.example", party.client_id, on=False)
    assert "error" in party.callback("ben@acme.example")


def test_a_custom_server_without_a_fitting_rule_refuses(party: Party, org_party: Party) -> None:
    party.sandbox.servers["default"].rules.clear()
    party.sandbox.servers["default"].policies.clear()
    query = party.callback()
    assert query["error"] == "access_denied"
    assert query["error_description"] == ("Policy evaluation failed for this request, please check the policy"
                                          " configurations.")
    assert "code" in org_party.callback()


@pytest.mark.parametrize("conditions", [
    {"grantTypes": {"include": ["interaction_code"]}}, {"scopes": {"include": ["openid"]}},
    {"people": {"groups": {"include": ["00gOther"]}}},
])
def test_a_rule_must_fit_grant_scopes_and_people(party: Party, conditions: dict[str, object]) -> None:
    for rules in party.sandbox.servers["default"].rules.values():
        for rule in rules.values():
            rule["conditions"] |= conditions
    assert party.callback()["error"] == "access_denied"


def test_back_and_sign_in_again_gives_a_second_code(party: Party) -> None:
    page = party.authorize()
    codes = {read_query(party.sign_in(page).headers["Location"])["code"] for _ in range(2)}
    assert len(codes) == 2


def test_a_sign_in_page_goes_stale_after_an_hour(party: Party, clock: Clock) -> None:
    page = party.authorize()
    clock.now += 3601
    query = read_query(party.sign_in(page).headers["Location"])
    assert (query["error"], query["error_description"]) == ("login_required",
                                                            "Request expired, please start over and try again.")


def test_the_answer_can_come_as_fragment_or_as_a_posted_form(party: Party) -> None:
    party.callback()
    fragment = urlsplit(party.authorize(response_mode="fragment").headers["Location"]).fragment
    assert fragment.startswith("code=")
    page = party.authorize(response_mode="form_post")
    assert f'<form method="post" action="{REDIRECT}">' in page.text
    assert 'name="state" value="state-1"' in page.text


def test_a_code_from_the_second_sign_in_works(party: Party) -> None:
    assert party.redeem(party.callback()["code"], code_verifier=VERIFIER).status_code == 200
