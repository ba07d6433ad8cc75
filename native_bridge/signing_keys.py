"""The keys behind POINT's access tokens: made by us, sealed at rest, published as a JWK set, changed every month.

A key signs for 30 days. Its successor is made and published a day before it is used, and an old key stays published
until the last token it signed has long expired, so that nobody ever meets a token whose key is not there.
One transaction at a time, over all nodes, looks at the table and adds a key: two can never make one each.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from joserfc.jwa import ESAlgorithm
from joserfc.jwk import ECKey

from portal.sealing import SealBroken
from portal.services import Services
from portal.store.signing_keys import StoredKey, add_key, list_keys, lock_keys, remove_keys

TOKEN_SECONDS = 600  # how long an access token lives
SIGN_SECONDS = 30 * 86400
AHEAD_SECONDS = 86400
STAY_SECONDS = TOKEN_SECONDS + 3600
READ_SECONDS = 60
UNKNOWN_SECONDS = 10

_PURPOSE = "signing-key"
_ES256 = ESAlgorithm("ES256", "P-256", 256)


def verifies(public: ECKey, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes, RFC 7518 section 3.4) is that of ES256 by this key over `message`."""
    return bool(_ES256.verify(message, signature, public))


@dataclass(frozen=True, slots=True)
class Key:
    """A P-256 key of ours. `kid` is its thumbprint (RFC 7638); it signs from `use_from` (epoch seconds) on."""

    kid: str
    use_from: int
    private: ECKey
    public: ECKey

    def sign(self, message: bytes) -> bytes:
        """The ES256 signature of `message`, 64 bytes (RFC 7518 section 3.4)."""
        return bytes(_ES256.sign(message, self.private))


class SigningKeys:
    """One per process, for all threads.

    Reads the table once a minute, and at once for a kid it has not seen, but then at most every ten seconds; makes a
    key when one is due, which writes: all but `signing` are for outside of `Database.writing()`.
    Every method raises Refused(UNAVAILABLE) while the database is away.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._seen: _Seen | None = None

    def signing(self) -> Key:
        """The key that signs now. It may be asked for inside a transaction that writes: only on an empty table does it
        write itself, and a successor is left to `public`, `jwks` or `rotate`, who have a day for it."""
        return _in_use(self._look(writes=False).keys, self._services.clock())

    def public(self, kid: str) -> ECKey | None:
        """The published key with this id."""
        found = self._look().public.get(kid)
        return found if found is not None else self._look(seconds=UNKNOWN_SECONDS).public.get(kid)

    def jwks(self) -> dict[str, Any]:
        """The published keys, those that will sign soon included (RFC 7517 section 5)."""
        marks = {"use": "sig", "alg": "ES256"}
        return {"keys": [{**public.as_dict(), **marks, "kid": kid} for kid, public in self._look().public.items()]}

    def rotate(self, now: int) -> bool:
        """Makes the key that is due; False when none is. `now` in epoch seconds, as everywhere here."""
        with self._lock:
            return self._make(now)

    def remove_old(self, now: int) -> int:
        """Forgets the keys whose tokens have all expired for an hour or more; returns how many they were."""
        with self._services.db.writing() as connection:
            lock_keys(connection)
            keys = self._open(list_keys(connection))
            return remove_keys(connection, before=_published(keys, now)[0].use_from) if keys else 0

    def keep_up(self, now: int) -> int:
        """What `maintenance` does: makes the key that is due and forgets old ones; returns how many it forgot."""
        self.rotate(now)
        return self.remove_old(now)

    def _look(self, *, seconds: int = READ_SECONDS, writes: bool = True) -> _Seen:
        """The keys as they were at most so long ago. Who must not write does not wait for a thread that does either,
        since that one may be waiting for the very transaction which is asking here."""
        seen, now = self._seen, self._services.clock()
        if seen is not None and 0 <= now - seen.at < seconds and not (writes and _is_due(seen.keys, now)):
            return seen
        if not self._lock.acquire(blocking=writes or seen is None):
            assert seen is not None
            return seen
        try:
            if self._seen is seen:  # Else another thread has just read them.
                self._read(now, writes=writes)
            assert self._seen is not None
            return self._seen
        finally:
            self._lock.release()

    def _read(self, now: float, *, writes: bool) -> None:
        with self._services.db.reading() as connection:
            keys = self._open(list_keys(connection))
        if _is_due(keys, now) and (writes or not keys):
            self._make(int(now))
        else:
            self._keep(keys, now)

    def _make(self, now: int) -> bool:
        """Looks again, alone, and adds a key if there is still none; the lock is the caller's."""
        with self._services.db.writing() as connection:
            lock_keys(connection)
            keys = self._open(list_keys(connection))
            due = _is_due(keys, now)
            if due:
                private = generate_private_key(SECP256R1())
                key = _key(private, use_from=_next_use(keys, now))
                content = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
                sealed = self._services.sealer.seal(_PURPOSE, content, key.kid.encode())
                add_key(connection, kid=key.kid, sealed_key=sealed, now=now, use_from=key.use_from)
                keys.append(key)
        self._keep(keys, now)
        return due

    def _keep(self, keys: Sequence[Key], now: float) -> None:
        published = _published(keys, now)
        self._seen = _Seen(now, tuple(published), {key.kid: key.public for key in published})

    def _open(self, stored: Sequence[StoredKey]) -> list[Key]:
        """Those that a listed secret key opens; the others are as good as gone."""
        keys = []
        for one in stored:
            with suppress(SealBroken):
                content = self._services.sealer.unseal(_PURPOSE, one.sealed_key, one.kid.encode())
                private = cast(EllipticCurvePrivateKey, load_der_private_key(content, None))
                keys.append(_key(private, use_from=one.use_from))
        return keys


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read at `at`: the published keys, in the order of their use."""

    at: float
    keys: tuple[Key, ...]
    public: dict[str, ECKey]


def _key(private: EllipticCurvePrivateKey, *, use_from: int) -> Key:
    public = ECKey.import_key(private.public_key())
    return Key(public.thumbprint(), use_from, ECKey.import_key(private), public)


# -- when: all of it follows from the keys' `use_from`; `keys` are in the order of their use ---------------------------


def _in_use(keys: Sequence[Key], now: float) -> Key:
    """The last whose time has come. A first key of a node whose clock is ahead is used before its time."""
    return next((key for key in reversed(keys) if key.use_from <= now), keys[0])


def _is_due(keys: Sequence[Key], now: float) -> bool:
    return not keys or keys[-1].use_from + SIGN_SECONDS - AHEAD_SECONDS <= now


def _next_use(keys: Sequence[Key], now: int) -> int:
    """At once for a first key; a successor that comes late is still published for a day before."""
    return max(keys[-1].use_from + SIGN_SECONDS, now + AHEAD_SECONDS) if keys else now


def _published(keys: Sequence[Key], now: float) -> Sequence[Key]:
    """All from the one on that signed when a token now to be believed may have been signed."""
    return keys[keys.index(_in_use(keys, now - STAY_SECONDS)) :] if keys else keys
