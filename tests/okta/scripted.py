"""A door with scripted answers, and an honest issuer's documents, for the tests of the protocol core."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portal.errors import Refused
from portal.okta.answer import Answer
from portal.okta.metadata import Provider, read_metadata

ISSUER = "https://acme.okta.com"
CLIENT_ID = "0oaACMEspa1234567890"
NOW = 1_800_000_000


def answer(document: Any, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    """An HTTP answer; bytes go out as they are, anything else as JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {"content-type": content_type, **headers}, body)


class ScriptedDoor:
    """Answers each call with the next of `answers` (or raises it), the last one for ever. `calls` is what was sent."""

    def __init__(self, *answers: Answer | Refused) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, str, dict[str, str], dict[str, str]]] = []

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> Answer:
        return self._answer("GET", url, {}, headers)

    def post_form(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        return self._answer("POST", url, dict(form), headers)

    def _answer(self, method: str, url: str, form: dict[str, str], headers: Mapping[str, str] | None) -> Answer:
        self.calls.append((method, url, form, dict(headers or {})))
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Refused):
            raise given
        return given


def metadata(issuer: str = ISSUER, /, **changes: Any) -> dict[str, Any]:
    """What an Okta org publishes; None takes a member away."""
    base = issuer if "/oauth2" in issuer else f"{issuer}/oauth2"
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/v1/authorize",
        "token_endpoint": f"{base}/v1/token",
        "userinfo_endpoint": f"{base}/v1/userinfo",
        "jwks_uri": f"{base}/v1/keys",
        "end_session_endpoint": f"{base}/v1/logout",
        "revocation_endpoint": f"{base}/v1/revoke",
        "response_types_supported": ["code", "code id_token"],
        "subject_types_supported": ["public"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def provider(issuer: str = ISSUER, /, **changes: Any) -> Provider:
    """The same, read."""
    return read_metadata(metadata(issuer, **changes), issuer=issuer)
