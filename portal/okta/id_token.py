"""Checks an ID token: a strict parse of our own, the signature by joserfc, then one flat list of claims.

Nothing here asks a network; the key comes in as a function. Authlib's own claims check is not used: it accepts a
foreign audience beside our azp, and tokens that expired two minutes ago (see docs/decisions).
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from functools import lru_cache
from hmac import compare_digest
from typing import Any, NoReturn

from portal.errors import Problem, Refused
from portal.okta.keys import MAX_KID, Key, decode_base64url
from portal.okta.strict_json import read_object

MAX_TOKEN = 16 * 1024  # characters
MAX_SUBJECT = 255  # characters, OIDC Core section 2
MAX_SKEW = 120  # seconds
_LATEST_TIME = 253_402_300_799  # the end of the year 9999: what a datetime and a database column can hold

FindKey = Callable[[str | None, str], Key]


def check_id_token(  # one argument per thing the caller demands
    token: str,
    *,
    key: FindKey,
    algorithms: Collection[str],
    issuer: str,
    client_id: str,
    nonce: str | None,
    now: float,
    access_token: str | None = None,
    code: str | None = None,
    max_age: int | None = None,
    acr_values: Collection[str] | None = None,
    subject: str | None = None,
    fresh_seconds: int = 600,
    skew: int = MAX_SKEW,
) -> dict[str, Any]:
    """The claims of `token`, once all of OIDC Core section 3.1.3.7 holds (12.2 for the answer to a refresh).

    key           -- finds the issuer's key for (kid, alg); raises Refused when there is none
    algorithms    -- those that the issuer publishes and we allow
    nonce         -- the attempt's; None for the answer to a refresh, which need not have one
    now           -- epoch seconds
    access_token, code -- what came with the token; at_hash and c_hash must match them when present
    max_age       -- seconds; what was asked for, if it was: auth_time is then required
    acr_values    -- what was asked for, if it was: acr must be one of them
    subject       -- the person expected (a refresh must not change it)
    fresh_seconds -- how old iat may be; skew -- seconds that iat and nbf may lie ahead. exp gets no allowance: Okta's
                     tokens live for minutes at least, so one that has expired was kept back.

    Raises Refused(ID_TOKEN_REFUSED) with a stable reason.
    """
    skew = min(skew, MAX_SKEW)
    unverified_header, unverified_claims, message, signature = _parse(token)
    algorithm = _check_header(unverified_header, algorithms)
    # First of all claims, and before the keys: a stranger's token must not make us fetch anything.
    if unverified_claims.get("iss") != issuer:
        _refuse("issuer_mismatch")
    if not key(unverified_header.get("kid"), algorithm).verifies(message, signature, algorithm=algorithm):
        _refuse("bad_signature")
    claims = unverified_claims
    _check_audience(claims, client_id)
    _check_subject(claims, subject)
    _check_times(claims, now, fresh_seconds, skew)
    _check_nonce(claims, nonce)
    _check_hash(claims, "at_hash", access_token)
    _check_hash(claims, "c_hash", code)
    _check_auth_time(claims, max_age, now, skew)
    if acr_values is not None and claims.get("acr") not in tuple(acr_values):
        _refuse("acr_mismatch")
    return claims


def _refuse(reason: str, detail: str = "") -> NoReturn:
    raise Refused(Problem.ID_TOKEN_REFUSED, reason, detail)


# -- parsing: RFC 7515 section 3.1, stricter than any library --------------------------------------------------------


def _parse(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Unverified header and claims, the signed bytes and the signature."""
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not token.isascii():
        _refuse("malformed", "no ASCII text of at most 16 kB")
    parts = token.split(".")
    if len(parts) == 5:
        _refuse("encrypted_unsupported")
    if len(parts) != 3:
        _refuse("malformed", f"{len(parts)} parts")
    try:
        header, claims = _read_header(parts[0]), read_object(decode_base64url(parts[1]))
        return header, claims, token[: -len(parts[2]) - 1].encode(), decode_base64url(parts[2])
    except ValueError as error:
        # The error quotes the token, so it is not handed on.
        raise Refused(Problem.ID_TOKEN_REFUSED, "malformed", type(error).__name__) from None


@lru_cache(maxsize=256)
def _read_header(part: str) -> dict[str, Any]:
    """All tokens that a key has signed begin alike. Nobody changes what comes out of here."""
    return read_object(decode_base64url(part))


# -- the header: RFC 7515 section 4, RFC 8725 section 3 --------------------------------------------------------------


def _check_header(header: dict[str, Any], algorithms: Collection[str]) -> str:
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in tuple(algorithms):
        _refuse("alg_not_allowed", f"{algorithm!r:.40}")
    if "crit" in header:
        _refuse("crit_unsupported")
    if "cty" in header:
        _refuse("malformed", "a nested token")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        _refuse("wrong_token_type", f"{kind!r:.40}")
    if "kid" in header and not (isinstance(kid, str) and len(kid) <= MAX_KID):
        _refuse("malformed", "kid")
    return algorithm


# -- the claims: OIDC Core sections 2, 3.1.3.7 and 12.2 --------------------------------------------------------------


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    # Exactly ours: an audience beside us would be a party that may replay the token, and Okta never adds one.
    if claims.get("aud") not in (client_id, [client_id]):
        _refuse("audience_mismatch")
    if "azp" in claims and claims["azp"] != client_id:
        _refuse("azp_mismatch")


def _check_subject(claims: dict[str, Any], subject: str | None) -> None:
    found = claims.get("sub")
    if found is None or found == "":
        _refuse("subject_missing")
    if not isinstance(found, str) or len(found) > MAX_SUBJECT or not (found.isascii() and found.isprintable()):
        _refuse("malformed", "sub")
    if found.isspace():
        _refuse("subject_missing")
    if subject is not None and found != subject:
        _refuse("subject_mismatch")


def _read_time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LATEST_TIME:  # a bool is an int, too
        _refuse("malformed", name)
    return value


def _check_times(claims: dict[str, Any], now: float, fresh_seconds: int, skew: int) -> None:
    expires, issued = _read_time(claims, "exp"), _read_time(claims, "iat")
    if expires <= now:
        _refuse("expired")
    if issued > now + skew:
        _refuse("iat_in_future")
    if issued < now - fresh_seconds:
        _refuse("iat_too_old")
    if expires <= issued:
        _refuse("expired", "before it was issued")
    if "nbf" in claims and _read_time(claims, "nbf") > now + skew:
        _refuse("not_yet_valid")


def _check_nonce(claims: dict[str, Any], nonce: str | None) -> None:
    if nonce is None:
        return
    found = claims.get("nonce")
    if not nonce or not isinstance(found, str) or not compare_digest(found.encode(), nonce.encode()):
        _refuse("nonce_mismatch")


def _check_hash(claims: dict[str, Any], name: str, value: str | None) -> None:
    """at_hash and c_hash (OIDC Core 3.1.3.8, 3.3.2.11). RS256 and ES256 both mean the left half of SHA-256."""
    if value is None or name not in claims:
        return
    expected = urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).rstrip(b"=")
    found = claims[name]
    if not isinstance(found, str) or not compare_digest(found.encode(), expected):
        _refuse(f"{name}_mismatch")


def _check_auth_time(claims: dict[str, Any], max_age: int | None, now: float, skew: int) -> None:
    if "auth_time" in claims:
        signed_in = _read_time(claims, "auth_time")
        if max_age is not None and not now - max_age - skew <= signed_in <= now + skew:
            _refuse("auth_time_too_old")
    elif max_age is not None:
        _refuse("auth_time_missing")
