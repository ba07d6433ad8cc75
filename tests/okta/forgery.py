"""Forges ID tokens from the recipes of `cases/id_token_attacks.json`, for checks of one function and of whole logins.

Uses `cryptography` alone: a forger built on the library under test would share its faults.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CASES = Path(os.environ.get("POINT_SHARED", Path(__file__).parents[3] / "shared")) / "cases"


def load_cases(name: str, member: str = "cases") -> list[dict[str, Any]]:
    """The cases of one file, read in place; an empty list where the files are not."""
    path = CASES / f"{name}.json"
    return list(json.loads(path.read_text())[member]) if path.exists() else []


def by_id(cases: list[dict[str, Any]]) -> list[Any]:
    """Parameters named by the cases' ids; one skipped parameter when there are no cases."""
    missing = pytest.param({}, id="cases", marks=pytest.mark.skip(reason=f"needs the case files in {CASES}"))
    return [pytest.param(case, id=case["id"]) for case in cases] or [missing]


@dataclass(frozen=True)
class TestKeys:
    """Who may sign: the issuer, its EC key, another tenant's issuer, and a stranger."""

    __test__ = False

    trusted: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey
    trusted_other_tenant: rsa.RSAPrivateKey
    attacker: rsa.RSAPrivateKey

    def jwks(self) -> dict[str, Any]:
        """The issuer's set: k1 to sign with, kPS the same key but declared for PS256, kE an EC key."""
        return {
            "keys": [
                rsa_jwk(self.trusted, kid="k1", alg="RS256"),
                rsa_jwk(self.trusted, kid="kPS", alg="PS256"),
                ec_jwk(self.ec, kid="kE", alg="ES256"),
            ]
        }


@cache
def test_keys() -> TestKeys:
    """One set for the whole run: RSA keys take their time."""
    first, second, third = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    return TestKeys(first, ec.generate_private_key(ec.SECP256R1()), second, third)


test_keys.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test


def forge(
    recipe: dict[str, Any],
    *,
    header: dict[str, Any],
    claims: dict[str, Any],
    keys: TestKeys,
    access_token: str = "",
) -> str:
    """The token that `recipe` describes.

    header, claims -- of the honest token; the recipe's are merged into them, null removes. Its $names are taken from
    them: $now is iat, $client_id is aud. access_token -- what at_hash is about.
    """
    values = _values(claims, access_token)
    header = _merge(header, recipe.get("header", {}), values)
    claims = _merge(claims, recipe.get("claims", {}), values)
    return _RAW[recipe.get("raw", "plain")](header, claims, recipe.get("key", "trusted"), keys)


