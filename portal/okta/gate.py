"""Keeps one slow Okta from taking the others down (security.md 10): a cap on calls at once, and a breaker, per host.

Knows nothing of HTTP; it only hears how calls ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from portal.errors import Problem, Refused
from portal.okta.deadline import Deadline

_WAITERS = 16
_WAIT_SECONDS = 1.0
_FAILURES_IN_A_ROW = 5
_OPEN_SECONDS = 5.0
_MOST_GATES = 1024


class Gate:
    """The way to one host. `enter` before a call, `leave` after it, whatever happened."""

    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._free = threading.Condition(threading.Lock())
        self._inside = 0
        self._waiting = 0
        self._failures = 0
        self._open_until = 0.0
        self._trial = False

    def enter(self, deadline: Deadline) -> bool:
        """Waits at most 1 s for a place. Returns whether this call is the breaker's trial; hand that to `leave`.

        Raises Refused: OKTA_BUSY "op_busy", OKTA_UNREACHABLE "op_breaker_open".
        """
        with self._free:
            self._check_breaker()
            if self._inside >= self._most:
                self._wait(deadline)
                self._check_breaker()
            self._inside += 1
            self._trial = trial = self._failures >= _FAILURES_IN_A_ROW
            return trial

    def leave(self, *, failed: bool, trial: bool) -> None:
        """Gives the place back. `failed` -- the host could not be reached or did not answer in time."""
        with self._free:
            self._inside -= 1
            if trial:
                self._trial = False
            if not failed:
                self._failures = 0
            else:
                self._failures += 1
                if self._failures >= _FAILURES_IN_A_ROW:
                    self._open_until = self._clock() + _OPEN_SECONDS
                    # Whoever still waits for a place learns at once that there is nothing to wait for.
                    self._free.notify_all()
            if self._waiting:
                self._free.notify()

    @property
    def is_idle(self) -> bool:
        """Nobody is inside or waiting and nothing is held against the host: this gate may be forgotten."""
        with self._free:
            shut = self._failures and self._clock() < self._open_until + _OPEN_SECONDS
            return not (self._inside or self._waiting or shut)

    def _check_breaker(self) -> None:
        # After the pause exactly one call goes through to try; the rest keep being answered at once.
        if self._failures >= _FAILURES_IN_A_ROW and (self._trial or self._clock() < self._open_until):
            raise Refused(Problem.OKTA_UNREACHABLE, "op_breaker_open")

    def _wait(self, deadline: Deadline) -> None:
        if self._waiting >= _WAITERS:
            raise Refused(Problem.OKTA_BUSY, "op_busy")
        self._waiting += 1
        try:
            if not self._free.wait_for(lambda: self._inside < self._most, min(_WAIT_SECONDS, deadline.left())):
                raise Refused(Problem.OKTA_BUSY, "op_busy")
        finally:
            self._waiting -= 1


class Gates:
    """One gate per host. Hosts come from owners, so that what is idle is forgotten when there are many."""

    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}

    def to(self, base: str) -> Gate:
        """The gate to the origin `base`."""
        gate = self._gates.get(base)
        if gate is not None:
            return gate
        with self._lock:
            if len(self._gates) >= _MOST_GATES:
                self._gates = {name: gate for name, gate in self._gates.items() if not gate.is_idle}
            return self._gates.setdefault(base, Gate(self._clock, self._most))
