"""Work that a page starts and does not wait for: a few threads of this process, each with a name for the log.

Whoever starts something writes down what became of it where every process can read it; a thread may end with its
process at any moment. Knows no Flask.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from portal.errors import Problem, Refused

MOST = 16  # threads at once, so that no tenant's slow Okta takes up the process
_log = logging.getLogger("portal.background")


class Background:
    """Threads for work after a page has been answered."""

    def __init__(self, most: int = MOST) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._most = most
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._once: dict[str, bool] = {}  # what is under way, and whether it was asked for again meanwhile

    def start(self, name: str, work: Callable[[], None]) -> Future[None]:
        """Begins `work`; answers at once. Raises Refused(UNAVAILABLE) when too much is under way already.

        What `work` raises is logged and kept in the Future. Work that waits shall wait on `stopping`.
        """
        if not self._free.acquire(blocking=False):
            raise Refused(Problem.UNAVAILABLE, "background_full", name)
        done: Future[None] = Future()
        thread = threading.Thread(target=self._run, args=(name, work, done), name=name, daemon=True)
        thread.start()
        return done

    def start_once(self, name: str, work: Callable[[], None]) -> bool:
        """Begins `work` unless work of this name is under way in this process: then it is done once more afterwards, so
        that nothing that came up meanwhile is missed. False when too much is under way already.
        """
        with self._lock:
            if name in self._once:
                self._once[name] = True
                return True
            self._once[name] = False
        try:
            self.start(name, lambda: self._until_done(name, work))
        except Refused:
            with self._lock:
                del self._once[name]
            return False
        return True

    def wait(self, name: str, seconds: float) -> bool:
        """Waits at most so long for the end of what `start_once` began; whether it has ended."""
        deadline = time.monotonic() + seconds
        while name in self._once and time.monotonic() < deadline:
            time.sleep(0.01)
        return name not in self._once

    def close(self, seconds: float = 10.0) -> None:
        """Asks everything to stop and waits for it, at most so long."""
        self.stopping.set()
        taken = [self._free.acquire(timeout=seconds / self._most) for _ in range(self._most)]
        for _ in filter(None, taken):
            self._free.release()

    def _until_done(self, name: str, work: Callable[[], None]) -> None:
        while True:
            try:
                work()
            except BaseException:
                with self._lock:
                    del self._once[name]
                raise
            with self._lock:
                if not self._once[name] or self.stopping.is_set():
                    del self._once[name]
                    return
                self._once[name] = False

    def _run(self, name: str, work: Callable[[], None], done: Future[None]) -> None:
        try:
            work()
        except BaseException as failure:
            _log.exception("%s failed", name)
            self._free.release()
            done.set_exception(failure)
        else:
            self._free.release()
            done.set_result(None)