def at_hash(value: str) -> str:
    """OIDC Core 3.1.3.6."""
    return encode(hashlib.sha256(value.encode()).digest()[:16])


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def rsa_jwk(key: rsa.RSAPrivateKey, **members: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    numbers = key.public_key().public_numbers()
    modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
    return {"kty": "RSA", "use": "sig", "n": encode(modulus), "e": encode(numbers.e.to_bytes(3, "big")), **members}


def ec_jwk(key: ec.EllipticCurvePrivateKey, **members: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    numbers = key.public_key().public_numbers()
    x, y = (encode(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "use": "sig", "x": x, "y": y, **members}


def sign(header: bytes, payload: bytes, who: str, keys: TestKeys) -> str:
    """A compact JWS over the bytes as they are, whatever the header says."""
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(_signature(signed.encode(), who, keys))}"


def _signature(message: bytes, who: str, keys: TestKeys) -> bytes:
    if who == "none":
        return b""
    if who.startswith("hmac_"):
        return hmac.new(_hmac_secret(who, keys), message, hashlib.sha256).digest()
    if who == "ec":
        r, s = decode_dss_signature(keys.ec.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    key: rsa.RSAPrivateKey = getattr(keys, who)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def _hmac_secret(who: str, keys: TestKeys) -> bytes:
    public = keys.trusted.public_key()
    modulus = public.public_numbers().n.to_bytes(256, "big")
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"hmac_pub_pem": pem, "hmac_jwk_n": modulus, "hmac_empty": b""}[who]


def _values(claims: dict[str, Any], access_token: str) -> dict[str, Any]:
    return {
        "$client_id": claims["aud"],
        "$CLIENT_ID": claims["aud"].swapcase(),
        "$iss": claims["iss"],
        "$nonce": claims.get("nonce"),
        "$SUB_UPPER": claims["sub"].upper(),
        "$at_hash_wrong_half": encode(hashlib.sha256(access_token.encode()).digest()[16:]),
        "$now": claims["iat"],
    }


def _merge(honest: dict[str, Any], changes: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = {**honest, **{name: _fill(value, values) for name, value in changes.items()}}
    return {name: value for name, value in merged.items() if not (name in changes and changes[name] is None)}


def _fill(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    if value.startswith("$now"):
        return values["$now"] + int(value[4:] or 0)
    for name in sorted(values, key=len, reverse=True):
        value = value.replace(name, str(values[name]))
    return value


# -- what is done to the finished token ------------------------------------------------------------


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _plain(header: dict[str, Any], claims: dict[str, Any], who: str, keys: TestKeys) -> str:
    return sign(_json(header), _json(claims), who, keys)


def _swap_payload(*parts: Any) -> str:
    head, _, signature = _plain(*parts).split(".")
    return f"{head}.{encode(_json({**parts[1], 'sub': 'somebody-else'}))}.{signature}"


def _strip_signature(*parts: Any) -> str:
    return _plain(*parts).rpartition(".")[0] + "."


def _garbage_signature(*parts: Any) -> str:
    return _strip_signature(*parts) + "AAAA"


def _jwe_pbes2(header: dict[str, Any], *_: Any) -> str:
    cost = {**header, "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": "AAAA", "p2c": 2**31 - 1}
    return ".".join([encode(_json(cost)), "AAAA", "AAAA", "AAAA", "AAAA"])


def _standard_base64(header: dict[str, Any], claims: dict[str, Any], who: str, keys: TestKeys) -> str:
    token = _plain(header, {**claims, "x": "~~~???>>>" * 3}, who, keys)
    changed = token.replace("-", "+").replace("_", "/")
    assert changed != token
    return changed


def _white_space(*parts: Any) -> str:
    return f" {_plain(*parts)}\n"


def _trailing_bits(*parts: Any) -> str:
    token = _plain(*parts)  # 256 bytes leave four bits unused in the last character
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def _duplicate_alg(header: dict[str, Any], claims: dict[str, Any], who: str, keys: TestKeys) -> str:
    return sign(b'{"alg":"none",' + _json(header)[1:], _json(claims), who, keys)


def _duplicate_claim(header: dict[str, Any], claims: dict[str, Any], who: str, keys: TestKeys) -> str:
    evil = b'{"iss":"https://evil.example","aud":"evil",'
    return sign(_json(header), evil + _json(claims)[1:], who, keys)


def _payload_array(header: dict[str, Any], claims: dict[str, Any], who: str, keys: TestKeys) -> str:
    return sign(_json(header), _json([claims]), who, keys)


def _deep(header: dict[str, Any], claims: dict[str, Any], who: str, keys: TestKeys) -> str:
    nested = b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"," + _json(claims)[1:]
    return sign(_json(header), nested, who, keys)


_RAW: dict[str, Any] = {
    "plain": _plain,
    "swap_payload": _swap_payload,
    "strip_sig": _strip_signature,
    "garbage_sig": _garbage_signature,
    "jwe_pbes2": _jwe_pbes2,
    "stdb64": _standard_base64,
    "ws": _white_space,
    "trailing_bits": _trailing_bits,
    "dup_alg": _duplicate_alg,
    "dup_claim": _duplicate_claim,
    "payload_array": _payload_array,
    "deep": _deep,
}
