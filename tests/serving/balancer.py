"""A balancer in front of several nodes, as far as a browser can tell, and people who come through it all the time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from urllib.parse import urljoin

import requests

from tests.serving.nodes import Node, Nodes
from tests.world import Visitor


class Rotation:
    """The nodes that get requests. One that is going to stop is taken out first, as a balancer does it."""

    def __init__(self, nodes: Nodes, *first: Node) -> None:
        self.nodes = nodes
        self._changed = threading.Condition()
        self._in = list(first)
        self._under_way: Counter[Node] = Counter()

    def put_in(self, node: Node) -> None:
        with self._changed:
            self._in.append(node)

    def take_out(self, node: Node) -> None:
        """No new request goes there; what has been sent there is answered, or a second is over."""
        with self._changed:
            self._in.remove(node)
            self._changed.wait_for(lambda: not self._under_way[node], 1)

    def shuffled(self, chance: Random) -> list[Node]:
        with self._changed:
            return chance.sample(self._in, len(self._in))

    @contextmanager
    def sending_to(self, node: Node) -> Iterator[bool]:
        """Whether a request may go there, which is under way meanwhile."""
        with self._changed:
            is_in = node in self._in
            self._under_way[node] += 1
        try:
            yield is_in
        finally:
            with self._changed:
                self._under_way[node] -= 1
                self._changed.notify_all()


class Browser(Visitor):
    """Each request goes to a node by chance, and to another one if that one is not there. What has been sent is not
    sent twice: then whoever answers may be gone before the answer."""

    def __init__(self, rotation: Rotation, email: str, chance: Random) -> None:
        super().__init__(rotation.nodes.base, email)
        self.rotation, self.chance = rotation, chance
        self.http.headers["Connection"] = "close"

    def step(self, url: str, *, method: str = "GET", **kwargs: Any) -> requests.Response:
        address = urljoin(self.base, url)
        if not address.startswith(self.base):
            return super().step(address, method=method, **kwargs)
        for node in self.rotation.shuffled(self.chance):
            there = address.replace(self.base, f"http://localhost:{node.port}", 1)
            with self.rotation.sending_to(node) as is_in:
                if not is_in:
                    continue
                try:
                    answer = super().step(there, method=method, **kwargs)
                except requests.ConnectionError as error:
                    if "refused" in str(error):
                        continue
                    raise
            answer.url = address
            return answer
        raise requests.ConnectionError("no node is there")


class Tally:
    """What became of what many did."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self.seconds: list[float] = []

    def count(self, what: str, seconds: float = 0.0) -> None:
        self.done[what] += 1
        self.seconds.append(seconds)

    def p95(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)]


@contextmanager
def all_the_time(tally: Tally, *acts: Callable[[], str]) -> Iterator[None]:
    """Each act again and again, in a thread of its own; what it answers is counted, and what it raises has failed."""
    over = threading.Event()

    def go_on(act: Callable[[], str]) -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                tally.count(act(), time.monotonic() - began)
            except (AssertionError, requests.RequestException) as error:
                tally.failed.append(f"{type(error).__name__}: {error}"[:500])

    threads = [threading.Thread(target=go_on, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
