"""One call to POINT: JSON there, JSON back, and one exception for all that can come instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from native_bridge.client import dpop

Json = dict[str, Any]
# Short enough for a second try within the 30 seconds in which POINT gives a lost answer again.
_SECONDS = (5, 15)
_http = requests.Session()
_http.trust_env = False  # A ~/.netrc would take the place of our Authorization header.


@dataclass
class Refused(Exception):  # noqa: N818 - it names what happened
    """What POINT turned down (RFC 9457), or what this client could not do. Programs go by `code`, people read `title`
    and `detail`, and `reference` is for support."""

    code: str
    title: str
    detail: str = ""
    reason: str = ""
    reference: str = ""
    retryable: bool = False

    def as_json(self) -> Json:
        """For programs."""
        return {"error": self.code, **{name: value for name, value in vars(self).items() if name != "code"}}


def demand_server(address: str) -> str:
    """The server's origin. Codes and tokens go there, so it has to be https, or this very machine."""
    parts = urlsplit(address)
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))):
        raise Refused("server_refused", "The server's address has to begin with https://.")
    return f"{parts.scheme}://{parts.netloc}"


def demand_web_page(address: str) -> str:
    """What may be given to the browser: no `file:`, no scheme that starts another program."""
    if urlsplit(address).scheme not in ("https", "http"):
        raise Refused("address_refused", "POINT answered with an address that is no web page.")
    return address


def call(
    server: str, method: str, path: str, sent: Json | None = None, *, access_token: str = "", key: Json | None = None
) -> Json:
    """POINT's answer. key -- this login's DPoP key, if it has one. Raises Refused."""
    url = f"{server}/native/v1{path}"
    answer = _send(method, url, sent, access_token, key)
    if key and answer.status_code == 401 and _object(answer).get("reason") == "use_dpop_nonce":
        # The first proof of all cannot know the server's nonce (RFC 9449 section 8). Once; a second time is an error.
        answer = _send(method, url, sent, access_token, key, nonce=answer.headers.get("DPoP-Nonce", ""))
    if answer.status_code == 204:
        return {}
    found = _object(answer)
    if answer.status_code in (200, 201) and found:
        return found
    raise _refusal(answer, found)


def call_twice(server: str, method: str, path: str, sent: Json, *, key: Json | None = None) -> Json:
    """For calls that use something up: when the answer is lost, the same again gets the same answer. Once."""
    try:
        return call(server, method, path, sent, key=key)
    except Refused as refused:
        if refused.code != "unreachable":
            raise
    return call(server, method, path, sent, key=key)


def _send(
    method: str, url: str, sent: Json | None, access_token: str, key: Json | None, nonce: str = ""
) -> requests.Response:
    headers = {"Accept": "application/json"}
    if access_token:
        headers["Authorization"] = f"{'DPoP' if key else 'Bearer'} {access_token}"
    if key:
        # A proof is good for one request: each try has its own.
        headers["DPoP"] = dpop.prove(key, method=method, url=url, access_token=access_token, nonce=nonce)
    try:
        # No redirect is followed: the bridge has none, and a token must not travel.
        return _http.request(method, url, json=sent, headers=headers, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as exc:
        raise Refused("unreachable", "POINT cannot be reached.", "Try again in a moment.", retryable=True) from exc


def _object(answer: requests.Response) -> Json:
    """What POINT says, or nothing when somebody else has answered: a proxy, or a hotel that wants a login first."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(answer: requests.Response, problem: Json) -> Refused:
    if answer.status_code < 400 or not isinstance(problem.get("code"), str):
        return Refused("unreachable", f"POINT cannot be reached (HTTP {answer.status_code}).", retryable=True)
    known = {name: str(problem.get(name, "")) for name in ("code", "title", "detail", "reason", "reference")}
    return Refused(**known, retryable=problem.get("retryable") is True)
