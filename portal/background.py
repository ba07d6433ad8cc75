"""Work that a page starts and does not wait for: threads of this process, each with a name for the log.

There are two kinds of places. What waits for somebody's Okta has places of its own, of which no organization gets more
than a few, so that nobody's slow Okta takes up the process. Short work of our own (mail, links, counting) never stands
behind that: it has other places, and a queue before them.

Whoever starts something writes down what became of it where every process can read it; a thread may end with its
process at any moment. Knows no Flask.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial

from portal.errors import Problem, Refused

MOST = 32  # threads that wait for Oktas
MOST_OF_ONE = 4  # of them for one organization
OWN = 6  # threads for work of our own
MOST_QUEUED = 10_000  # pieces of such work, about 10 MB
Work = Callable[[], None]
_log = logging.getLogger("portal.background")


class Background:
    """Threads for work after a page has been answered."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._free = threading.BoundedSemaphore(MOST)
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._running = 0
        self._by_owner: Counter[Hashable] = Counter()
        self._queue: deque[tuple[str, Work, Future[None]]] = deque()
        self._own = 0
        self._once: dict[str, bool] = {}  # what is under way, and whether it was asked for again meanwhile

    def start(self, name: str, work: Work, *, owner: Hashable) -> Future[None]:
        """Begins `work`, which waits for the Okta of `owner` (an organization's id); answers at once.

        Raises Refused(UNAVAILABLE) when too much is under way already, for this owner or in all. What `work` raises is
        logged and kept in the Future. Work that waits shall wait on `stopping`.
        """
        with self._lock:
            if self._by_owner[owner] >= MOST_OF_ONE:
                raise Refused(Problem.UNAVAILABLE, "background_full_for_one", name)
            if not self._free.acquire(blocking=False):
                raise Refused(Problem.UNAVAILABLE, "background_full", name)
            self._by_owner[owner] += 1
        done: Future[None] = Future()
        self._begin(name, lambda: self._run(name, work, done, then=lambda: self._give_place_back(owner)))
        return done

    def queue(self, name: str, work: Work) -> Future[None]:
        """Short work of our own, which waits for nobody's Okta: begins as soon as there is a place.

        Raises Refused(UNAVAILABLE) when an absurd number of them wait. Otherwise as `start`.
        """
        done: Future[None] = Future()
        with self._lock:
            if len(self._queue) >= MOST_QUEUED:
                raise Refused(Problem.UNAVAILABLE, "background_queue_full", name)
            self._queue.append((name, work, done))
            if self._own < OWN:
                self._own += 1
                self._begin("own work", self._work_off_queue)
        return done

    def start_once(self, name: str, work: Work, *, owner: Hashable | None = None) -> bool:
        """Begins `work` unless work of this name is under way in this process: then it is done once more afterwards, so
        that nothing that came up meanwhile is missed. False when too much is under way already.

        owner -- as for `start`, where it waits for an Okta; without one it is our own, and queued.
        """
        with self._lock:
            if name in self._once:
                self._once[name] = True
                return True
            self._once[name] = False
            until_done = partial(self._until_done, name, work)
            try:
                if owner is None:
                    self.queue(name, until_done)
                else:
                    self.start(name, until_done, owner=owner)
            except Refused:
                del self._once[name]
                return False
        return True

    def wait(self, name: str, seconds: float) -> bool:
        """Waits at most so long for the end of what `start_once` began; whether it has ended. A name that ends with an
        asterisk stands for all that begin so."""
        deadline = time.monotonic() + seconds
        while self._is_under_way(name) and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._is_under_way(name)

    def close(self, seconds: float = 10.0) -> None:
        """Asks everything to stop and waits for it, at most so long."""
        self.stopping.set()
        with self._idle:
            self._idle.wait_for(lambda: not self._running, seconds)

    def _is_under_way(self, name: str) -> bool:
        with self._lock:
            return name in self._once or (
                name.endswith("*") and any(each.startswith(name[:-1]) for each in self._once)
            )

    def _begin(self, name: str, work: Work) -> None:
        def run() -> None:
            try:
                work()
            finally:
                with self._idle:
                    self._running -= 1
                    self._idle.notify_all()

        with self._lock:
            self._running += 1
        threading.Thread(target=run, name=name, daemon=True).start()

    def _run(self, name: str, work: Work, done: Future[None], then: Work = lambda: None) -> None:
        """Does it. then -- done before anybody hears that it is over."""
        try:
            work()
        except BaseException as failure:
            _log.exception("%s failed", name)
            then()
            done.set_exception(failure)
        else:
            then()
            done.set_result(None)

    def _give_place_back(self, owner: Hashable) -> None:
        with self._lock:
            self._free.release()
            self._by_owner[owner] -= 1
            if not self._by_owner[owner]:
                del self._by_owner[owner]

    def _work_off_queue(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._own -= 1
                    return
                name, work, done = self._queue.popleft()
            threading.current_thread().name = name
            self._run(name, work, done)

    def _until_done(self, name: str, work: Work) -> None:
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
