"""/v1/interact: what it demands, in which order, and Okta's words for each refusal."""

import pytest
import requests

from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.idx import Embedded, find_action
from tests.okta_sandbox.party import REDIRECT, Party

NOT_ENABLED = (
    "The requested feature (Interaction Code flow) isn't enabled in this environment. Ensure that you have Okta"
    " Identity Engine enabled and the Interaction Code flow enabled for this application and authorization server."
)
REDIRECT_TEXT = "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings: "
REFUSED = [
    ({"code_challenge": None}, "invalid_request", "PKCE code challenge is required to use the interaction code flow."),
    ({"code_challenge_method": "plain"}, "invalid_request",
     "PKCE code challenge method is not supported. Valid values: [S256]"),
    ({"code_challenge": "short"}, "invalid_request", "PKCE code challenge contains illegal characters."),
    ({"scope": "openid groups"}, "invalid_scope",
     "One or more scopes are not configured for the authorization server resource."),
    ({"scope": None}, "invalid_scope", "No scopes were requested."),
    ({"nonce": ["a", "b"]}, "invalid_request",
     "Duplicate parameter provided in request. Duplicated parameters: [nonce]."),
]


def said(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_it_gives_a_handle_at_both_kinds_of_server(party: Party, page: Embedded) -> None:
    for one in (page, Embedded(party.base, party.client_id, server="")):
        answer = one.interact()
        assert answer.status_code == 200
        assert set(answer.json()) == {"interaction_handle"}
        assert answer.headers["Cache-Control"] == "no-cache, no-store"
        assert find_action(one.introspect().json(), "identify")


@pytest.mark.parametrize(("changes", "error", "description"), REFUSED)
def test_a_faulty_request_is_refused_in_oktas_words(
    page: Embedded, changes: dict[str, object], error: str, description: str,
) -> None:
    assert said(page.interact(**changes)) == (400, error, description)


@pytest.mark.parametrize("uri", [None, REDIRECT + "/", "https://evil.example/", "org.pointapp.point:/login"])
def test_the_redirect_uri_must_be_registered(party: Party, page: Embedded, uri: str | None) -> None:
    status, error, description = said(page.interact(redirect_uri=uri))
    assert (status, error) == (400, "invalid_request")
    assert description.startswith(REDIRECT_TEXT)
    assert party.client_id in description


def test_an_unknown_client_is_answered_in_management_shape(page: Embedded) -> None:
    answer = page.interact(client_id="0oaNobody")
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "invalid_client")
    assert answer.json()["errorSummary"] == "Invalid value for 'client_id' parameter."


def test_an_inactive_app_is_an_unknown_client(party: Party, page: Embedded) -> None:
    party.sandbox.app(party.client_id).json["status"] = "INACTIVE"
    assert page.interact().json()["errorCode"] == "invalid_client"


def test_a_public_client_has_no_secret(page: Embedded) -> None:
    assert said(page.interact(client_secret="x"))[1] == "invalid_client"


def test_an_unknown_server_is_not_found(party: Party) -> None:
    page = Embedded(party.base, party.client_id, server="aus1")
    assert page.interact().json()["errorCode"] == "E0000007"
    party.sandbox.fault("no_api_access_management")
    assert page.interact().json()["errorCode"] == "E0000015"


def test_only_a_post_will_do(party: Party) -> None:
    assert party.get("/oauth2/default/v1/interact").status_code == 405


@pytest.mark.parametrize("name", ["interaction_code_off", "classic_engine"])
def test_the_org_may_not_have_the_flow(party: Party, page: Embedded, name: str) -> None:
    party.sandbox.fault(name)
    assert said(page.interact(redirect_uri="https://evil.example/")) == (400, "access_denied", NOT_ENABLED)


def test_the_org_setting_takes_the_grant_away_for_good(party: Party, page: Embedded) -> None:
    party.sandbox.fault("interaction_code_off")
    party.sandbox.fault("interaction_code_off", on=False)
    assert said(page.interact()) == (
        400, "unauthorized_client", "The client is not authorized to use the provided grant type. Configured grant"
        " types: [authorization_code, refresh_token].")


def test_an_app_without_the_grant_is_told_which_it_has(party: Party, page: Embedded) -> None:
    party.sandbox.fault("app_without_interaction_code")
    refusal = (400, "unauthorized_client", "The client is not authorized to use the provided grant type. Configured"
               " grant types: [authorization_code, refresh_token].")
    assert said(page.interact()) == refusal
    assert said(party.redeem_interaction_code("any")) == refusal
    shown = party.get(f"/api/v1/apps/{party.client_id}", headers={"Authorization": "SSWS sandbox-token"}).json()
    assert "interaction_code" not in shown["settings"]["oauthClient"]["grant_types"]
    party.sandbox.fault("app_without_interaction_code", on=False)
    assert page.interact().status_code == 200


def test_without_a_rule_the_refusal_comes_at_introspect(party: Party, page: Embedded) -> None:
    party.sandbox.fault("rule_without_interaction_code")
    assert page.interact().status_code == 200
    answer = page.introspect()
    assert answer.status_code == 400
    body = answer.json()
    assert body["messages"]["value"][0]["i18n"]["key"] == "idx.error.code.no_matching_policy"
    assert "remediation" not in body
    assert "code" in party.callback()
    back = party.get(body["failure"]["href"].removeprefix(party.base))
    assert back.headers["Location"].startswith(REDIRECT + "?error=access_denied&error_description=Policy+evaluation")
    assert back.headers["Location"].endswith("&state=state-1")


def test_the_rule_shows_what_is_ticked(party: Party) -> None:
    server = party.sandbox.servers["default"]
    policy_id = next(iter(server.policies))

    def read_grants() -> list[str]:
        path = f"/api/v1/authorizationServers/default/policies/{policy_id}/rules"
        rules = party.get(path, headers={"Authorization": "SSWS sandbox-token"}).json()
        found: list[str] = rules[0]["conditions"]["grantTypes"]["include"]
        return found

    before = read_grants()
    party.sandbox.fault("rule_without_interaction_code")
    assert read_grants() == [grant for grant in before if grant != "interaction_code"]
    party.sandbox.fault("rule_without_interaction_code", on=False)
    assert read_grants() == before


def test_the_org_server_knows_no_rules(party: Party) -> None:
    party.sandbox.fault("rule_without_interaction_code")
    assert find_action(Embedded(party.base, party.client_id, server="").begin(), "identify")


def test_a_handle_lives_an_hour(page: Embedded, clock: Clock) -> None:
    page.interact()
    clock.now += 3599
    assert page.introspect().status_code == 200
    clock.now += 1
    answer = page.introspect()
    assert answer.status_code == 401
    assert answer.json()["messages"]["value"][0]["i18n"]["key"] == "idx.session.expired"
