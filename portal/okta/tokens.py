"""Asks Okta for tokens and for what belongs to them. Sends and reads; checks of the ID token are in id_token.py.

POINT's apps are public clients: the client id is in the body, there is no secret and no Authorization header.
A call with a code or a refresh token is never repeated, since Okta takes the second use for theft.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from portal.errors import Problem, Refused
from portal.okta.id_token import MAX_TOKEN
from portal.okta.metadata import Provider
from portal.okta.refusals import Answer, Door, describe, get_twice, read_denial, read_error, require_ok

MAX_ACCESS_TOKEN = 32 * 1024  # characters, like the next ones
MAX_REFRESH_TOKEN = 4096
MAX_SCOPE = 4096
_MAX_EXPIRES_IN = 10 * 365 * 24 * 3600  # seconds
_JSON = {"accept": "application/json"}

_visible = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """One token answer. `id_token` is unverified; it is empty only when a refresh brought none.

    scope is empty when a code's answer names none, expires_in is in seconds or None.
    """

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    scope: tuple[str, ...]
    expires_in: int | None


def redeem_code(
    door: Door, provider: Provider, *, client_id: str, code: str, redirect_uri: str, code_verifier: str
) -> Tokens:
    """Redeems an authorization code, once (RFC 6749 4.1.3, RFC 7636 section 4.5, OIDC Core 3.1.3).

    Raises Refused: CODE_REFUSED, OKTA_MISCONFIGURED, LOGIN_NOT_ASSIGNED, LOGIN_POLICY, OKTA_BUSY, OKTA_UNREACHABLE,
    OKTA_ERROR, and OKTA_ANSWER_INVALID for an answer that is not what section 5.1 demands.
    """
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier,
    }
    return _redeem(door, provider, form, hide=(code, code_verifier))


def redeem_interaction_code(
    door: Door, provider: Provider, *, client_id: str, interaction_code: str, code_verifier: str
) -> Tokens:
    """Redeems an interaction code, once and within a minute (Okta's own grant, the end of its embedded sign-in).

    Raises Refused like `redeem_code`.
    """
    form = {"grant_type": "interaction_code", "client_id": client_id, "interaction_code": interaction_code}
    form["code_verifier"] = code_verifier
    return _redeem(door, provider, form, hide=(interaction_code, code_verifier))


def _redeem(door: Door, provider: Provider, form: dict[str, str], *, hide: tuple[str, ...]) -> Tokens:
    answer = door.post_form(provider.token_endpoint, form, headers=_JSON)
    _require_tokens(answer, refused=(Problem.CODE_REFUSED, "code_rejected_by_op"), hide=hide)
    tokens = _read_tokens(answer.json())
    if not tokens.id_token:
        raise Refused(Problem.OKTA_ANSWER_INVALID, "id_token_missing")
    return tokens


def refresh(door: Door, provider: Provider, *, client_id: str, refresh_token: str, scope: str) -> Tokens:
    """Redeems a refresh token, once (RFC 6749 section 6, OIDC Core section 12). `scope` is what the login asked for.

    The answer's refresh token is the one to use next: the new one, or the old one if Okta sent none. An ID token may
    be missing. Raises Refused like `redeem_code`, with REFRESH_REFUSED in the place of CODE_REFUSED.
    """
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token, "scope": scope}
    answer = door.post_form(provider.token_endpoint, form, headers=_JSON)
    _require_tokens(answer, refused=(Problem.REFRESH_REFUSED, "refresh_refused"), hide=(refresh_token,))
    return _read_tokens(answer.json(), refresh_token=refresh_token, scope=scope)


def fetch_userinfo(door: Door, provider: Provider, *, access_token: str, subject: str) -> dict[str, Any]:
    """What Okta tells about the person (OIDC Core 5.3). The token travels in the header, never in the address.

    subject -- the verified ID token's; another person's answer is refused (section 5.3.2).
    Raises Refused: ID_TOKEN_REFUSED subject_mismatch; OKTA_ANSWER_INVALID userinfo_redirected, userinfo_signed (we ask
    for JSON), userinfo_http_status, userinfo_error, userinfo_unavailable; OKTA_BUSY; OKTA_UNREACHABLE.
    """
    if provider.userinfo_endpoint is None:
        raise Refused(Problem.OKTA_ANSWER_INVALID, "userinfo_unavailable")
    answer = get_twice(door, provider.userinfo_endpoint, headers={**_JSON, "authorization": f"Bearer {access_token}"})
    require_ok(answer, call="userinfo")
    if answer.headers.get("content-type", "").lower().startswith("application/jwt"):
        raise Refused(Problem.OKTA_ANSWER_INVALID, "userinfo_signed")
    unverified_person = answer.json()
    if "error" in unverified_person and "sub" not in unverified_person:
        # That is about the moment and not about anybody: a session does not end by it.
        raise Refused(Problem.OKTA_ANSWER_INVALID, "userinfo_error", "HTTP 200 with an error")
    if unverified_person.get("sub") != subject:
        raise Refused(Problem.ID_TOKEN_REFUSED, "subject_mismatch", "userinfo")
    return unverified_person


def revoke(
    door: Door, provider: Provider, *, client_id: str, token: str, hint: str, deadline: float | None = None
) -> None:
    """Tells Okta to forget `token` (RFC 7009 2.1); `hint` is refresh_token or access_token, `deadline` in seconds.

    Does nothing when the issuer has no such endpoint. Revoking the refresh token kills its access tokens, not the
    other way round. Raises Refused as the door and the status say; a caller that is logging out may go on.
    """
    if provider.revocation_endpoint is None:
        return
    form = {"token": token, "token_type_hint": hint, "client_id": client_id}
    answer = door.post_form(provider.revocation_endpoint, form, headers=_JSON, deadline=deadline)
    require_ok(answer, call="revoke")


# -- refusals: RFC 6749 section 5.2, and Okta's management shape for a client it does not know ------------------------

_MISCONFIGURED = {
    "invalid_client": "client_unknown",
    "unauthorized_client": "grant_missing",
    "unsupported_grant_type": "grant_missing",
    "invalid_scope": "scope_refused",
    "invalid_request": "op_configuration_error",
    "use_dpop_nonce": "dpop_required",
    "invalid_dpop_proof": "dpop_required",
}


def _require_tokens(answer: Answer, *, refused: tuple[Problem, str], hide: tuple[str, ...]) -> None:
    if answer.status < 400 or answer.status == 429 or answer.status >= 500:
        require_ok(answer, call="token")
        return
    error, description = read_error(answer)
    detail = f"HTTP {answer.status} {describe(error, description, hide=hide)}"
    if error == "invalid_grant":
        raise Refused(*refused, detail)
    if error in _MISCONFIGURED:
        raise Refused(Problem.OKTA_MISCONFIGURED, _MISCONFIGURED[error], detail)
    if error == "access_denied":
        problem = read_denial(description)
        # Nobody can press Cancel here: what is left of the three stories is a rule.
        problem = Problem.LOGIN_POLICY if problem is Problem.LOGIN_CANCELLED else problem
        raise Refused(problem, "op_access_denied", detail)
    if error:
        raise Refused(Problem.OKTA_ERROR, "op_error", detail)
    raise Refused(Problem.OKTA_ANSWER_INVALID, "token_http_status", f"HTTP {answer.status}")


# -- the answer: RFC 6749 section 5.1, OIDC Core 3.1.3.3 --------------------------------------------------------------


def _read_tokens(document: dict[str, Any], *, refresh_token: str | None = None, scope: str = "") -> Tokens:
    if "error" in document:
        raise Refused(Problem.OKTA_ANSWER_INVALID, "token_error", "HTTP 200 with an error")
    kind = document.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Refused(Problem.OKTA_ANSWER_INVALID, "token_type_unsupported", f"{kind!r:.40}")
    access_token = _read_token(document, "access_token", MAX_ACCESS_TOKEN)
    if access_token is None:
        raise _invalid("access_token")
    return Tokens(
        access_token=access_token,
        id_token=_read_token(document, "id_token", MAX_TOKEN) or "",
        refresh_token=_read_token(document, "refresh_token", MAX_REFRESH_TOKEN) or refresh_token,
        scope=_read_scope(document, scope),
        expires_in=_read_expires_in(document),
    )


def _read_token(document: dict[str, Any], name: str, size: int) -> str | None:
    token = document.get(name)
    if token is None:
        return None
    # It will stand in a header or a form: visible ASCII only (RFC 6749 appendix A.12).
    if not isinstance(token, str) or len(token) > size or not _visible.fullmatch(token):
        raise _invalid(name)
    return token


def _read_scope(document: dict[str, Any], asked: str) -> tuple[str, ...]:
    granted = document.get("scope")
    if granted is None:
        return tuple(asked.split())
    if not isinstance(granted, str) or len(granted) > MAX_SCOPE:
        raise _invalid("scope")
    scope = tuple(granted.split())
    if "openid" not in scope:
        raise Refused(Problem.OKTA_ANSWER_INVALID, "scope_reduced")
    return scope


def _read_expires_in(document: dict[str, Any]) -> int | None:
    seconds = document.get("expires_in")
    if seconds is not None and (type(seconds) is not int or not 0 <= seconds <= _MAX_EXPIRES_IN):
        raise _invalid("expires_in")
    return seconds


def _invalid(member: str) -> Refused:
    return Refused(Problem.OKTA_ANSWER_INVALID, "token_response_invalid", member)
