"""How far a set-up is, as every process can read it: each step, what was made, and signs of life while it waits.

Everything that is about to change at Okta is written down before it is done, so that a process that dies in between
leaves nothing behind that nobody knows of.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from portal.errors import Problem, Refused
from portal.services import Services
from portal.store.setup_runs import save_run

MOST_WAITING = 90.0  # seconds of one run, for Okta's rate limits
_BEAT_SECONDS = 1.0


class StopAsked(Exception):  # noqa: N818 - it says what happened
    """Somebody wants the run to stop, or this process is ending."""


class TakenOver(Exception):  # noqa: N818 - it says what happened
    """Somebody else holds the run by now: nothing more may be done here."""


class Progress:
    """The steps of one run and what it has made; `holder` is the word that lets this thread write to it."""

    def __init__(
        self, services: Services, run_id: int, holder: str, steps: Sequence[str], made: Mapping[str, Any]
    ) -> None:
        self.run_id = run_id
        self.made: dict[str, dict[str, Any]] = {name: dict(each) for name, each in made.items()}
        self._services = services
        self._holder = holder
        self._steps: list[dict[str, Any]] = first_steps(steps)
        self._waited = 0.0

    def begin(self, step: str) -> None:
        """The step is being worked on. Raises StopAsked, TakenOver, as everything here that writes."""
        self._update(step, state="working")

    def finish(self, step: str, outcome: str, **about: Any) -> None:
        """The step is done: "created", "added", "there" and the like; `about` holds nothing secret."""
        self._update(step, state="done", outcome=outcome, **about)

    def note(self, key: str, entry: dict[str, Any]) -> None:
        """Writes down what is being, or has been, made or changed."""
        self.made[key] = entry
        self._save()

    def forget(self, key: str) -> None:
        """What was made is gone again."""
        self.made.pop(key, None)
        self._save()

    def wait(self, seconds: float) -> None:
        """Waits for Okta's rate limit with a countdown. Raises Refused(OKTA_BUSY) when it is too long in all."""
        self._waited += seconds
        if self._waited > MOST_WAITING:
            raise Refused(Problem.OKTA_BUSY, "rate_limited")
        step = next((one for one in self._steps if one["state"] == "working"), {})
        until = self._services.clock() + seconds
        step["until"] = math.ceil(until)
        self._save()
        beat = time.monotonic()
        while (left := until - self._services.clock()) > 0:
            if self._services.background.stopping.wait(min(left, _BEAT_SECONDS / 2)):
                raise StopAsked
            if time.monotonic() - beat >= _BEAT_SECONDS:
                beat = time.monotonic()
                self._save()
        step.pop("until", None)

    def end(self, status: str, refused: Refused | None = None) -> bool:
        """The run is over; whatever step was being worked on has failed, for the reason of `refused`.

        False when somebody else holds the run by now, whose word it is to say how it ends.
        """
        for step in self._steps:
            if step["state"] == "working":
                step.pop("until", None)
                step["state"] = "failed" if refused else "waiting"
                if refused:
                    step |= {"problem": refused.problem.code, "reason": refused.reason}
        try:
            self._write(status)
        except TakenOver:
            return False
        return True

    def _update(self, name: str, **change: Any) -> None:
        next(step for step in self._steps if step["id"] == name).update(change)
        self._save()

    def _save(self) -> None:
        found = self._write(None)
        if found == "stopping" or self._services.background.stopping.is_set():
            raise StopAsked

    def _write(self, status: str | None) -> str:
        with self._services.db.writing() as connection:
            found = save_run(
                connection, self.run_id, self._holder, steps=self._steps, made=self.made,
                now=self._services.now(), status=status,
            )  # fmt: skip
        if found is None:
            raise TakenOver
        return found


def first_steps(steps: Sequence[str]) -> list[dict[str, Any]]:
    """All of them, waiting."""
    return [{"id": step, "state": "waiting"} for step in steps]
