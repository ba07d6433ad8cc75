"""`make bench`: what a login costs - CPU of the serving process, time to answer, memory - against the sandbox Okta.

Starts the real server (make serve, one worker) and a sandbox in processes of their own on loopback, logs people in
with plain sockets, and stops by itself. Figures are medians of several rounds, since a shared machine moves them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench import phone
from bench.people import PASSWORD, PEOPLE, Browser, cpu_seconds, sign_in
from bench.servers import run


def log_in(base: str, browser: Browser, email: str) -> None:
    """A complete login; the session at Okta goes on from the first time."""
    browser.cookies.pop(urlsplit(base).netloc, None)
    url, page = sign_in(browser, f"{base}/login/acme/okta?next=/account", email, PASSWORD)
    if email not in page:
        raise RuntimeError(f"no landing page for {email} at {url}: {page[:300]}")


def resident_mb(pids: list[int]) -> list[float]:
    sizes = []
    for pid in pids:
        line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        sizes.append(int(line.split()[1]) / 1024)
    return sizes


def measure(base: str, pids: list[int], logins: int, browsers: int) -> dict[str, float]:
    """One round: `logins` logins by so many browsers at once."""
    times: list[float] = []
    left = iter(range(logins))
    lock = threading.Lock()

    def work(number: int) -> None:
        browser = Browser()
        while True:
            with lock:
                if next(left, None) is None:
                    return
            began = time.perf_counter()
            log_in(base, browser, PEOPLE[number % len(PEOPLE)])
            times.append(time.perf_counter() - began)

    before, began = cpu_seconds(pids), time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(browsers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    times.sort()
    return {
        "cpu_ms": (cpu_seconds(pids) - before) * 1000 / logins,
        "p50_ms": times[len(times) // 2] * 1000,
        "p95_ms": times[int(len(times) * 0.95)] * 1000,
        "per_second": logins / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=200, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--browsers", type=int, default=8)
    options = parser.parse_args()

    def figures(base: str, pids: list[int]) -> dict[str, object]:
        measure(base, pids, 100, options.browsers)
        rounds = [measure(base, pids, options.logins, options.browsers) for _ in range(options.rounds)]
        alone = measure(base, pids, 60, 1)
        found: dict[str, object] = {
            name: round(statistics.median(one[name] for one in rounds), 2) for name in rounds[0]
        }
        found |= {"alone_p50_ms": round(alone["p50_ms"], 2), "alone_p95_ms": round(alone["p95_ms"], 2)}
        phones = [phone.measure(base, pids, calls=options.logins * 5, phones=4) for _ in range(options.rounds)]
        found |= {f"app_{name}": round(statistics.median(one[name] for one in phones), 2) for name in phones[0]}
        found["resident_mb"] = round(max(resident_mb(pids)), 1)
        return found

    found = run(figures)
    print(f"CPU per login              {found['cpu_ms']} ms")
    print(f"a login, {options.browsers} at once        p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms")
    print(f"a login, alone             p50 {found['alone_p50_ms']} ms, p95 {found['alone_p95_ms']} ms")
    print(f"logins a second            {found['per_second']} (sandbox, browsers and portal share the machine)")
    print(f"CPU per login of the app   {found['app_login_cpu_ms']} ms")
    print(f"CPU per refresh of the app {found['app_token_cpu_ms']} ms, {found['app_token_per_second']} a second")
    print(f"CPU per GET /me            {found['app_me_cpu_ms']} ms, {found['app_me_per_second']} a second")
    print(f"resident memory            {found['resident_mb']} MB after {options.logins * options.rounds + 160} logins")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
