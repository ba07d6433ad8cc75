"""POINT's own access tokens: JWTs of RFC 9068, signed with ES256, for ten minutes; written and read here only.

A token says who it is and in which session; whether that session still lives is the caller's question.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from native_bridge.signing_keys import TOKEN_SECONDS, SigningKeys, verifies
from portal.errors import Problem, Refused
from portal.okta.keys import decode_base64url
from portal.okta.strict_json import read_object

SECONDS = TOKEN_SECONDS  # how long a token lives
MAX_TOKEN = 2048  # characters
SKEW = 5  # seconds by which the clocks of our own nodes may differ
_MAX_TEXT = 255  # characters of a claim
_MAX_VERIFIED = 4096  # tokens
_JKT = 43  # characters of a thumbprint (RFC 7638 with SHA-256)
_TEXTS = ("sub", "client_id", "jti", "sid", "org")
# Never to change: with it every person would become somebody else to whoever keeps `sub`.
_SUBJECTS = uuid.UUID("b5ef9787-c3d7-4f4c-9201-10149e1d1af0")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified token says. `expires_at` in epoch seconds; `jkt` is the key it is bound to (RFC 9449 section 6),
    and whoever reads a token that has one has to ask for a proof."""

    subject: str
    session_id: str
    organization: str
    expires_at: int
    jkt: str | None


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token whose signature and claims have been found good, and what they were good for."""

    token: AccessToken
    kid: str
    issuer: str
    issued_at: int


def subject_of(user_id: int) -> str:
    """`sub`: the same for this account for ever, and nothing that an organization or its Okta can choose, so that it
    can never pass for a client's id or for somebody else (RFC 9700 section 4.15)."""
    return str(uuid.uuid5(_SUBJECTS, str(user_id)))


def issue(
    keys: SigningKeys,
    *,
    base_url: str,
    client_id: str,
    subject: str,
    session_id: str,
    organization: str,
    now: int,
    jkt: str | None = None,
    seconds: int = SECONDS,
) -> str:
    """An access token (RFC 9068 section 2) that expires in so many seconds.

    base_url -- the issuer and the only audience; client_id -- the app's, which is its private scheme
    subject -- of `subject_of`; session_id -- a name of the session that opens nothing by itself: it is readable
    organization -- the slug; now -- epoch seconds
    jkt -- the thumbprint of the key that every use has to be signed with (RFC 9449 section 6.1); None for a bearer
    """
    key = keys.signing()
    claims: dict[str, Any] = {
        "iss": base_url,
        "aud": base_url,
        "sub": subject,
        "client_id": client_id,
        "iat": now,
        "exp": now + seconds,
        "jti": secrets.token_urlsafe(16),
        "sid": session_id,
        "org": organization,
    }
    if jkt is not None:
        claims["cnf"] = {"jkt": jkt}
    message = f"{_encode(_header(key.kid))}.{_encode(claims)}"
    return f"{message}.{_base64url(key.sign(message.encode()))}"


def read(keys: SigningKeys, token: str, *, now: float, base_url: str) -> AccessToken:
    """What `token` says, once all of RFC 9068 section 4 holds.

    now -- epoch seconds; base_url -- the issuer and the only audience

    Raises Refused(TOKEN_REFUSED): token_malformed, token_invalid, token_expired.
    """
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not token.isascii():
        _refuse("token_malformed", "no ASCII text of at most 2 kB")
    digest = hashlib.sha256(token.encode()).digest()
    known = _verified.get(digest)
    found = known or _verify(keys, token, base_url)
    # What was good once is so only for the same portal, and while the key is published. The id of a key is made from
    # the key, so that another portal's keys can never have one with this id.
    if known is not None and (known.issuer != base_url or keys.public(known.kid) is None):
        _refuse("token_invalid", "another portal's, or its key is gone")
    if found.token.expires_at <= now:
        _refuse("token_expired")
    if found.issued_at > now + SKEW:
        _refuse("token_invalid", "from the future")
    if known is None:
        _remember(digest, found)
    return found.token


def _refuse(reason: str, detail: str = "") -> NoReturn:
    raise Refused(Problem.TOKEN_REFUSED, reason, detail)


# -- what has been verified lately, by the token's hash: a signature costs ten times as much as all the rest -----------

_verified: dict[bytes, _Verified] = {}
_changing = threading.Lock()


def _remember(digest: bytes, found: _Verified) -> None:
    with _changing:
        while len(_verified) >= _MAX_VERIFIED:
            del _verified[next(iter(_verified))]  # the one that came first
        _verified[digest] = found


# -- writing -----------------------------------------------------------------------------------------------------------


def _header(kid: str) -> dict[str, str]:
    return {"alg": "ES256", "typ": "at+jwt", "kid": kid}


def _encode(part: dict[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


# -- checking ----------------------------------------------------------------------------------------------------------


def _verify(keys: SigningKeys, token: str, base_url: str) -> _Verified:
    """Everything but the times."""
    parts = token.split(".")
    if len(parts) != 3:
        _refuse("token_malformed", f"{len(parts)} parts")
    try:
        header, signature = _read_header(parts[0]), decode_base64url(parts[2])
    except ValueError as error:
        raise Refused(Problem.TOKEN_REFUSED, "token_malformed", type(error).__name__) from None
    kid = _check_header(header)
    public = keys.public(kid)
    if public is None:
        _refuse("token_invalid", "no such key")
    if not verifies(public, token[: -len(parts[2]) - 1].encode(), signature):
        _refuse("token_invalid", "signature")
    try:
        claims = read_object(decode_base64url(parts[1]))
    except ValueError as error:
        raise Refused(Problem.TOKEN_REFUSED, "token_malformed", type(error).__name__) from None
    return _check_claims(claims, kid, base_url)


@lru_cache(maxsize=64)
def _read_header(part: str) -> dict[str, Any]:
    """All tokens that a key has signed begin alike. Nobody changes what comes out of here."""
    return read_object(decode_base64url(part))


def _check_header(header: dict[str, Any]) -> str:
    """The key's id. The header is exactly what we write: nothing in it chooses an algorithm, a type or a key of its
    own (RFC 8725 sections 3.1 and 3.11), and nothing critical is passed over."""
    kid = header.get("kid")
    if not isinstance(kid, str) or header != _header(kid):
        _refuse("token_invalid", "header")
    return kid


def _check_claims(claims: dict[str, Any], kid: str, base_url: str) -> _Verified:
    if claims.get("iss") != base_url or claims.get("aud") != base_url:
        _refuse("token_invalid", "iss or aud")
    for name in _TEXTS:
        value = claims.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
            _refuse("token_invalid", name)
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if type(issued_at) is not int or type(expires_at) is not int:  # a bool is an int, too
        _refuse("token_invalid", "iat or exp")
    if not issued_at < expires_at <= issued_at + SECONDS:
        _refuse("token_invalid", "lives too long")
    token = AccessToken(claims["sub"], claims["sid"], claims["org"], expires_at, _read_jkt(claims))
    return _Verified(token, kid, base_url, issued_at)


def _read_jkt(claims: dict[str, Any]) -> str | None:
    """The key a token is bound to; a binding that cannot be read must not make a bearer token of it."""
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    jkt = bound.get("jkt") if isinstance(bound, dict) else None
    if not isinstance(jkt, str) or len(jkt) != _JKT or len(bound) != 1:
        _refuse("token_invalid", "cnf")
    return jkt
