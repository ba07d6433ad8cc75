"""API tokens and rate limits of the Management API: who may do what, until when, and how often."""

import pytest
import requests

from okta_sandbox.directory import ApiToken
from tests.okta_sandbox.conftest import START, Clock
from tests.okta_sandbox.party import Party
from tests.okta_sandbox.test_management import APP, Admin, code_of

ORIGIN = {"name": "Dash", "origin": "https://dash.pointapp.org", "scopes": [{"type": "CORS"}]}


def admin(party: Party, token: str) -> Admin:
    return Admin(party.base, f"SSWS {token}")


@pytest.mark.parametrize("token", ["sandbox-token-expired", "sandbox-token-", "other", "sandbox-tokenX"])
def test_a_token_that_is_none_is_refused_everywhere(party: Party, token: str) -> None:
    for path in ("/apps", "/users/me", "/groups"):
        assert code_of(admin(party, token).call("GET", path)) == (401, "E0000011")


def test_a_token_expires(party: Party, clock: Clock) -> None:
    party.sandbox.api_tokens["mine"] = ApiToken(until=START + 60)
    assert admin(party, "mine").call("GET", "/apps").status_code == 200
    clock.now += 60
    assert code_of(admin(party, "mine").call("GET", "/apps")) == (401, "E0000011")


def test_a_token_tells_whose_it_is(party: Party) -> None:
    for token in ("sandbox-token", "sandbox-token-read-only", "sandbox-token-apps-only"):
        assert admin(party, token).call("GET", "/users/me").json()["profile"]["login"] == "olivia@acme.example"


def test_a_token_may_do_what_its_person_may_do(party: Party) -> None:
    reader, apps = admin(party, "sandbox-token-read-only"), admin(party, "sandbox-token-apps-only")
    assert reader.call("GET", "/trustedOrigins").status_code == 200
    assert code_of(reader.call("POST", "/apps", APP)) == (403, "E0000006")
    assert code_of(reader.call("POST", "/trustedOrigins", ORIGIN)) == (403, "E0000006")
    assert apps.call("POST", "/apps", APP).status_code == 200
    assert code_of(apps.call("GET", "/trustedOrigins")) == (403, "E0000006")
    assert code_of(apps.call("GET", "/authorizationServers/default")) == (403, "E0000006")
    assert admin(party, "sandbox-token-short-lived").call("POST", "/trustedOrigins", ORIGIN).status_code == 200


def test_a_token_revokes_itself_and_no_other(party: Party) -> None:
    assert admin(party, "sandbox-token-short-lived").call("DELETE", "/api-tokens/current").status_code == 204
    assert code_of(admin(party, "sandbox-token-short-lived").call("GET", "/apps")) == (401, "E0000011")
    assert code_of(admin(party, "sandbox-token").call("DELETE", "/api-tokens/current")) == (403, "E0000006")
    assert admin(party, "sandbox-token").call("GET", "/apps").status_code == 200


def test_the_rate_limit_ends_with_its_window(party: Party, clock: Clock) -> None:
    party.sandbox.fault("management_rate_limited")
    root = admin(party, "sandbox-token")
    answers = [root.call("GET", "/groups") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert code_of(answers[-1]) == (429, "E0000047")
    assert "Retry-After" not in answers[-1].headers
    assert [int(answer.headers["x-rate-limit-remaining"]) for answer in answers] == [5, 4, 3, 2, 1, 0, 0]
    reset = int(answers[-1].headers["x-rate-limit-reset"])
    assert 0 < reset - clock.now <= 4
    clock.now = float(reset)
    assert root.call("GET", "/groups").status_code == 200


def test_an_answer_can_be_lost_after_something_was_created(party: Party) -> None:
    party.sandbox.fault("management_create_lost")
    with pytest.raises(requests.ConnectionError):
        admin(party, "sandbox-token").call("POST", "/trustedOrigins", ORIGIN)
    assert [one["origin"] for one in party.sandbox.origins.values()][-1] == ORIGIN["origin"]
    assert admin(party, "sandbox-token").call("GET", "/trustedOrigins").status_code == 200


def test_trusted_origins_alone_can_fail(party: Party) -> None:
    party.sandbox.fault("management_origins_500")
    assert code_of(admin(party, "sandbox-token").call("GET", "/trustedOrigins")) == (500, "E0000009")
    assert admin(party, "sandbox-token").call("GET", "/apps").status_code == 200
