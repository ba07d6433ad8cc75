"""Whether `/discover` tells by its time what it does not say: Welch's t over pairs of calls, known and unknown in turn.

    .venv/bin/python bench/discover.py [pairs]

Once in this process, without anything around it, and once over HTTP against the real server. Two questions: is a domain
known, and is a person known at a known domain? A t of more than 4.5 (in either direction) would be an answer, and over
HTTP, where it can be asked, makes this fail. In this process a single microsecond shows: an answer that names an
organization has more in it. The slowest twentieth of all calls is left out of the first t: what the machine does
beside would hide a difference, not show one.
"""

from __future__ import annotations

import gc
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import native_bridge
from bench.servers import run
from native_bridge import starting
from portal import create_app
from portal.settings import Settings
from portal.store.integrations import App, save_integration
from portal.store.members import add_member
from portal.store.organizations import create_organization
from portal.store.upgrade import upgrade_database

LIMIT = 4.5
QUESTIONS = {
    "a domain, known and unknown": ("alice@acme.example", "alice@acmo.example"),
    "a person at a known domain": ("alice@acme.example", "alicf@acme.example"),
}
Ask = Callable[[str], object]


def measure(ask: Ask, known: str, unknown: str, pairs: int) -> tuple[list[int], list[int]]:
    """Nanoseconds of each call; which of a pair comes first is left to chance."""
    times: dict[str, list[int]] = {known: [], unknown: []}
    for round_ in (pairs // 10, pairs):
        times[known].clear(), times[unknown].clear()
        for _ in range(round_):
            for email in random.sample((known, unknown), 2):
                began = time.perf_counter_ns()
                ask(email)
                times[email].append(time.perf_counter_ns() - began)
    return times[known], times[unknown]


def crop(first: list[int], second: list[int]) -> tuple[list[int], list[int]]:
    """Without what took longer than nineteen of twenty calls, of whichever kind."""
    longest = sorted([*first, *second])[int((len(first) + len(second)) * 0.95)]
    return [one for one in first if one < longest], [one for one in second if one < longest]


def welch(first: list[int], second: list[int]) -> float:
    """Welch's t."""
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    return (statistics.fmean(first) - statistics.fmean(second)) / spread**0.5


def report(where: str, ask: Ask, pairs: int) -> bool:
    """Prints a line for each question; whether both are without an answer."""
    good = True
    for question, (known, unknown) in QUESTIONS.items():
        whole = measure(ask, known, unknown, pairs)
        cropped = crop(*whole)
        found, medians = welch(*cropped), [statistics.median(each) / 1000 for each in whole]
        good = good and abs(found) < LIMIT
        print(
            f"{where:<11}{question:<29}t {found:+6.2f} (all calls {welch(*whole):+6.2f}), "
            f"p50 {medians[0]:.1f} and {medians[1]:.1f} us, {pairs} pairs"
        )
    return good


def ask_in_process(folder: str, pairs: int) -> None:
    """The function behind the call, its database included."""
    url = f"sqlite:///{folder}/portal.db"
    upgrade_database(url)
    app = create_app(Settings("http://localhost:5000", url, ("a key for the measurement that is long enough",)))
    native_bridge.init_app(app)
    services, bridge = app.extensions["point"], app.extensions["native_bridge"]
    now = services.now()
    with services.db.writing() as connection:
        acme = create_organization(connection, "acme", name="Acme", domain_names=["acme.example"], now=now)
        add_member(connection, acme.id, "alice@acme.example", role="volunteer", now=now)
        okta = ("acme.okta.com", "https://acme.okta.com", "openid")
        apps = [App(kind, f"0oa{kind}", *okta) for kind in ("spa", "native")]
        save_integration(
            connection, acme.id, saved_apps=apps, authorization_server="org", sign_in="redirect", checked=True,
            who="olivia@acme.example", now=now,
        )  # fmt: skip
    try:
        report("in process", lambda email: starting.discover(bridge, email=email, slug=None), pairs)
    finally:
        services.close()


def ask_over_http(base: str, pairs: int) -> bool:
    """The whole call on a kept connection, each from another network behind the proxy, as far as the limits know."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=15)

    def ask(email: str) -> None:
        address = ".".join(str(random.randrange(1, 255)) for _ in range(4))
        headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
        connection.request("POST", "/native/v1/discover", json.dumps({"email": email}), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"/discover answers {answer.status}")

    try:
        return report("over HTTP", ask, pairs)
    finally:
        connection.close()


def main(pairs: int) -> int:
    gc.disable()  # a collection belongs to whatever filled the memory
    with tempfile.TemporaryDirectory() as folder:
        ask_in_process(folder, pairs)
    os.environ["POINT_TRUSTED_PROXIES"] = "1"
    found = run(lambda base, _pids: {"good": ask_over_http(base, pairs)})
    return 0 if found["good"] else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
