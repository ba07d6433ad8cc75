"""DPoP (RFC 9449): a proof, with every call, that the caller has the private key that a login or a token is bound to.

The time that counts is ours: a nonce that says nothing but when it was made, the same for everybody for five minutes,
and that only we can make. Proofs that were written down for later, or elsewhere, die with it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from hmac import compare_digest
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from joserfc.jwk import ECKey

from native_bridge.signing_keys import verifies
from portal.errors import Problem, Refused
from portal.okta.keys import decode_base64url
from portal.okta.strict_json import read_object
from portal.services import Services
from portal.store.proofs import remember_proof

MAX_PROOF = 2048  # characters
NONCE_SECONDS = 300  # A nonce is good for this long at least, and for twice as long at most.
IAT_SECONDS = 300  # by which the phone's clock may differ from ours; a proof's age is bounded by its nonce
_MAX_JTI = 128  # characters
_COORDINATE = 43  # characters of 32 bytes, RFC 7518 section 6.2.1.2
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_URL = re.compile(
    r"(?i:(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\]))(?::([0-9]{1,5}))?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:[?#][!-~]*)?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def make_nonce(services: Services, now: float) -> str:
    """What goes into the header DPoP-Nonce of an answer (RFC 9449 section 8); best sent with each, so that the app
    always has a fresh one. `now` in epoch seconds."""
    return _nonces(services, int(now) // NONCE_SECONDS)[0]


def check_proof(
    services: Services,
    headers: Sequence[str],
    *,
    method: str,
    url: str,
    now: int,
    access_token: str | None = None,
    expected_jkt: str | None = None,
) -> str:
    """The thumbprint of the key that signed the request's proof, once all of RFC 9449 section 4.3 holds.

    headers      -- the values of the request's DPoP headers; there has to be exactly one
    method, url  -- of the request: as it came, and on our base URL, whatever a proxy has made of it
    now          -- epoch seconds
    access_token -- the token that came with it, if one did (the proof has to name it)
    expected_jkt -- the key that the token, or the session, is bound to

    The proof counts once: this writes, so call it outside of `Database.writing()`, and after checking the token.
    Raises Refused(PROOF_REFUSED): proof_missing, proof_malformed, proof_invalid, proof_other_key, proof_replayed, and
    use_dpop_nonce, to be answered with a DPoP-Nonce header (sections 8 and 9).
    """
    if not headers:
        _refuse("proof_missing")
    if len(headers) != 1:
        _refuse("proof_malformed", f"{len(headers)} headers")
    jkt, claims = _read_proof(headers[0])
    jti = _check_types(claims)
    if expected_jkt is not None and jkt != expected_jkt:
        _refuse("proof_other_key")
    _check_request(claims, method, url)
    _check_nonce(services, claims, now)
    if abs(claims["iat"] - now) > IAT_SECONDS:
        _refuse("proof_invalid", f"iat is {claims['iat'] - now} s off")
    if access_token is not None and claims.get("ath") != _hash_token(access_token):
        _refuse("proof_invalid", "ath")
    # The key belongs to it: a stranger who guesses a jti uses nobody's proof up.
    seen = hashlib.sha256(f"{jkt}\0{jti}".encode()).digest()
    with services.db.single() as connection:
        if not remember_proof(connection, seen, now):
            _refuse("proof_replayed")
    return jkt


def _refuse(reason: str, detail: str = "") -> NoReturn:
    raise Refused(Problem.PROOF_REFUSED, reason, detail)


# -- parsing and signature: RFC 9449 section 4.2 -----------------------------------------------------------------------


def _read_proof(proof: str) -> tuple[str, dict[str, Any]]:
    """The thumbprint of the key that signed it, and the claims."""
    if len(proof) > MAX_PROOF:
        _refuse("proof_malformed", f"{len(proof)} characters")
    parts = proof.split(".")
    if len(parts) != 3:
        _refuse("proof_malformed", f"{len(parts)} parts")
    try:
        public, jkt = _read_header(parts[0])
        claims, signature = read_object(decode_base64url(parts[1])), decode_base64url(parts[2])
    except ValueError as error:
        raise Refused(Problem.PROOF_REFUSED, "proof_malformed", type(error).__name__) from None
    if not verifies(public, proof[: -len(parts[2]) - 1].encode(), signature):
        _refuse("proof_invalid", "signature")
    return jkt, claims


@lru_cache(maxsize=1024)
def _read_header(part: str) -> tuple[ECKey, str]:
    """The key and its thumbprint (RFC 7638). All proofs of a phone begin alike."""
    header = read_object(decode_base64url(part))
    if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256" or "crit" in header:
        _refuse("proof_invalid", "typ, alg or crit")
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        _refuse("proof_malformed", "jwk")
    if _PRIVATE & jwk.keys():
        _refuse("proof_invalid", "a private key")
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or jwk.get("alg", "ES256") != "ES256":
        _refuse("proof_invalid", "not a key for ES256")
    if jwk.get("use", "sig") != "sig":
        _refuse("proof_invalid", "not a key for signatures")
    numbers = EllipticCurvePublicNumbers(_read_coordinate(jwk, "x"), _read_coordinate(jwk, "y"), SECP256R1())
    try:
        public = ECKey.import_key(numbers.public_key())
    except ValueError:
        raise Refused(Problem.PROOF_REFUSED, "proof_invalid", "no point of the curve") from None
    return public, public.thumbprint()


def _read_coordinate(jwk: dict[str, Any], name: str) -> int:
    text = jwk.get(name)
    if not isinstance(text, str) or len(text) != _COORDINATE:
        _refuse("proof_malformed", name)
    return int.from_bytes(decode_base64url(text), "big")


# -- claims: RFC 9449 sections 4.2 and 4.3 -----------------------------------------------------------------------------


def _check_types(claims: dict[str, Any]) -> str:
    """jti, once the claims that every proof has are there; it is unique, not secret."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        _refuse("proof_malformed", "jti")
    if not isinstance(claims.get("htm"), str) or not isinstance(claims.get("htu"), str):
        _refuse("proof_malformed", "htm or htu")
    if type(claims.get("iat")) is not int:  # a bool is an int, too
        _refuse("proof_malformed", "iat")
    return jti


