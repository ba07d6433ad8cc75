"""One moment by which a whole call has to be over, handed down to every wait in it. Knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Callable


class Deadline:
    """`seconds` from now. A peer that sends a byte now and then cannot move it."""

    __slots__ = ("_clock", "_end")

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds that are left, always above 0. Raises TimeoutError when none are."""
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def within(self, seconds: float) -> Deadline:
        """A deadline for a part of the work: `seconds` from now, but never later than this one."""
        part = Deadline(self._clock, seconds)
        part._end = min(part._end, self._end)
        return part
