"""Tokens bound to a key of the phone (RFC 9449), through the calls: of no use to whoever has the tokens alone."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from native_bridge.client.dpop import make_key, prove
from tests.native_bridge.steps import Phone, said
from tests.okta_sandbox.party import decode_part
from tests.world import World


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


class Keyed(Phone):
    """A phone whose every call is signed; `key` None signs nothing."""

    def __init__(self, world: World, email: str = "alice@acme.example") -> None:
        super().__init__(world, email)
        self.key: dict[str, Any] | None = make_key()
        self.nonce = ""

    def signed(self, method: str, path: str, body: Any = None, *, token: str = "") -> requests.Response:
        """One call with a proof, and once more with the nonce that it got."""
        for _ in range(2):
            url = f"{self.world.base}/native/v1{path}"
            proof = prove(self.key or {}, method=method, url=url, access_token=token, nonce=self.nonce)
            headers = {"DPoP": proof} | ({"Authorization": f"DPoP {token}"} if token else {})
            answer = self.call(method, path, body, headers=headers)
            self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
            if answer.ok or answer.json()["reason"] != "use_dpop_nonce":
                break
        return answer

    def log_in_with_key(self) -> None:
        body = {"deep_link": self.come_back(), "code_verifier": self.verifier}
        answer = self.signed("POST", "/login/complete", body)
        assert answer.status_code == 200
        self.tokens = answer.json()


@pytest.fixture
def phone(world: World) -> Keyed:
    phone = Keyed(world)
    phone.log_in_with_key()
    return phone


def test_a_login_with_a_proof_gives_tokens_that_name_the_key(phone: Keyed) -> None:
    assert phone.tokens["token_type"] == "DPoP"
    assert set(decode_part(phone.tokens["access_token"], 1)["cnf"]) == {"jkt"}
    answer = phone.signed("GET", "/me", token=phone.tokens["access_token"])
    assert answer.json()["user"]["email"] == "alice@acme.example"


def test_the_first_proof_is_told_which_nonce_to_use(world: World) -> None:
    phone = Keyed(world)
    proof = prove(phone.key or {}, method="POST", url=f"{world.base}/native/v1/login/complete")
    body = {"deep_link": phone.come_back(), "code_verifier": phone.verifier}
    answer = phone.call("POST", "/login/complete", body, headers={"DPoP": proof})
    assert said(answer) == (401, "proof_refused", "use_dpop_nonce")
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="use_dpop_nonce"')
    assert answer.headers["DPoP-Nonce"]
    assert phone.signed("POST", "/login/complete", body).status_code == 200


def test_without_the_key_the_access_token_is_nothing(phone: Keyed) -> None:
    token = phone.tokens["access_token"]
    assert said(phone.ask("GET", "/me")) == (401, "token_refused", "token_type")
    alone = phone.call("GET", "/me", headers={"Authorization": f"DPoP {token}"})
    assert said(alone) == (401, "proof_refused", "proof_missing")
    phone.key = make_key()
    assert said(phone.signed("GET", "/me", token=token)) == (401, "proof_refused", "proof_other_key")


def test_a_refresh_keeps_the_key(phone: Keyed) -> None:
    answer = phone.signed("POST", "/token", {"refresh_token": phone.tokens["refresh_token"]})
    assert answer.json()["token_type"] == "DPoP"
    before, after = (decode_part(each["access_token"], 1)["cnf"] for each in (phone.tokens, answer.json()))
    assert before == after
    assert phone.signed("GET", "/me", token=answer.json()["access_token"]).status_code == 200


@pytest.mark.parametrize("stolen", [False, True], ids=["fresh", "used a moment ago"])
def test_without_the_key_the_refresh_token_is_nothing_and_the_login_goes_on(phone: Keyed, stolen: bool) -> None:
    body, own = {"refresh_token": phone.tokens["refresh_token"]}, phone.key
    if stolen:
        assert phone.signed("POST", "/token", body).status_code == 200
    assert said(phone.call("POST", "/token", body)) == (401, "proof_refused", "proof_missing")
    phone.key = make_key()
    assert said(phone.signed("POST", "/token", body)) == (401, "proof_refused", "proof_other_key")
    phone.key = own
    assert phone.signed("POST", "/token", body).status_code == 200


def test_a_key_alone_makes_no_bound_token_of_a_bearer_s(world: World) -> None:
    phone = Keyed(world)
    phone.log_in()
    answer = phone.signed("POST", "/token", {"refresh_token": phone.tokens["refresh_token"]})
    assert answer.json()["token_type"] == "Bearer"
    assert said(phone.signed("GET", "/me", token=answer.json()["access_token"])) == (401, "token_refused", "token_type")


def test_a_logout_wants_the_key_too(phone: Keyed) -> None:
    token = phone.tokens["access_token"]
    assert said(phone.log_out()) == (401, "token_refused", "token_type")
    assert phone.signed("POST", "/logout", {"okta": True}, token=token).json()["logout_url"]
    assert said(phone.signed("GET", "/me", token=token)) == (401, "token_refused", "logout")
