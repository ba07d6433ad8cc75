"""What a deep link costs the bridge before anything is looked up or sent: CPU microseconds of this process.

    .venv/bin/python bench/deep_links.py [links]

Each link is parsed, its state is read, and its answer is read against an attempt, as `/login/complete` does it. Good
links, refused ones, and the largest and slowest to decode that the limits allow, in turn.
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from native_bridge.deep_links import MAX_LINK, STATE_MARK, login_state, parse_link, read_login_return
from portal.errors import Refused
from portal.okta.attempt import Attempt, start_login

SCHEME = "org.pointapp.point"
ISSUER = "https://acme.okta.com"


def start() -> Attempt:
    begun = start_login(
        organization_id=1, integration_id=2, integration_version=3, app="native", issuer=ISSUER, client_id="0oa1",
        redirect_uri=f"{SCHEME}:/login", scope="openid", return_to="/", now=0,
    )  # fmt: skip
    return replace(begun, state=STATE_MARK + begun.state)


def links(state: str) -> list[str]:
    good = f"{SCHEME}:/login?code={'c' * 43}&state={state}"
    return [
        good,
        f"{good}&iss=https%3A%2F%2Facme.okta.com#_=_",
        f"{SCHEME}:/login?error=access_denied&error_description=User+is+not+assigned.&state={state}",
        f"{good}&code=evil",
        f"{SCHEME}://evil.example/login?code=c&state={state}",
        f"https://evil.example/login?code=c&state={state}",
        (f"{good}&" + "&".join(["x=" + "y" * 124] * 62)).ljust(MAX_LINK, "y")[:MAX_LINK],
        f"{good}&x=" + "%79" * ((MAX_LINK - len(good) - 3) // 3),
        f"{good}&x=" + "%c3%a9" * ((MAX_LINK - len(good) - 3) // 6),
        f"{good}&x=" + "+" * (MAX_LINK - len(good) - 3),
    ]


def read(link: str, attempt: Attempt) -> None:
    try:
        parsed = parse_link(link, scheme=SCHEME)
        login_state(parsed)
        read_login_return(parsed, attempt, requires_iss=False, now=60, seconds=600)
    except Refused:
        pass


def main(count: int) -> None:
    """Prints the figures of all links, and of the slowest kind alone."""
    attempt = start()
    kinds = links(attempt.state)
    times: list[list[int]] = [[] for _ in kinds]
    gc.disable()  # a collection belongs to whatever filled the memory
    for number in range(count):
        began = time.thread_time_ns()
        read(kinds[number % len(kinds)], attempt)
        times[number % len(kinds)].append(time.thread_time_ns() - began)
    print(f"a deep link                {figures([one for each in times for one in each])}, {count} links")
    slowest = max(range(len(kinds)), key=lambda kind: sorted(times[kind])[len(times[kind]) // 2])
    print(f"the usual one              {figures(times[0])}")
    print(f"the slowest to decode      {figures(times[slowest])}, {len(kinds[slowest])} bytes")


def figures(times: list[int]) -> str:
    times = sorted(times)
    return f"p50 {times[len(times) // 2] / 1000:.1f} us, p99 {times[int(len(times) * 0.99)] / 1000:.1f} us"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
