"""Checks an ID token: a strict parse of our own, the signature by joserfc, then one flat list of claims.

Nothing here asks a network; the key comes in as a function. Authlib's own claims check is not used: it accepts a
foreign audience beside our azp, and tokens that expired two minutes ago (see docs/decisions).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NoReturn, TypeVar

from portal.errors import Problem, Refused
from portal.okta.id_token_claims import CHECKS, CLAIMS, MAX_SKEW, Demands
from portal.okta.keys import MAX_KID, Key, decode_base64url
from portal.okta.strict_json import read_object

MAX_TOKEN = 16 * 1024  # characters

FindKey = Callable[[str | None, str], Key]
T = TypeVar("T")


@dataclass(slots=True)
class Review:
    """What was checked of a token, by the names of the claims, and before those "token", "header", "key" and
    "signature". What is in neither list was not reached."""

    passed: list[str] = field(default_factory=list)
    refused: dict[str, Refused] = field(default_factory=dict)
    unverified_header: dict[str, Any] = field(default_factory=dict, repr=False)
    unverified_claims: dict[str, Any] = field(default_factory=dict, repr=False)


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
    demands = Demands(
        issuer, client_id, nonce, now, access_token, code, max_age, acr_values, subject, fresh_seconds,
        min(skew, MAX_SKEW),
    )  # fmt: skip
    unverified_header, unverified_claims, message, signature = _parse(token)
    algorithm = _check_header(unverified_header, algorithms)
    # First of all claims, and before the keys: a stranger's token must not make us fetch anything.
    _check_issuer(unverified_claims, demands)
    _check_signature(key(unverified_header.get("kid"), algorithm), message, signature, algorithm)
    claims = unverified_claims
    for check in CHECKS:
        check(claims, demands)
    return claims


def review_id_token(token: str, *, key: FindKey, algorithms: Collection[str], demands: Demands) -> Review:
    """What `check_id_token` says of `token`, check by check, for somebody who looks for what is set up wrong.

    Nobody is ever logged in by this: whatever it says, the claims stay unverified.
    """
    found = Review()

    def judge(name: str, check: Callable[[], T]) -> T | None:
        try:
            answer = check()
        except Refused as refused:
            found.refused[name] = refused
            return None
        found.passed.append(name)
        return answer

    parsed = judge("token", lambda: _parse(token))
    if parsed is None:
        return found
    header, found.unverified_claims, message, signature = parsed
    found.unverified_header = header
    algorithm = judge("header", lambda: _check_header(header, algorithms))
    judge("iss", lambda: _check_issuer(found.unverified_claims, demands))
    if algorithm is None or "iss" in found.refused:
        return found
    chosen = judge("key", lambda: key(header.get("kid"), algorithm))
    if chosen is not None:
        judge("signature", lambda: _check_signature(chosen, message, signature, algorithm))
    if "signature" in found.passed:
        for name, check in zip(CLAIMS, CHECKS, strict=True):
            judge(name, partial(check, found.unverified_claims, demands))
    return found


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


def _check_issuer(claims: dict[str, Any], demands: Demands) -> None:
    if claims.get("iss") != demands.issuer:
        _refuse("issuer_mismatch")


def _check_signature(key: Key, message: bytes, signature: bytes, algorithm: str) -> None:
    if not key.verifies(message, signature, algorithm=algorithm):
        _refuse("bad_signature")
