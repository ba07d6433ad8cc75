"""Okta's own client for browsers, unmodified, signs in to the sandbox: what it finds at Okta it has to find here.

`auth_js.mjs` runs it, once for the SPA at the custom authorization server and once for the native app at the org's own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from okta_sandbox import Sandbox
from tests.needs import need
from tests.okta_sandbox.party import REDIRECT, SCOPES

PACKAGE = Path(__file__).parents[2] / "node_modules" / "@okta" / "okta-auth-js" / "package.json"
SCRIPT = Path(__file__).with_name("auth_js.mjs")
ALICE = "alice@acme.example"
Json = dict[str, Any]


class Client:
    """One of the cast's apps, and what it saw at each sign-in."""

    def __init__(self, kind: str, redirect_uri: str, server: str) -> None:
        sandbox = Sandbox()
        self.kind, self.server, self.client_id = kind, server, sandbox.client_id(kind)
        with sandbox.serve() as served:
            self.issuer = f"{served.url}/oauth2/{server}" if server else served.url
            command = ["node", str(SCRIPT), served.url, self.client_id, redirect_uri, server]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
        assert ran.returncode == 0, ran.stderr
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        self.sign_ins: dict[str, Json] = {line["name"]: line["seen"] for line in lines}

    def saw(self, name: str) -> Json:
        return self.sign_ins[name]


@pytest.fixture(
    scope="module",
    params=[("spa", REDIRECT, "default"), ("native", "org.pointapp.point:/login", "")],
    ids=["spa-at-default", "native-at-org"],
)
def client(request: pytest.FixtureRequest) -> Client:
    need(shutil.which("node"), "Node: sudo apt-get install nodejs npm")
    need(PACKAGE.exists(), "Okta's client for browsers: install Node with npm, then `make node_modules/ready`")
    return Client(*request.param)


def test_it_is_the_version_that_is_pinned(client: Client) -> None:
    pinned = json.loads((PACKAGE.parents[3] / "package.json").read_text())["devDependencies"]
    assert pinned["@okta/okta-auth-js"] == json.loads(PACKAGE.read_text())["version"]


def test_every_sign_in_came_to_its_end(client: Client) -> None:
    assert {name: seen for name, seen in client.sign_ins.items() if "failed" in seen} == {}


def test_a_password_gets_tokens_that_it_believes(client: Client) -> None:
    assert client.saw("in one call") == {
        "email": ALICE, "amr": ["pwd"], "iss": client.issuer, "aud": client.client_id,
        "access": "Bearer", "scopes": SCOPES.split(),
    }  # fmt: skip


def test_after_a_wrong_password_the_right_one_still_does(client: Client) -> None:
    again = {"status": "PENDING", "step": "challenge-authenticator", "messages": ["incorrectPassword"]}
    assert client.saw("a wrong password, then the right one") == {
        "named": "challenge-authenticator", "wrong": again, "right": "SUCCESS",
    }  # fmt: skip


def test_it_finds_its_way_by_the_names_of_forms_and_fields(client: Client) -> None:
    assert client.saw("form by form, as the answers name them") == {
        "named": "challenge-authenticator", "right": "SUCCESS",
    }  # fmt: skip


def test_a_code_by_e_mail_can_be_sent_again_and_only_the_newest_counts(client: Client) -> None:
    stale = {"status": "PENDING", "step": "challenge-authenticator", "messages": ["api.authn.error.PASSCODE_INVALID"]}
    assert client.saw("a code by e-mail") == {
        "asked": "select-authenticator-authenticate", "sent": "challenge-authenticator", "canResend": True,
        "resent": "PENDING", "stale": stale, "done": "SUCCESS", "amr": ["mfa", "otp", "pwd"],
    }  # fmt: skip


def test_the_link_from_the_e_mail_does_as_well(client: Client) -> None:
    assert client.saw("the link from the e-mail") == {"status": "SUCCESS"}


def test_it_comes_back_from_an_external_identity_provider(client: Client) -> None:
    assert client.saw("an external identity provider") == {"email": ALICE, "through": True}


def test_the_refresh_token_is_another_after_a_renewal_where_the_app_rotates_and_dead_once_revoked(
    client: Client,
) -> None:
    assert client.saw("renewed, then revoked") == {
        "email": ALICE, "sameAccess": False, "sameRefresh": client.kind == "native",
        "access": "thrown", "refresh": "invalid_grant",
    }  # fmt: skip


def test_the_id_token_holds_the_nonce_that_it_sent(client: Client) -> None:
    nonces = client.saw("the nonce that was sent")
    assert nonces["got"] == nonces["sent"]
    assert len(nonces["sent"]) == 64


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("an ID token with a wrong signature", "The token signature is not valid"),
        ("an ID token for another client", "The audience [0oaSomebodyElse00000] does not match"),
    ],
)
def test_it_refuses_a_token_that_the_sandbox_has_spoilt(client: Client, name: str, says: str) -> None:
    seen = client.saw(name)
    assert seen["status"] == "thrown"
    assert seen["says"].startswith(says)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a person who is not known", "errors.E0000004"),
        ("a person who is not assigned", "idx.error.user.not.assigned.to.app"),
    ],
)
def test_whom_okta_turns_down_may_try_again(client: Client, name: str, message: str) -> None:
    assert client.saw(name) == {"status": "PENDING", "step": "identify", "messages": [message]}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a client that is not known", "invalid_client"),
        ("an app without the grant", "unauthorized_client"),
        ("the feature off", "access_denied"),
    ],
)
def test_a_set_up_that_is_not_finished_is_named_at_the_start(client: Client, name: str, error: str) -> None:
    assert client.saw(name)["error"] == error


def test_a_policy_without_the_grant_is_named_where_there_are_policies(client: Client) -> None:
    """The org authorization server has none."""
    refused = {"status": "TERMINAL", "messages": ["idx.error.code.no_matching_policy"]}
    goes_on = {"status": "PENDING", "messages": []}
    assert client.saw("a rule without the grant") == (refused if client.server else goes_on)


def test_a_sign_in_can_be_called_off(client: Client) -> None:
    assert client.saw("cancelled") == {"status": "CANCELED"}
