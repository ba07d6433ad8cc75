"""`.venv/bin/python -m bench.outages [--restarts 20] [--kills 30] [--crowd 300]`: people log in and out while nodes are
replaced one after the other; one of a server's two workers is killed every two seconds; and ten who guess passwords
come beside one who logs in. tests/serving/test_outages.py does a little of each.

Prints how many logins and requests there were, how many of them failed, and how long a login with its logout took
before the crowd, beside it and after it. Exits 1 when a login failed, or a kill cost more than the requests that were
under way (three people are looking).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.serving.balancer import Rotation, Tally, all_the_time
from tests.serving.nodes import Nodes
from tests.serving.test_outages import (
    crowd_in,
    kill_worker,
    look,
    people,
    portal_on_sqlite,
    replace_node,
    two_workers,
)
from tests.serving.test_refresh_races import log_in


def restarts(nodes: Nodes, count: int) -> dict[str, object]:
    """Logins that went on over so many replacements."""
    tally, olds = Tally(), nodes.start(2)
    rotation = Rotation(nodes, *olds)
    with all_the_time(tally, *people(rotation, "alice@acme.example", "dora@acme.example", "finn@acme.example")):
        for number in range(count):
            olds[number % 2] = replace_node(nodes, rotation, olds[number % 2])
    for node in olds:
        node.stop()
    return {"restarts": count, "logins": sum(tally.done.values()), "failed": tally.failed}


def kills(nodes: Nodes, count: int) -> dict[str, object]:
    """Requests that were lost with the worker that had them."""
    cookie, tally = log_in(nodes), Tally()
    with two_workers(nodes) as server, all_the_time(tally, *[partial(look, server, cookie)] * 3):
        for _ in range(count):
            kill_worker(server)
            time.sleep(2)
    asked = tally.done["seen"] + len(tally.failed)
    return {"kills": count, "requests": asked, "lost": len(tally.failed), "share": round(len(tally.failed) / asked, 5)}


def crowd(nodes: Nodes, seconds: float) -> dict[str, object]:
    """Logins beside a crowd."""
    found = crowd_in(nodes, nodes.running[0], seconds)
    parts = {"before": found.calm, "beside": found.busy, "after": found.after}
    figures: dict[str, object] = {f"{name}_p95_ms": round(tally.p95() * 1000) for name, tally in parts.items()}
    failed = [text for tally in (*parts.values(), found.crowd) for text in tally.failed]
    return {**figures, "logins": sum(found.busy.done.values()), "guesses": dict(found.crowd.done), "failed": failed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--crowd", type=float, default=300, help="seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, portal_on_sqlite(Path(name)) as nodes:
        found = [restarts(nodes, options.restarts), kills(nodes, options.kills), crowd(nodes, options.crowd)]
    for each in found:
        print(json.dumps(each))
    lost = found[1]["lost"]
    assert isinstance(lost, int)
    raise SystemExit(1 if found[0]["failed"] or found[2]["failed"] or lost > 3 * options.kills else 0)


if __name__ == "__main__":
    main()
