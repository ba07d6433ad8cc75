"""The claims of an ID token, one check each, in one flat list (OIDC Core sections 2, 3.1.3.7 and 12.2).

Signature and issuer have been checked before (`id_token.py`). Logins stop at the first check that refuses; a test login
shows them all.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Collection
from hmac import compare_digest
from typing import Any, NamedTuple, NoReturn

from portal.errors import Problem, Refused

MAX_SUBJECT = 255  # characters, OIDC Core section 2
MAX_SKEW = 120  # seconds
_TO_URL = bytes.maketrans(b"+/", b"-_")
_LATEST_TIME = 253_402_300_799  # the end of the year 9999: what a datetime and a database column can hold


class Demands(NamedTuple):
    """What the caller of `check_id_token` demands; its arguments are explained there."""

    issuer: str
    client_id: str
    nonce: str | None
    now: float
    access_token: str | None = None
    code: str | None = None
    max_age: int | None = None
    acr_values: Collection[str] | None = None
    subject: str | None = None
    fresh_seconds: int = 600
    skew: int = MAX_SKEW

    def __repr__(self) -> str:
        """Without what is secret."""
        return f"Demands(issuer={self.issuer!r}, client_id={self.client_id!r})"


def _refuse(reason: str, detail: str = "") -> NoReturn:
    raise Refused(Problem.ID_TOKEN_REFUSED, reason, detail)


def _check_audience(claims: dict[str, Any], demands: Demands) -> None:
    # Exactly ours: an audience beside us would be a party that may replay the token, and Okta never adds one.
    found = claims.get("aud")
    if found != demands.client_id and found != [demands.client_id]:
        _refuse("audience_mismatch")


def _check_party(claims: dict[str, Any], demands: Demands) -> None:
    if "azp" in claims and claims["azp"] != demands.client_id:
        _refuse("azp_mismatch")


def _check_subject(claims: dict[str, Any], demands: Demands) -> None:
    found = claims.get("sub")
    if found is None or found == "":
        _refuse("subject_missing")
    if not isinstance(found, str) or len(found) > MAX_SUBJECT or not (found.isascii() and found.isprintable()):
        _refuse("malformed", "sub")
    if found.isspace():
        _refuse("subject_missing")
    if demands.subject is not None and found != demands.subject:
        _refuse("subject_mismatch")


def _read_time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LATEST_TIME:  # a bool is an int, too
        _refuse("malformed", name)
    return value


def _check_expiry(claims: dict[str, Any], demands: Demands) -> None:
    if _read_time(claims, "exp") <= demands.now:
        _refuse("expired")


def _check_issued(claims: dict[str, Any], demands: Demands) -> None:
    issued = _read_time(claims, "iat")
    if issued > demands.now + demands.skew:
        _refuse("iat_in_future")
    if issued < demands.now - demands.fresh_seconds:
        _refuse("iat_too_old")
    expires = claims.get("exp")
    if type(expires) is int and expires <= issued:
        _refuse("expired", "before it was issued")


def _check_begin(claims: dict[str, Any], demands: Demands) -> None:
    if "nbf" in claims and _read_time(claims, "nbf") > demands.now + demands.skew:
        _refuse("not_yet_valid")


def _check_nonce(claims: dict[str, Any], demands: Demands) -> None:
    nonce = demands.nonce
    if nonce is None:
        return
    found = claims.get("nonce")
    if not nonce or not isinstance(found, str) or not compare_digest(found.encode(), nonce.encode()):
        _refuse("nonce_mismatch")


def _check_token_hash(claims: dict[str, Any], demands: Demands) -> None:
    _check_hash(claims, "at_hash", demands.access_token)


def _check_code_hash(claims: dict[str, Any], demands: Demands) -> None:
    _check_hash(claims, "c_hash", demands.code)


def _check_hash(claims: dict[str, Any], name: str, value: str | None) -> None:
    """at_hash and c_hash (OIDC Core 3.1.3.8, 3.3.2.11). RS256 and ES256 both mean the left half of SHA-256."""
    if value is None or name not in claims:
        return
    half = hashlib.sha256(value.encode()).digest()[:16]
    expected = b2a_base64(half, newline=False).translate(_TO_URL, b"=")
    found = claims[name]
    if not isinstance(found, str) or not compare_digest(found.encode(), expected):
        _refuse(f"{name}_mismatch")


def _check_auth_time(claims: dict[str, Any], demands: Demands) -> None:
    max_age, now, skew = demands.max_age, demands.now, demands.skew
    if "auth_time" in claims:
        signed_in = _read_time(claims, "auth_time")
        if max_age is not None and not now - max_age - skew <= signed_in <= now + skew:
            _refuse("auth_time_too_old")
    elif max_age is not None:
        _refuse("auth_time_missing")


def _check_acr(claims: dict[str, Any], demands: Demands) -> None:
    if demands.acr_values is not None and claims.get("acr") not in tuple(demands.acr_values):
        _refuse("acr_mismatch")


# The list, and the name of the claim that each check is about.
CLAIMS = ("aud", "azp", "sub", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "auth_time", "acr")
CHECKS = (
    _check_audience,
    _check_party,
    _check_subject,
    _check_expiry,
    _check_issued,
    _check_begin,
    _check_nonce,
    _check_token_hash,
    _check_code_hash,
    _check_auth_time,
    _check_acr,
)
