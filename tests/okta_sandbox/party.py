"""A relying party and a browser in one: just enough of a client to ask the sandbox for everything it has."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from okta_sandbox import Sandbox, Server

VERIFIER = "a-code-verifier-of-more-than-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://localhost:5000/login/callback"
PASSWORD = "demo-okta-password"
SCOPES = "openid profile email offline_access"


def decode_part(token: str, part: int) -> dict[str, Any]:
    text = token.split(".")[part]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return value


def read_query(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


class Party:
    def __init__(self, sandbox: Sandbox, server: Server, path: str = "/oauth2/default") -> None:
        self.sandbox = sandbox
        self.base = server.url
        self.issuer = server.url + path
        self.endpoints = self.issuer + "/v1" if path else self.issuer + "/oauth2/v1"
        self.client_id = sandbox.client_id("spa")
        self.http = requests.Session()
        self.http.trust_env = False
        self.timeout = 5.0

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.base + path, allow_redirects=False, timeout=self.timeout, **more)

    def authorize(self, **changes: Any) -> requests.Response:
        """A change to None leaves a parameter out."""
        parameters: dict[str, Any] = {
            "client_id": self.client_id, "redirect_uri": REDIRECT, "response_type": "code", "scope": SCOPES,
            "state": "state-1", "nonce": "nonce-1", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        } | changes
        return self.http.get(f"{self.endpoints}/authorize", params=parameters, allow_redirects=False,
                             timeout=self.timeout)

    def sign_in(self, page: requests.Response, email: str = "alice@acme.example",
                password: str = PASSWORD) -> requests.Response:
        found = re.search(r'name="stateToken" value="([^"]+)"', page.text)
        assert found, page.text
        form = {"stateToken": found[1], "identifier": email, "password": password}
        return self.http.post(f"{self.base}/login/login.htm", data=form, allow_redirects=False, timeout=self.timeout)

    def callback(self, email: str = "alice@acme.example", **changes: Any) -> dict[str, str]:
        """The parameters that come back to the client after signing in as somebody."""
        answer = self.authorize(**changes)
        if answer.status_code == 200:
            answer = self.sign_in(answer, email)
        assert answer.status_code == 302, answer.text
        return read_query(answer.headers["Location"])

    def post(self, endpoint: str, headers: dict[str, str] | None = None, **form: Any) -> requests.Response:
        return self.http.post(f"{self.endpoints}/{endpoint}", data=form, headers=headers, allow_redirects=False,
                              timeout=self.timeout)

    def redeem(self, code: str, /, **changes: Any) -> requests.Response:
        form: dict[str, Any] = {
            "grant_type": "authorization_code", "client_id": self.client_id, "code": code, "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        } | changes
        return self.post("token", **form)

    def redeem_interaction_code(self, code: str, /, **changes: Any) -> requests.Response:
        form: dict[str, Any] = {
            "grant_type": "interaction_code", "client_id": self.client_id, "interaction_code": code,
            "code_verifier": VERIFIER,
        } | changes
        return self.post("token", **form)

    def log_in(self, email: str = "alice@acme.example", **changes: Any) -> dict[str, Any]:
        answer = self.redeem(self.callback(email, **changes)["code"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, refresh_token: str, **changes: Any) -> requests.Response:
        form = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": refresh_token} | changes
        return self.post("token", **form)

    def userinfo(self, access_token: str) -> requests.Response:
        return self.http.get(f"{self.endpoints}/userinfo", headers={"Authorization": f"Bearer {access_token}"},
                             timeout=self.timeout)

    def log_out(self, **parameters: Any) -> requests.Response:
        return self.http.get(f"{self.endpoints}/logout", params=parameters, allow_redirects=False, timeout=self.timeout)
