"""Encrypts what leaves our hands (cookies) or rests (Okta's tokens), with the secret keys, newest first.

AES-256-GCM under a key derived per purpose (HKDF, RFC 5869), so that what was sealed for one purpose opens for no
other. Rotation is prepending a key: the newest seals, every listed one opens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_HINT = 2


class SealBroken(Exception):  # noqa: N818 - it says what happened
    """What should be opened was not sealed by one of our keys for this purpose and context."""


class Sealer:
    """Seals and opens bytes under the portal's secret keys (newest first)."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._secrets = [key.encode() for key in secret_keys]
        self._hints = {hashlib.sha256(b"hint" + key).digest()[:_HINT]: key for key in reversed(self._secrets)}
        self._ciphers: dict[tuple[bytes, str], AESGCM] = {}
        self._newest = hashlib.sha256(b"hint" + self._secrets[0]).digest()[:_HINT]

    def seal(self, purpose: str, content: bytes, context: bytes = b"") -> bytes:
        """`content`, encrypted; `context` has to be the same when it is opened (GCM's associated data)."""
        nonce = os.urandom(_NONCE)
        return self._newest + nonce + self._cipher(self._newest, purpose).encrypt(nonce, content, context)

    def unseal(self, purpose: str, sealed: bytes, context: bytes = b"") -> bytes:
        """What was sealed. Raises SealBroken."""
        hint = sealed[:_HINT]
        if hint not in self._hints:
            raise SealBroken(purpose)
        try:
            nonce, encrypted = sealed[_HINT : _HINT + _NONCE], sealed[_HINT + _NONCE :]
            return self._cipher(hint, purpose).decrypt(nonce, encrypted, context)
        except (InvalidTag, ValueError) as exc:
            raise SealBroken(purpose) from exc

    def seal_text(self, purpose: str, content: bytes) -> str:
        """`content`, sealed, as text for a cookie (base64url without padding)."""
        return base64.urlsafe_b64encode(self.seal(purpose, content)).decode().rstrip("=")

    def unseal_text(self, purpose: str, text: str | None) -> bytes:
        """What `seal_text` sealed. Raises SealBroken for everything else, None included."""
        try:
            sealed = base64.urlsafe_b64decode((text or "") + "=" * (-len(text or "") % 4))
        except (binascii.Error, ValueError) as exc:
            raise SealBroken(purpose) from exc
        return self.unseal(purpose, sealed)

    def fingerprint(self, purpose: str, content: bytes) -> bytes:
        """32 bytes that only we can compute from `content` (HMAC-SHA-256 with the newest key)."""
        return self.fingerprints(purpose, content)[0]

    def fingerprints(self, purpose: str, content: bytes) -> list[bytes]:
        """`fingerprint` with every listed key, newest first: what was given out before a rotation is among them."""
        message = purpose.encode() + b"\0" + content
        return [hmac.digest(secret, message, "sha256") for secret in self._secrets]

    def _cipher(self, hint: bytes, purpose: str) -> AESGCM:
        cipher = self._ciphers.get((hint, purpose))
        if cipher is None:
            key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._hints[hint])
            cipher = self._ciphers[hint, purpose] = AESGCM(key)
        return cipher
