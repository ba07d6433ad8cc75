"""`.venv/bin/python -m bench.refresh_race [rounds]`: eight threads in each of two processes of the portal ask for the
same session at the very moment it is due, on SQLite and on PostgreSQL, 500 times; and a process is killed in between.

Prints, per database: calls to Okta per expiry, sessions lost, how long the slowest waited, and the seconds until a
session whose asker was killed after Okta's answer has proved itself again. Exits 1 when a session was lost.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.serving.nodes import Nodes, nodes_on
from tests.serving.test_refresh_races import THREADS, hold_up, log_in, make_due, race, said
from tests.store.databases import KINDS, empty_database


def measure(nodes: Nodes, rounds: int) -> dict[str, float]:
    """So many expiries, one after the other."""
    cookie = log_in(nodes)
    found = [race(nodes, cookie) for _ in range(rounds)]
    slowest = sorted(took * 1000 for _alive, _asked, took in found)
    return {
        "rounds": rounds,
        "calls_to_okta": sum(asked for _alive, asked, _took in found),
        "most_calls_in_a_round": max(asked for _alive, asked, _took in found),
        "answers_without_a_session": sum(2 * THREADS - alive for alive, _asked, _took in found),
        "slowest_p50_ms": round(statistics.median(slowest), 1),
        "slowest_p95_ms": round(slowest[int(len(slowest) * 0.95)], 1),
    }


def kill(nodes: Nodes) -> float:
    """Seconds from Okta's answer, which nobody has stored, to the next proof; the others go on meanwhile."""
    (third,) = nodes.start(1)
    cookie = log_in(nodes)
    make_due(nodes, cookie)
    times = hold_up(nodes, 5)
    asking = threading.Thread(target=lambda: _ask(nodes, third, cookie))
    asking.start()
    while not times:
        time.sleep(0.01)
    third.kill()
    asking.join()
    nodes.sandbox.answer = None
    asked = nodes.token_requests()
    while nodes.token_requests() == asked:
        assert said(nodes.running[0], cookie), "put out"
        time.sleep(0.2)
    took = time.monotonic() - times[0]
    for _ in range(3):
        assert race(nodes, cookie)[:2] == (2 * THREADS, 1)
    return round(took, 1)


def _ask(nodes: Nodes, node: object, cookie: str) -> None:
    with suppress(Exception):
        said(node, cookie)  # type: ignore[arg-type]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    failed = False
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with empty_database(kind, folder) as url, nodes_on(folder, url) as nodes:
                nodes.start(2)
                figures = measure(nodes, rounds)
                figures["recovered_after_a_kill_s"] = kill(nodes)
        print(kind, json.dumps(figures), flush=True)
        failed |= bool(figures["answers_without_a_session"]) or figures["most_calls_in_a_round"] != 1
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
