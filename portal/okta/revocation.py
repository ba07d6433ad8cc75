"""Okta's order to end somebody's sessions everywhere (Universal Logout, draft-parecki-oauth-global-token-revocation):
whose order it is, and whom it means. Ending is somebody else's work.

The order's token is signed with the keys of the ID tokens, but it is no ID token: `typ` keeps the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from portal.errors import Problem, Refused
from portal.okta.keys import MAX_KID, Key, decode_base64url
from portal.okta.strict_json import read_object

TYPE = "global-token-revocation+jwt"
ALGORITHM = "RS256"
MAX_TOKEN = 8 * 1024  # characters
MAX_BODY = 4 * 1024  # bytes
_MAX_SUBJECT = 255
_MAX_JTI = 255
_MAX_SECONDS = 3600  # Okta's orders are good for ten minutes; one for days would be a key that lies about.
_SKEW = 60  # seconds, beside the five minutes that Okta dates its orders back
_LATEST_TIME = 253_402_300_799
_email = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,189}")

FindKey = Callable[[str, str | None], Key]


@dataclass(frozen=True, slots=True)
class Order:
    """Who gives it: the issuer, and the order's own name, which counts once until `expires_at` (epoch seconds)."""

    issuer: str
    jti: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it means: `issuer` and `sub`, or else `email` in lower case; the others are empty."""

    issuer: str = ""
    sub: str = ""
    email: str = ""


def issuers_of(issuer: str) -> tuple[str, ...]:
    """An authorization server's own issuer, and the Okta org's that it belongs to: orders come from the org, and their
    `iss_sub` names it."""
    parts = urlsplit(issuer)
    org = f"{parts.scheme}://{parts.netloc}"
    return (issuer, org) if issuer != org else (issuer,)


def check_order(
    token: str, *, key: FindKey, issuers: Collection[str], audience: str, client_ids: Collection[str], now: float
) -> Order:
    """The order, once it is Okta's and for us: RS256 by a key of one of the `issuers`, for exactly this address.

    key -- finds the key for (issuer, kid); asked only about listed issuers. client_ids -- the organization's apps.
    audience -- our endpoint's whole address; now -- epoch seconds.

    Raises Refused: ORDER_UNPROVED where it is not known whose it is, ORDER_FOREIGN where its giver has nothing to say
    here.
    """
    header, claims, message, signature = _parse(token)
    _check_header(header)
    issuer = claims.get("iss")
    # Before the keys: a stranger's token must not make us fetch anything.
    if not isinstance(issuer, str) or issuer not in tuple(issuers):
        _refuse("issuer_mismatch")
    if not key(issuer, header.get("kid")).verifies(message, signature, algorithm=ALGORITHM):
        _refuse("bad_signature")
    if claims.get("aud") not in (audience, [audience]):
        _refuse("audience_mismatch")
    expires_at = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        _refuse("jti_missing")
    if claims.get("sub") not in tuple(client_ids):
        raise Refused(Problem.ORDER_FOREIGN, "client_mismatch")
    return Order(issuer, jti, expires_at)


def read_subject(body: bytes) -> Subject:
    """Whom `{"sub_id": {...}}` names (RFC 9493 sections 3.2.2 and 3.2.3). Raises Refused(ORDER_UNREADABLE)."""
    if len(body) > MAX_BODY:
        raise Refused(Problem.ORDER_UNREADABLE, "too_long")
    try:
        named = read_object(body).get("sub_id")
    except ValueError as error:
        raise Refused(Problem.ORDER_UNREADABLE, "no_json", type(error).__name__) from None
    if not isinstance(named, dict):
        raise Refused(Problem.ORDER_UNREADABLE, "sub_id_missing")
    if named.get("format") == "iss_sub":
        issuer, sub = (_read_text(named, name) for name in ("iss", "sub"))
        return Subject(issuer=issuer, sub=sub)
    if named.get("format") == "email":
        email = _read_text(named, "email").lower()
        if not _email.fullmatch(email):
            raise Refused(Problem.ORDER_UNREADABLE, "email_malformed")
        return Subject(email=email)
    raise Refused(Problem.ORDER_UNREADABLE, "format_unsupported")


def _read_text(named: dict[str, Any], name: str) -> str:
    value = named.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_SUBJECT or not value.isprintable():
        raise Refused(Problem.ORDER_UNREADABLE, f"{name}_malformed")
    return value


def _refuse(reason: str, detail: str = "") -> NoReturn:
    raise Refused(Problem.ORDER_UNPROVED, reason, detail)


def _parse(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Unverified header and claims, the signed bytes and the signature (RFC 7515 section 3.1)."""
    if len(token) > MAX_TOKEN or not token.isascii():
        _refuse("malformed")
    parts = token.split(".")
    if len(parts) != 3:
        _refuse("malformed", f"{len(parts)} parts")
    try:
        header, claims = (read_object(decode_base64url(part)) for part in parts[:2])
        return header, claims, token[: -len(parts[2]) - 1].encode(), decode_base64url(parts[2])
    except ValueError as error:
        raise Refused(Problem.ORDER_UNPROVED, "malformed", type(error).__name__) from None


def _check_header(header: dict[str, Any]) -> None:
    kind, kid = header.get("typ"), header.get("kid")
    if header.get("alg") != ALGORITHM:
        _refuse("alg_not_allowed")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != TYPE:
        _refuse("wrong_token_type")
    if "crit" in header or "cty" in header:
        _refuse("crit_unsupported")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= MAX_KID):
        _refuse("malformed", "kid")


def _check_times(claims: dict[str, Any], now: float) -> int:
    """Now lies between nbf and exp, and they are not far apart."""
    expires, issued = _read_time(claims, "exp"), _read_time(claims, "iat")
    begins = _read_time(claims, "nbf") if "nbf" in claims else issued
    if expires <= now:
        _refuse("expired")
    if max(issued, begins) > now + _SKEW:
        _refuse("not_yet_valid")
    if not 0 < expires - issued <= _MAX_SECONDS:
        _refuse("lifetime")
    return expires


def _read_time(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LATEST_TIME:
        _refuse("malformed", name)
    return value
