"""Every fault that is listed acts, each in its own way, and the honest sandbox shows none of them."""

from collections.abc import Iterator
from threading import Timer
from typing import Any

import pytest
import requests

from okta_sandbox import RawAnswer, Sandbox, SeenRequest
from okta_sandbox.breakages import BREAKAGES
from okta_sandbox.faults import BAD_ANSWERS, PLACES
from tests.okta_sandbox.conftest import START
from tests.okta_sandbox.party import Party, decode_part
from tests.okta_sandbox.records import look, record

EVERYWHERE = {f"{place}_{name}" for place in PLACES for name in (*BAD_ANSWERS, "429")}
APART = {"interaction_code_off", "slow_everything", "management_rate_limited", "management_origins_500",
         "management_create_lost", "api_token_revoked", *EVERYWHERE}
"""Those show elsewhere than in the life of a login, and have tests of their own."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Party]:
    """One sandbox for all faults: each is switched off again, so the honest record is made once."""
    sandbox = Sandbox(clock=lambda: START)
    with sandbox.serve() as server:
        party = Party(sandbox, server)
        yield party
        party.close()


@pytest.fixture(scope="module")
def honest(shared: Party) -> dict[str, Any]:
    return record(shared)


WHERE = {
    "discovery": "discovery", "organization": "organization", "keys": "keys", "token": "token", "userinfo": "userinfo",
    "logout": "logout", "interact": "interact", "idx": "idx",
}
ELSEWHERE = {
    "no_email_anywhere": {"token", "refresh", "userinfo"}, "email_not_verified": {"token", "refresh", "userinfo"},
    "userinfo_signed_jwt": {"userinfo"}, "refresh_invalid_grant": {"refresh"}, "refresh_no_new_token": {"refresh"},
    "refresh_reused": {"refresh"},
    "refresh_wrong_sub": {"refresh"}, "refresh_wrong_issuer": {"refresh"},
    "classic_engine": {"organization", "interact"},
    "app_without_interaction_code": {"interact"}, "rule_without_interaction_code": {"idx"},
    "email_code_required": {"idx"}, "external_identity_provider": {"idx"},
    "rule_without_authorization_code": {"callback"},
    "offline_access_refused": {"callback"}, "authorize_error_server_error": {"callback"},
}


@pytest.mark.parametrize("name", sorted(set(Sandbox().faults()) - APART - set(BREAKAGES)))
def test_a_fault_acts_where_its_name_says(shared: Party, honest: dict[str, Any], name: str) -> None:
    shared.sandbox.fault(name)
    assert shared.sandbox.faults()[name] is True
    shared.timeout = 5.0
    spoiled = record(shared)
    shared.sandbox.clear_faults()
    assert not any(shared.sandbox.faults().values())
    differing = {place for place in honest if honest[place] != spoiled[place]}
    expected = ELSEWHERE.get(name) or {WHERE.get(name.partition("_")[0], "token")}
    assert expected <= differing


ASKED = {
    "discovery": ("GET", "/.well-known/openid-configuration"),
    "organization": ("GET", "/.well-known/okta-organization"),
    "keys": ("GET", "/oauth2/v1/keys"),
    "token": ("POST", "/oauth2/v1/token"),
    "userinfo": ("GET", "/oauth2/v1/userinfo"),
    "revoke": ("POST", "/oauth2/v1/revoke"),
    "interact": ("POST", "/oauth2/v1/interact"),
    "idx": ("POST", "/idp/idx/introspect"),
    "management": ("GET", "/api/v1/apps"),
}
BAD = {"429": 429, "500": 500, "html": 200, "200_error": 200, "half": "broken", "reset": "reset", "slow": "late",
       "drip": "broken"}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_endpoint_can_be_bad_in_every_way(shared: Party, place: str) -> None:
    assert set(BAD) == {*BAD_ANSWERS, "429"}
    method, path = ASKED[place]

    def ask() -> Any:
        seen = look(lambda: shared.http.request(method, shared.base + path, data={"x": "y"}, timeout=shared.timeout))
        return seen if isinstance(seen, str) else seen[0]

    honest = ask()
    for name, expected in BAD.items():
        shared.timeout = 0.2 if name in ("slow", "drip") else 5.0
        shared.sandbox.fault(f"{place}_{name}")
        assert ask() == expected, name
        shared.sandbox.clear_faults()
    shared.timeout = 5.0
    assert ask() == honest


def test_everything_can_be_slow(party: Party) -> None:
    party.sandbox.fault("slow_everything")
    party.sandbox.delay_ms = 60_000
    party.timeout = 0.1
    for path in ("/.well-known/okta-organization", "/oauth2/v1/keys", "/api/v1/apps"):
        assert look(lambda path=path: party.get(path)) == "late"


@pytest.mark.parametrize(("name", "expected"), [
    ("bad_signature", {"genuine": False, "alg": "RS256", "kid": True}),
    ("alg_none", {"genuine": False, "alg": "none"}),
    ("hs256", {"genuine": False, "alg": "HS256"}),
    ("no_kid", {"kid": ""}),
    ("wrong_nonce", {"nonce": "not-the-nonce-that-was-sent"}),
    ("missing_nonce", {"nonce": None}),
    ("expired_id_token", {"exp": -3600, "iat": -7200}),
    ("stale_id_token", {"exp": 3600, "iat": -7 * 86400}),
    ("wrong_at_hash", {"at_hash": False}),
    ("email_not_verified", {"verified": False}),
])
def test_a_fault_of_the_id_token_changes_just_that(
    shared: Party, honest: dict[str, Any], name: str, expected: dict[str, Any],
) -> None:
    shared.timeout = 5.0
    shared.sandbox.fault(name)
    spoiled = record(shared)["token"]["id_token"]
    shared.sandbox.clear_faults()
    assert {key: spoiled[key] for key in expected} == expected
    assert {key: spoiled[key] for key in ("iss", "aud", "sub")} == {
        key: honest["token"]["id_token"][key] for key in ("iss", "aud", "sub")
    }


def test_a_replaced_key_signs_before_anybody_has_seen_it(party: Party) -> None:
    before = {key["kid"] for key in party.get("/oauth2/default/v1/keys").json()["keys"]}
    party.sandbox.fault("rotate_before_signing")
    kid = decode_part(party.log_in()["id_token"], 0)["kid"]
    assert kid not in before
    assert kid in {key["kid"] for key in party.get("/oauth2/default/v1/keys").json()["keys"]}


def test_an_unknown_kid_is_never_published(party: Party) -> None:
    party.sandbox.fault("unknown_kid")
    kid = decode_part(party.log_in()["id_token"], 0)["kid"]
    assert kid not in {key["kid"] for key in party.get("/oauth2/default/v1/keys").json()["keys"]}


def test_an_email_can_be_missing_from_the_id_token_only(party: Party) -> None:
    party.sandbox.fault("no_email")
    tokens = party.log_in()
    assert "email" not in decode_part(tokens["id_token"], 1)
    assert party.userinfo(tokens["access_token"]).json()["email"] == "alice@acme.example"


@pytest.mark.parametrize(("name", "expected"), [("token_reset", "reset"), ("token_half", "broken")])
def test_the_wire_itself_can_break(party: Party, name: str, expected: str) -> None:
    party.sandbox.fault(name)
    for code in (party.callback()["code"], "a-bogus-code"):
        assert look(lambda code=code: party.redeem(code)) == expected


def test_a_slow_answer_ends_with_the_sandbox(party: Party, sandbox: Sandbox) -> None:
    sandbox.fault("slow_everything")
    sandbox.delay_ms = 60_000
    with sandbox.serve() as other, pytest.raises(requests.ConnectionError):
        Timer(0.1, other.close).start()
        requests.get(f"{other.url}/.well-known/okta-organization", timeout=5)


def test_a_rate_limit_is_oktas_429(party: Party) -> None:
    party.sandbox.fault("rate_limited")
    answer = party.redeem("x")
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "E0000047")
    assert "Retry-After" not in answer.headers
    assert party.get("/sandbox").status_code == 200


def test_an_unknown_fault_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError):
        sandbox.fault("no_such_fault")


def test_any_answer_can_be_taken_over(party: Party) -> None:
    def take_over(request: SeenRequest) -> RawAnswer | None:
        return RawAnswer(200, [("Content-Length", "50")], b"short") if request.path.endswith("/keys") else None

    party.sandbox.answer = take_over
    assert look(lambda: party.get("/oauth2/default/v1/keys")) == "broken"
    assert party.get("/.well-known/okta-organization").status_code == 200


def test_every_request_is_kept(party: Party) -> None:
    party.get("/.well-known/openid-configuration?client_id=a&client_id=b", headers={"X-Mine": "1"})
    party.redeem("a-code")
    seen, posted = party.sandbox.requests
    assert (seen.method, seen.path) == ("GET", "/.well-known/openid-configuration")
    assert seen.query == {"client_id": ["a", "b"]}
    assert seen.headers["x-mine"] == "1"
    assert posted.form["code"] == ["a-code"]
    assert posted.time == party.sandbox.clock()
