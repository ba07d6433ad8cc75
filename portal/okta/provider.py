"""An issuer's metadata and keys, kept, and shared by all logins of that issuer.

One thread asks while the others use what is there; an issuer that fails or turns hostile never replaces the last good
copy. Keys are believed for 15 minutes at most while the issuer answers, so a key that Okta withdraws is dead here
within that time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from urllib.parse import urlencode

from authlib.oidc.discovery import get_well_known_url

from portal.errors import Problem, Refused
from portal.okta.keep import Kept
from portal.okta.keys import Key, choose_key, read_keys
from portal.okta.metadata import Provider, read_metadata
from portal.okta.refusals import Answer, Door, get_twice, read_error, require_ok

MAX_ISSUERS = 1000
MAX_KEYS_AGE = 15 * 60  # seconds: how long a withdrawn key may live on
_KEYS_DUE = 10 * 60  # seconds: asked for early, so that nobody has to wait at the limit
_STALE = 24 * 3600  # seconds that the last good copy serves while the issuer fails
_JSON = {"accept": "application/json"}


class _Shelf:
    """What is kept of one issuer."""

    __slots__ = ("jwks_uri", "keys", "metadata")

    def __init__(self) -> None:
        self.metadata: Kept[Provider] = Kept()
        self.keys: Kept[list[Key]] = Kept()
        self.jwks_uri = ""

    def keys_at(self, jwks_uri: str) -> Kept[list[Key]]:
        """An issuer that moves its keys starts anew: the old place's keys say nothing about the new one."""
        if self.jwks_uri != jwks_uri:
            self.keys, self.jwks_uri = Kept(), jwks_uri
        return self.keys


class Providers:
    """The issuers in use, at most 1,000; safe for threads. `seconds` is how long an issuer is believed unasked."""

    def __init__(
        self, door: Door, *, clock: Callable[[], float] = time.time, seconds: int = 3600, loopback: bool = False
    ) -> None:
        self._door = door
        self._clock = clock
        self._seconds = seconds
        self._loopback = loopback
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()
        self._lock = Lock()

    def load(self, issuer: str) -> Provider:
        """The issuer's metadata, kept (OIDC Discovery section 4).

        Raises Refused(OKTA_UNREACHABLE | OKTA_BUSY | OKTA_ANSWER_INVALID) when there is no copy of the last 24 hours.
        """
        return self._shelf(issuer).metadata.get(
            lambda: self._fetch_metadata(issuer), now=self._clock(), due=self._seconds, limit=_STALE, stale=_STALE,
            alarm=("metadata_refresh_rejected", issuer),
        )

    def fetch(self, issuer: str, client_id: str | None = None, *, once: bool = False) -> Provider:
        """The issuer's metadata as it is now, for an owner who saves; with `client_id`, as Okta shows it to that app.

        once -- does not try again when Okta fails.
        Raises Refused like `load`, and what only an owner can mend: CLIENT_UNKNOWN, AUTHORIZATION_SERVER_UNKNOWN,
        API_ACCESS_MANAGEMENT.
        """
        return self._fetch_metadata(issuer, client_id, for_owner=True, once=once)

    def key(self, provider: Provider, kid: str | None, algorithm: str) -> Key:
        """The key that an ID token names (OIDC Core 10.1.1). An unknown one asks the issuer, at most every 10 s.

        Raises Refused(ID_TOKEN_REFUSED, unknown_key | key_alg_mismatch), and like `load` when there are no keys at all.
        """
        kept = self._shelf(provider.issuer).keys_at(provider.jwks_uri)
        now, alarm = self._clock(), ("jwks_refresh_rejected", provider.issuer)

        def fetch() -> list[Key]:
            return self._fetch_keys(provider.jwks_uri)

        due = min(self._seconds, _KEYS_DUE)
        keys = kept.get(fetch, now=now, due=due, limit=MAX_KEYS_AGE, stale=_STALE, alarm=alarm)
        found = choose_key(keys, kid, algorithm)
        if found is None:
            found = choose_key(kept.get_newer(keys, fetch, now=now, alarm=alarm), kid, algorithm)
        if found is None:
            raise Refused(Problem.ID_TOKEN_REFUSED, "unknown_key", f"{kid!r:.60}")
        return found

    def has_key(self, provider: Provider, kid: str | None, algorithm: str) -> bool:
        """Whether that key is among those kept, so that nobody would have to be asked for it."""
        try:
            kept = self._shelf(provider.issuer).keys_at(provider.jwks_uri).peek()
            return choose_key(kept or [], kid, algorithm) is not None
        except Refused:
            return False

    def forget(self, issuer: str) -> None:
        """Drops what is kept of `issuer`, so that the next login asks anew."""
        with self._lock:
            self._shelves.pop(issuer, None)

    def _shelf(self, issuer: str) -> _Shelf:
        with self._lock:
            shelf = self._shelves.get(issuer)
            if shelf is None:
                shelf = self._shelves[issuer] = _Shelf()
                if len(self._shelves) > MAX_ISSUERS:
                    self._shelves.popitem(last=False)
            else:
                self._shelves.move_to_end(issuer)
            return shelf

    def _fetch_metadata(
        self, issuer: str, client_id: str | None = None, *, for_owner: bool = False, once: bool = False
    ) -> Provider:
        url = str(get_well_known_url(issuer, external=True))
        if client_id is not None:
            url = f"{url}?{urlencode({'client_id': client_id})}"
        answer = self._door.get(url, headers=_JSON) if once else get_twice(self._door, url, headers=_JSON)
        if for_owner:
            _check_for_owner(answer)
        require_ok(answer, call="discovery")
        return read_metadata(answer.json(), issuer=issuer, loopback=self._loopback)

    def _fetch_keys(self, jwks_uri: str) -> list[Key]:
        answer = get_twice(self._door, jwks_uri, headers=_JSON)
        require_ok(answer, call="jwks")
        return read_keys(answer.json())


_FOR_OWNER = {
    (400, "invalid_client"): Problem.CLIENT_UNKNOWN,
    (401, "invalid_client"): Problem.CLIENT_UNKNOWN,
    (404, "E0000007"): Problem.AUTHORIZATION_SERVER_UNKNOWN,
    (401, "E0000015"): Problem.API_ACCESS_MANAGEMENT,
}


def _check_for_owner(answer: Answer) -> None:
    """Okta says in its management shape what is wrong with what an owner entered."""
    if 400 <= answer.status < 500:
        error, _ = read_error(answer)
        problem = _FOR_OWNER.get((answer.status, error))
        if problem is not None:
            raise Refused(problem, "discovery_http_status", f"HTTP {answer.status} {error}")
