"""The calls of one run of the checks to one Okta: in time, few at once, and none any more once it turns us away.

A check must never be what keeps people out: at most four calls are under way, none waits long enough to be held against
the host (gate.py), and the first that finds nobody, or hears 429, is the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from portal.errors import Problem, Refused
from portal.okta.connect import LimitedDoor
from portal.okta.interact import hear
from portal.okta.interact_answers import Heard
from portal.okta.refusals import Answer

AT_ONCE = 4
# Less than a quarter of the door's 10 s: a call that gives up sooner says nothing about the host to the breaker.
CALL_SECONDS = 2.4
_GONE = frozenset({"op_unavailable", "op_breaker_open", "domain_unresolvable", "dns_temporary_failure"})
_RATE_LIMITED = (Problem.OKTA_BUSY, "rate_limited")
_T = TypeVar("_T")


class Calls:
    """The way to one Okta.

    pool  -- runs the calls that may go on beside each other; they never wait for one another.
    until -- when the run is over, in seconds of `time.monotonic`.
    """

    def __init__(self, door: LimitedDoor, pool: Executor, until: float) -> None:
        self.door = door
        self._pool = pool
        self._until = until
        self._stopped: tuple[Problem, str] | None = None

    def run(self, call: Callable[[], _T], seconds: float = CALL_SECONDS) -> _T:
        """Makes a call of at most `seconds`. Raises what it raises, and Refused at once when no more is to be asked."""
        if self._stopped is not None:
            raise Refused(*self._stopped)
        left = self._until - time.monotonic()
        if left <= 0:
            raise Refused(Problem.OKTA_UNREACHABLE, "op_timeout")
        try:
            with self.door.within(min(seconds, left), "(checks)"):
                return call()
        except Refused as refused:
            if is_rate_limit(refused):
                self._stopped = _RATE_LIMITED
            elif refused.reason in _GONE:
                self._stopped = refused.problem, refused.reason
            raise

    def hear(self, call: Callable[[], Answer]) -> Heard:
        """The same for a call whose answer is read as it is."""
        heard = hear(lambda: self.run(call))
        if heard.status == 429:
            self._stopped = _RATE_LIMITED
        return heard

    def start(self, call: Callable[[], Answer]) -> Future[Heard]:
        """`hear` beside whatever else is going on."""
        return self._pool.submit(self.hear, call)

    def start_job(self, job: Callable[[], _T]) -> Future[_T]:
        """Several calls in a row beside whatever else is going on; each of them has to be heard or run."""
        return self._pool.submit(job)

    def start_run(self, call: Callable[[], _T]) -> Future[_T]:
        """`run` beside whatever else is going on."""
        return self._pool.submit(self.run, call)


def is_rate_limit(refused: Refused) -> bool:
    """Whether Okta said 429, wherever that was noticed."""
    return refused.reason in ("rate_limited", "organization_busy") or "HTTP 429" in refused.detail
