"""Signing keys. A ring publishes two: the active key, and the next one before it is ever used.

Making an RSA key is slow, so keys are made when first needed, and rings of the same name in one process share theirs.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import RSAKey

Claims = dict[str, Any]


def encode_part(value: Mapping[str, Any] | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """One RSA key pair. `encode` signs whatever header and claims it is given, sound or not."""

    def __init__(self, key: RSAKey) -> None:
        self.key = key
        self.kid = str(key.thumbprint())
        private = key.private_key
        assert isinstance(private, RSAPrivateKey)
        self.private = private
        self.jwk: dict[str, Any] = {
            **key.as_dict(private=False), "kty": "RSA", "alg": "RS256", "kid": self.kid, "use": "sig",
        }

    @property
    def public_pem(self) -> bytes:
        return self.key.as_pem(private=False)

    def sign(self, content: bytes) -> bytes:
        return self.private.sign(content, PKCS1v15(), hashes.SHA256())

    def encode(self, header: Mapping[str, Any], claims: Mapping[str, Any] | bytes) -> str:
        content = f"{encode_part(header)}.{encode_part(claims)}"
        return f"{content}.{encode_part(self.sign(content.encode()))}"


_shared: dict[str, list[Signer]] = {}
_making = Lock()


def make_signer() -> Signer:
    return Signer(RSAKey.generate_key(2048))


class KeyRing:
    """The keys of one authorization server. `name` None makes a ring of its own."""

    def __init__(self, name: str | None = None) -> None:
        self._signers: list[Signer] = [] if name is None else _shared.setdefault(name, [])
        self._active = 0
        self._next = 1

    def _signer(self, position: int) -> Signer:
        with _making:
            while len(self._signers) <= position:
                self._signers.append(make_signer())
            return self._signers[position]

    @property
    def active(self) -> Signer:
        return self._signer(self._active)

    @property
    def next(self) -> Signer:
        return self._signer(self._next)

    @property
    def published(self) -> list[Signer]:
        return [self.active, self.next]

    @property
    def known(self) -> list[Signer]:
        """Also the retired ones: an old ID token is still a good hint at logout."""
        return [self._signer(position) for position in range(self._next + 1)]

    def rotate(self) -> None:
        """The next key becomes the active one, and a new next key is made."""
        self._active, self._next = self._next, self._next + 1

    def replace(self) -> None:
        """A key that nobody can have seen becomes the active one at once, as after a compromise."""
        self._active, self._next = self._next + 1, self._next + 2

    def dump(self) -> dict[str, Any]:
        pems = [signer.key.as_pem(private=True).decode() for signer in self.known]
        return {"pems": pems, "active": self._active, "next": self._next}

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> "KeyRing":
        ring = cls()
        ring._signers = [Signer(RSAKey.import_key(pem)) for pem in dumped["pems"]]
        ring._active, ring._next = int(dumped["active"]), int(dumped["next"])
        return ring
