"""Limits on guessing, by the `limits` package: in memory, or in Redis where several nodes share them.

Nobody can lock anybody else out: what strangers use up for an address does not count for a browser that has logged in
to that account before (it carries a sealed cookie that says so and has limits of its own).
"""

from __future__ import annotations

import hashlib
import ipaddress
import time

from flask import Flask, current_app, g, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.services import Services
from portal.settings import Settings
from portal.web.headers import reference

# A school behind one address has refusals too, when its Okta is set up wrong.
_REFUSALS = 300
_MOST_RESTLESS = 10_000


class Limits:
    """The counters of one application. `restless` -- from where logins keep coming back refused, until when."""

    def __init__(self, settings: Settings) -> None:
        # Without Redis it costs nothing to ask; with it, a second must be enough.
        options = {"socket_timeout": 1, "socket_connect_timeout": 1} if settings.redis_url else {}
        storage = storage_from_string(settings.redis_url or "memory://", wrap_exceptions=True, **options)
        self.limiter = MovingWindowRateLimiter(storage)
        self.space = settings.base_url
        self.looseness = 10 if settings.demo else 1
        self.restless: dict[str, float] = {}


def init_app(app: Flask) -> None:
    """Makes the counters."""
    services: Services = app.extensions["point"]
    app.extensions["limits"] = Limits(services.settings)


def storage_answers() -> bool:
    """Whether the counters can be reached."""
    return _limits().limiter.storage.check()


def limit_passwords(email: str, *, known_browser: bool) -> None:
    """At most 30 tries a minute from one network, 10 in ten minutes from there for one address, and 200 for one address
    from anywhere, of which a browser that has logged in to it before knows nothing.

    Raises Refused(TOO_MANY).
    """
    network = network_of(request.remote_addr or "")
    address = hashlib.sha256(email.encode()).hexdigest()
    _hit("password-network", network, count=30, minutes=1)
    _hit("password-known" if known_browser else "password-address", f"{address} {network}", count=10, minutes=10)
    if not known_browser:
        _hit("password-anywhere", address, count=200, minutes=10)


def limit_saves(organization_id: int) -> None:
    """At most 30 saves in ten minutes of one organization, since each asks Okta. Raises Refused(TOO_MANY)."""
    _hit("save", str(organization_id), count=30, minutes=10)


def count_refusal(organization_id: int) -> bool:
    """Counts a login that came back and was turned down; False when there were very many from this network lately.

    Without its counters it counts nothing and keeps nobody out: logins by Okta do not depend on Redis.
    """
    whose = f"{organization_id} {network_of(request.remote_addr or '')}"
    try:
        _hit("refused-callback", whose, count=_REFUSALS, minutes=1)
    except Refused as refused:
        if refused.problem is not Problem.TOO_MANY:
            return True
        if len(_limits().restless) > _MOST_RESTLESS:
            _limits().restless.clear()
        _limits().restless[whose] = time.monotonic() + 60
        return False
    return True


def demand_calm(organization_id: int) -> None:
    """Turns away a network from which logins of this organization keep coming back refused, for a minute: each of them
    costs that organization's Okta a call and its activity a line. Raises Refused(TOO_MANY).
    """
    restless = _limits().restless
    if not restless:
        return
    whose = f"{organization_id} {network_of(request.remote_addr or '')}"
    if time.monotonic() < restless.get(whose, 0.0):
        g.retry_after = 60
        raise Refused(Problem.TOO_MANY, "refused_callback")


def network_of(address: str) -> str:
    """The address, or the /64 of an IPv6 address: a household, not one of its countless addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _limits() -> Limits:
    found: Limits = current_app.extensions["limits"]
    return found


def _hit(name: str, key: str, *, count: int, minutes: int) -> None:
    limits = _limits()
    item: RateLimitItem = RateLimitItemPerMinute(count * limits.looseness, minutes, name)
    try:
        allowed = limits.limiter.hit(item, limits.space, key)
        stats = None if allowed else limits.limiter.get_window_stats(item, limits.space, key)
    except StorageError as exc:
        # Guessing without a limit is worse than a login that has to wait: without its counters nobody tries a password.
        LOGGER.error("limits unavailable", exc_info=exc, extra={"event": {"reference": reference()}})
        raise Refused(Problem.UNAVAILABLE, "limits_unavailable") from exc
    if stats is not None:
        g.retry_after = max(1, int(stats.reset_time - time.time()) + 1)
        raise Refused(Problem.TOO_MANY, name.replace("-", "_"))
