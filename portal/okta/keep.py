"""One thing fetched from an issuer and kept: fresh, then due, then stale, and asked for by one thread at a time.

Knows nothing of what it keeps. A fetch that fails never empties it, and is not repeated for 10 seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from portal.errors import Problem, Refused

RETRY = 10  # seconds between two tries while there is something to fall back to
PATIENCE = 2.0  # seconds that a thread waits for another thread's fetch before it gives its worker free

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Kept(Generic[T]):
    """All times are epoch seconds and come in as `now`; `alarm` is (code, issuer) for the log when a fetch fails.

    patience -- seconds to wait for another thread's fetch.
    """

    __slots__ = ("_error", "_failed_at", "_fetched_at", "_lock", "_newer_at", "_patience", "_tries", "_value")

    def __init__(self, patience: float = PATIENCE) -> None:
        self._lock = Lock()
        self._patience = patience
        self._value: T | None = None
        self._error = Refused(Problem.OKTA_UNREACHABLE)
        self._fetched_at = self._failed_at = self._newer_at = float("-inf")
        self._tries = 0

    def get(
        self, fetch: Callable[[], T], *, now: float, due: float, limit: float, stale: float, alarm: tuple[str, str]
    ) -> T:
        """The kept value, fetched anew by one thread when it is older than `due` seconds.

        Between `due` and `limit` the other threads go on with what there is; after `limit` they wait for the fetch.
        If that fails, what is kept serves until it is `stale` seconds old. Raises Refused as `fetch` does, and
        OKTA_BUSY when another thread's fetch takes too long.
        """
        # `tries` is read first: if it has not changed when the lock is ours, neither has the rest.
        tries, value, age = self._tries, self._value, now - self._fetched_at
        if value is not None and age < due:
            return value
        if value is not None and now - self._failed_at < RETRY:
            return self._last_good(now, stale)
        if not self._lock.acquire(timeout=0.0 if value is not None and age < limit else self._patience):
            if value is None:
                raise Refused(Problem.OKTA_BUSY, "op_busy")
            return self._last_good(now, stale)
        try:
            if self._tries == tries:
                self._try(fetch, now, alarm)
            return self._last_good(now, stale)
        finally:
            self._lock.release()

    def peek(self) -> T | None:
        """What is kept, however old, without asking anybody."""
        return self._value

    def get_newer(self, seen: T, fetch: Callable[[], T], *, now: float, alarm: tuple[str, str]) -> T:
        """A value that is newer than `seen`, which lacked something; `seen` itself within 10 s of the last such fetch.

        Raises Refused as `fetch` does, and OKTA_BUSY like `get`; the kept value stays.
        """
        tries = self._tries
        if not self._lock.acquire(timeout=self._patience):
            raise Refused(Problem.OKTA_BUSY, "op_busy")
        try:
            if self._value is seen and self._tries == tries and now - self._newer_at >= RETRY:
                self._newer_at = now
                if not self._try(fetch, now, alarm):
                    raise self._error
            return self._value if self._value is not None else seen
        finally:
            self._lock.release()

    def _try(self, fetch: Callable[[], T], now: float, alarm: tuple[str, str]) -> bool:
        try:
            self._value, self._fetched_at = fetch(), now
        except Refused as refused:
            # A copy, since many threads may raise it and each would add its traceback.
            self._error, self._failed_at = Refused(refused.problem, refused.reason, refused.detail), now
            _log.warning("%s issuer=%s reason=%s", alarm[0], alarm[1], refused.reason)
            return False
        finally:
            self._tries += 1
        return True

    def _last_good(self, now: float, stale: float) -> T:
        if self._value is not None and now - self._fetched_at < stale:
            return self._value
        raise Refused(self._error.problem, self._error.reason, self._error.detail)
