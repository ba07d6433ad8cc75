"""An issuer's public keys: reads a JWKS into verification keys that are ready to use, and picks one.

Sizes are bounded before any arithmetic, so that a hostile issuer cannot buy CPU time with a monstrous key.
The signature itself is checked by joserfc, with the algorithm that we fix, never the one a key or a token wishes for.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from joserfc.jwa import ESAlgorithm, RSAAlgorithm
from joserfc.jwk import ECKey, RSAKey

from portal.errors import Problem, Refused

MAX_KEYS = 100
MAX_KID = 255
_RSA_BITS = range(2048, 8192 + 1)
_MAX_EXPONENT_BITS = 32
_MAX_NUMBER_CHARACTERS = 1400  # 8,192 bits are 1,366 characters
_MODELS: dict[str, Any] = {"RS256": RSAAlgorithm(256), "ES256": ESAlgorithm("ES256", "P-256", 256)}
_KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}
ALGORITHMS = tuple(_MODELS)


@dataclass(frozen=True, slots=True)
class Key:
    """One public key of an issuer. `alg` is what the JWK declares, None when it declares nothing."""

    kid: str | None
    kty: str
    alg: str | None
    public: RSAKey | ECKey

    def fits(self, algorithm: str) -> bool:
        """Whether the key is of the algorithm's type and does not declare another one (RFC 8725 section 3.1)."""
        return _KEY_TYPES.get(algorithm) == self.kty and self.alg in (None, algorithm)

    def verifies(self, message: bytes, signature: bytes, *, algorithm: str) -> bool:
        """Whether `signature` is this key's over `message`; False as well when the key does not fit."""
        return self.fits(algorithm) and bool(_MODELS[algorithm].verify(message, signature, self.public))


def read_keys(document: dict[str, Any]) -> list[Key]:
    """The signing keys of a JWKS (RFC 7517 section 5): RSA of 2048 to 8192 bits, and EC P-256.

    Keys that are not meant for us (encryption, other types, other curves) are skipped. A signing key that is unsound
    refuses the whole set: whoever publishes it is not believed about the next one either.
    Raises Refused(OKTA_ANSWER_INVALID, jwks_invalid | jwks_too_many_keys | jwks_key_unacceptable).
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or not all(isinstance(jwk, dict) for jwk in listed[: MAX_KEYS + 1]):
        raise Refused(Problem.OKTA_ANSWER_INVALID, "jwks_invalid", "keys is not a list of objects")
    if len(listed) > MAX_KEYS:
        raise Refused(Problem.OKTA_ANSWER_INVALID, "jwks_too_many_keys", f"{len(listed)} keys")
    return [_read_key(jwk) for jwk in listed if _is_for_us(jwk)]


def choose_key(keys: Iterable[Key], kid: str | None, algorithm: str) -> Key | None:
    """The key a token names, or, for a token that names none, the only one that fits; None when there is none.

    Raises Refused(ID_TOKEN_REFUSED): key_alg_mismatch when the named key is for something else, unknown_key when
    several would do, since trying them all invites confusion (OIDC Core section 10.1).
    """
    named = [key for key in keys if kid is None or key.kid == kid]
    fitting = [key for key in named if key.fits(algorithm)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise Refused(Problem.ID_TOKEN_REFUSED, "unknown_key", f"{len(fitting)} keys fit")
    if named and kid is not None:
        raise Refused(Problem.ID_TOKEN_REFUSED, "key_alg_mismatch", f"{named[0].kty} {named[0].alg!r:.40}")
    return None


def decode_base64url(text: str) -> bytes:
    """Base64url without padding, in its one canonical spelling (RFC 7515 section 2); ValueError for all others."""
    spare = len(text) % 4
    if spare == 1 or (spare and text[-1] not in _LAST[spare]):
        raise ValueError("not canonical base64url")
    return binascii.a2b_base64(text.encode("ascii").translate(_TO_STANDARD) + _PADDING[spare], strict_mode=True)


# Base64 differs from base64url in two characters; those, and padding, become something that no decoder takes.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# The last characters that leave no bit set which the decoder would drop.
_LAST = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def _is_for_us(jwk: dict[str, Any]) -> bool:
    if jwk.get("use", "sig") != "sig":
        return False
    operations = jwk.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return False
    return jwk.get("kty") == "RSA" or (jwk.get("kty") == "EC" and jwk.get("crv") == "P-256")


def _read_key(jwk: dict[str, Any]) -> Key:
    kid, alg = jwk.get("kid"), jwk.get("alg")
    if not (kid is None or (isinstance(kid, str) and len(kid) <= MAX_KID)) or not (alg is None or isinstance(alg, str)):
        raise _unacceptable("kid or alg")
    try:
        public = _read_rsa(jwk) if jwk["kty"] == "RSA" else _read_ec(jwk)
    except ValueError as error:
        raise _unacceptable(str(error)[:100]) from error
    return Key(kid, jwk["kty"], alg, public)


def _read_rsa(jwk: dict[str, Any]) -> RSAKey:
    modulus, exponent = _read_number(jwk, "n"), _read_number(jwk, "e")
    if modulus.bit_length() not in _RSA_BITS or modulus % 2 == 0:
        raise ValueError(f"RSA modulus of {modulus.bit_length()} bits")
    if exponent.bit_length() > _MAX_EXPONENT_BITS:
        raise ValueError(f"RSA exponent of {exponent.bit_length()} bits")
    return RSAKey.import_key(RSAPublicNumbers(exponent, modulus).public_key())


def _read_ec(jwk: dict[str, Any]) -> ECKey:
    x, y = _read_number(jwk, "x"), _read_number(jwk, "y")
    return ECKey.import_key(EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key())


def _read_number(jwk: dict[str, Any], name: str) -> int:
    text = jwk.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_NUMBER_CHARACTERS:
        raise ValueError(f"{name} is missing or too long")
    return int.from_bytes(decode_base64url(text), "big")


def _unacceptable(detail: str) -> Refused:
    return Refused(Problem.OKTA_ANSWER_INVALID, "jwks_key_unacceptable", detail)
