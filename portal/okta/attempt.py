"""One login under way: what must be remembered between leaving for Okta and coming back.

Who is asked (organization, integration, issuer, app) is written down here, because nothing that comes back may choose
it. Knows no storage: the bytes go wherever the caller keeps them.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.errors import Problem, Refused
from portal.okta.metadata import Provider

App = Literal["spa", "native"]

_FORMAT = 1  # the first item of the stored list; a new shape gets a new number, and old attempts are simply unknown
_MAX_BYTES = 8 * 1024
_SKEW = 120  # seconds between two of our own nodes


@dataclass(frozen=True, slots=True)
class Attempt:
    """`started_at` is in epoch seconds; `return_to` is a page of ours that was checked before it came here.

    groups_claim -- where the person's groups are, which decide on their role; "" where nobody asks for them.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    organization_id: int
    integration_id: int
    integration_version: int
    app: App
    issuer: str
    client_id: str
    redirect_uri: str
    scope: str
    return_to: str
    started_at: int
    groups_claim: str = ""

    def to_bytes(self) -> bytes:
        """A compact form to keep; it holds the code verifier, so it is stored encrypted or server-side."""
        values = _values(self) if self.groups_claim else _values(self)[:-1]
        return json.dumps([_FORMAT, *values], separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Attempt:
        """What `to_bytes` wrote. Raises Refused(ATTEMPT_UNKNOWN, attempt_unreadable) for everything else."""
        try:
            stored: Any = json.loads(data) if len(data) <= _MAX_BYTES else None
        except (ValueError, RecursionError):
            stored = None
        if isinstance(stored, list) and len(stored) == len(_NAMES):
            stored = [*stored, ""]  # Nothing asks for groups; nodes of an earlier version know no more than that.
        if not _is_stored_attempt(stored):
            raise Refused(Problem.ATTEMPT_UNKNOWN, "attempt_unreadable")
        return cls(*stored[1:])


def start_login(
    *,
    organization_id: int,
    integration_id: int,
    integration_version: int,
    app: App,
    issuer: str,
    client_id: str,
    redirect_uri: str,
    scope: str,
    return_to: str,
    now: float,
    mark: str = "",
    groups_claim: str = "",
) -> Attempt:
    """A new attempt with a state, a nonce and a code verifier of 264 bits each (RFC 7636 4.1, RFC 9700 2.1.1).

    Their alphabet, A-Z a-z 0-9 - _, is the one that Okta accepts in `state`. `now` is in epoch seconds; `mark` is what
    the state begins with, so that a return tells which door it belongs to.
    """
    # One call for all three: each goes to the system, and hands the interpreter to another thread meanwhile.
    random = urlsafe_b64encode(secrets.token_bytes(99)).decode()
    return Attempt(
        state=mark + random[:44],
        nonce=random[44:88],
        code_verifier=random[88:],
        organization_id=organization_id,
        integration_id=integration_id,
        integration_version=integration_version,
        app=app,
        issuer=issuer,
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=scope,
        return_to=return_to,
        started_at=int(now),
        groups_claim=groups_claim,
    )


def authorization_url(
    provider: Provider,
    attempt: Attempt,
    *,
    login_hint: str | None = None,
    prompt: str | None = None,
    max_age: int | None = None,
) -> str:
    """Where the browser goes (OIDC Core 3.1.2.1, RFC 7636 section 4.3): code flow, S256, answer in the query.

    login_hint -- fills in Okta's form; prompt -- none, login or consent; max_age -- seconds.
    Raises Refused(SETTINGS_CHANGED) when `provider` is not the attempt's issuer.
    """
    if provider.issuer != attempt.issuer:
        raise Refused(Problem.SETTINGS_CHANGED, "provider_of_another_issuer")
    wishes: dict[str, Any] = {"login_hint": login_hint, "prompt": prompt, "max_age": max_age}
    mine = {
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": create_s256_code_challenge(attempt.code_verifier),
    }
    mine.update((name, value) for name, value in wishes.items() if value is not None)
    fixed = _fixed_part(provider.authorization_endpoint, attempt.client_id, attempt.redirect_uri, attempt.scope)
    return f"{fixed}&{urlencode(mine)}"


def expired(attempt: Attempt, *, now: float, seconds: int) -> bool:
    """Whether the attempt is `seconds` old, or says that it starts later than clocks differ. `now` in epoch seconds."""
    return not -_SKEW <= now - attempt.started_at < seconds


@lru_cache(maxsize=1000)
def _fixed_part(endpoint: str, client_id: str, redirect_uri: str, scope: str) -> str:
    """What is the same in every login of an app: nearly all of the work of building the URL."""
    return str(
        prepare_grant_uri(
            endpoint, client_id, "code",
            redirect_uri=redirect_uri, scope=scope, response_mode="query", code_challenge_method="S256",
        )
    )


def _is_stored_attempt(stored: Any) -> bool:
    if not isinstance(stored, list) or len(stored) != 1 + len(_NAMES) or stored[0] != _FORMAT:
        return False
    values = dict(zip(_NAMES, stored[1:], strict=True))
    return [type(value) for value in values.values()] == _TYPES and values["app"] in get_args(App)


_NAMES = tuple(f.name for f in fields(Attempt))
_TYPES = [int if f.type == "int" else str for f in fields(Attempt)]
_values = attrgetter(*_NAMES)
