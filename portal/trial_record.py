"""The stages of a test login while they are written: a stage is what its `with` block found, or was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portal.errors import Problem, Refused
from portal.trial_stages import Row, Stage, put


class Record:
    """The stages so far.

    now -- epoch seconds. save -- told about every change, for whoever looks on.
    """

    def __init__(
        self,
        now: Callable[[], int],
        stages: list[Stage] | None = None,
        save: Callable[[list[Stage]], None] | None = None,
    ) -> None:
        self.stages = stages or []
        self._now = now
        self._save = save

    @contextmanager
    def stage(self, name: str) -> Iterator[list[Row]]:
        """Fill in the rows; what is refused meanwhile makes the stage wrong and goes on to the caller."""
        rows: list[Row] = []
        self.put(Stage(name, "waiting", at=self._now()))
        try:
            yield rows
        except Refused as refused:
            self.put(Stage(name, "wrong", refused.problem.code, refused.reason, tuple(rows), self._now()))
            raise
        except Exception:
            self.put(Stage(name, "wrong", Problem.INTERNAL.code, "internal", tuple(rows), self._now()))
            raise
        self.put(Stage(name, "right", rows=tuple(rows), at=self._now()))

    def put(self, stage: Stage) -> None:
        """A stage as it is now."""
        self.stages = put(self.stages, stage)
        if self._save is not None:
            self._save(self.stages)