def _check_request(claims: dict[str, Any], method: str, url: str) -> None:
    if claims["htm"] != method:
        _refuse("proof_invalid", "htm")
    meant = _normal_url(claims["htu"])
    if meant is None or meant != _normal_url(url):
        _refuse("proof_invalid", "htu")


def _normal_url(url: str) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path, without what RFC 3986 sections 6.2.2.1 and 6.2.3 call the same; None if it is no
    http(s) URL. Query and fragment do not count (RFC 9449 section 4.3). Paths of ours need no percent-encoding, so a
    path is compared as it is."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host, port, path = match.groups()
    return scheme.lower(), host.lower(), int(port) if port else _DEFAULT_PORTS[scheme.lower()], path or "/"


def _check_nonce(services: Services, claims: dict[str, Any], now: int) -> None:
    found, period = claims.get("nonce"), now // NONCE_SECONDS
    if not isinstance(found, str):
        _refuse("use_dpop_nonce", "none")
    ours = [*_nonces(services, period), *_nonces(services, period - 1)]
    if not any(compare_digest(found.encode(), one.encode()) for one in ours):
        _refuse("use_dpop_nonce", "old")


def _nonces(services: Services, period: int) -> list[str]:
    """The nonce of a period of NONCE_SECONDS; one for each listed secret key, newest first."""
    made = services.sealer.fingerprints("dpop-nonce", str(period).encode())
    return [urlsafe_b64encode(one[:18]).decode() for one in made]


def _hash_token(access_token: str) -> str:
    """`ath`, RFC 9449 section 4.2."""
    return urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()).decode().rstrip("=")
