"""Counters that slow guessing down, by the `limits` package: in memory, or in Redis where several nodes share them.

Knows no request; who is counted, and how many are allowed, is said where the limit is.
"""

from __future__ import annotations

import ipaddress
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.settings import Settings

_MOST_RESTLESS = 10_000


class Limits:
    """The counters of one application."""

    def __init__(self, settings: Settings) -> None:
        # Without Redis it costs nothing to ask; with it, a second must be enough.
        options = {"socket_timeout": 1, "socket_connect_timeout": 1} if settings.redis_url else {}
        storage = storage_from_string(settings.redis_url or "memory://", wrap_exceptions=True, **options)
        self._limiter = MovingWindowRateLimiter(storage)
        self._space = settings.base_url
        self._looseness = 10 if settings.demo else 1
        # From where logins keep coming back refused, until when.
        self._restless: dict[str, float] = {}

    def answers(self) -> bool:
        """Whether the counters can be reached."""
        found: bool = self._limiter.storage.check()
        return found

    def clear(self) -> None:
        """Forgets everything that was counted."""
        self._limiter.storage.reset()
        self._restless.clear()

    def hit(self, name: str, key: str, *, count: int, minutes: int) -> int:
        """Counts one of at most `count` in so many minutes; how many seconds to wait when there were more, else 0.

        Raises Refused(UNAVAILABLE): guessing without a limit is worse than a login that has to wait.
        """
        item: RateLimitItem = RateLimitItemPerMinute(count * self._looseness, minutes, name)
        try:
            if self._limiter.hit(item, self._space, key):
                return 0
            reset: float = self._limiter.get_window_stats(item, self._space, key).reset_time
        except StorageError as exc:
            LOGGER.error("limits unavailable", exc_info=exc)
            raise Refused(Problem.UNAVAILABLE, "limits_unavailable") from exc
        return max(1, int(reset - time.time()) + 1)


    def count_refusal(self, whose: str, *, count: int) -> bool:
        """Counts a login that was turned down; False when there were more than `count` in a minute, and `whose` is
        restless for the next.

        Without its counters it counts nothing and keeps nobody out: logins by Okta do not depend on Redis.
        """
        try:
            if not self.hit("refused-callback", whose, count=count, minutes=1):
                return True
        except Refused:
            return True
        if len(self._restless) > _MOST_RESTLESS:
            self._restless.clear()
        self._restless[whose] = time.monotonic() + 60
        return False

    def is_restless(self, whose: str) -> bool:
        """Whether logins keep coming back refused from there. Costs nothing while there is nobody like that."""
        return bool(self._restless) and time.monotonic() < self._restless.get(whose, 0.0)


def network_of(address: str) -> str:
    """The address, or the /64 of an IPv6 address: a household, not one of its countless addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
