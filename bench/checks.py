"""How long the checks of two apps take: against a sandbox 100 ms away, a host that is dead, and one that hangs.

    .venv/bin/python bench/checks.py [runs]

The way there is a relay that holds everything back for half of the round trip in each direction, and a new connection
for a whole one (two with TLS, which is counted as one more). Prints the seconds of each run's worst and middle; makes
the targets of 3 s and 10 s a failure when they are missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from okta_sandbox import RawAnswer, Sandbox, SeenRequest
from portal.okta.checks import Report, run_checks
from portal.okta.connect import Entries, Surroundings
from portal.okta.http import Door

PORTAL = "http://localhost:5000"
AROUND = Surroundings({"spa": f"{PORTAL}/login/callback", "native": "org.pointapp.point:/login"}, loopback=True)
SIGN_OUT = {"spa": PORTAL, "native": "org.pointapp.point:/logout"}
ROUND_TRIP = 0.1


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            await asyncio.sleep(ROUND_TRIP / 2)
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def relay(port: int, ready: threading.Event, found: list[int]) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(ROUND_TRIP * 2)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    found.append(server.sockets[0].getsockname()[1])
    ready.set()
    await asyncio.Event().wait()


@contextlib.contextmanager
def far(port: int) -> Iterator[str]:
    """An address whose answers come from `port`, a round trip later."""
    ready, found = threading.Event(), []
    threading.Thread(target=lambda: asyncio.run(relay(port, ready, found)), daemon=True).start()
    ready.wait()
    yield f"http://127.0.0.1:{found[0]}"


def check(sandbox: Sandbox, url: str) -> tuple[Report, float]:
    door = Door(loopback=True)
    entries = Entries(sandbox.client_id("spa"), url, sandbox.client_id("native"), url, "default")
    began = time.perf_counter()
    report = run_checks(door, entries, AROUND, sign_in="embedded", origin=PORTAL, sign_out_uris=SIGN_OUT)
    seconds = time.perf_counter() - began
    door.close()
    return report, seconds


def show(what: str, times: list[float], limit: int) -> bool:
    print(f"{what:<38} median {statistics.median(times):.2f} s, worst {max(times):.2f} s (target {limit} s)")
    return max(times) < limit


def hang(request: SeenRequest) -> RawAnswer | None:
    """Says who it is, and nothing after that."""
    return None if "/.well-known/" in request.path and not request.query else RawAnswer(200, delay=60.0)


def main(runs: int) -> int:
    sandbox = Sandbox(PORTAL)
    good = True
    with sandbox.serve() as server, far(server.port) as url:
        found = [check(sandbox, url) for _ in range(runs)]
        assert {row.verdict for report, _ in found for row in report.rows} == {"right", "login"}
        good &= show(f"two apps, {ROUND_TRIP * 1000:.0f} ms away", [seconds for _, seconds in found], 3)
        with socket.create_server(("127.0.0.1", 0)) as dead:
            times = [check(sandbox, f"http://127.0.0.1:{dead.getsockname()[1]}")[1] for _ in range(2)]
        good &= show("a host that takes and never answers", times, 10)
        sandbox.answer = hang
        good &= show("an Okta that hangs half-way", [check(sandbox, server.url)[1] for _ in range(2)], 10)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
