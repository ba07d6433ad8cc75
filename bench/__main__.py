"""`make bench`: what a login costs - CPU of the serving process, time to answer, memory - against the sandbox Okta.

Starts the real server (make serve, one worker) and a sandbox in processes of their own on loopback, logs people in
with plain sockets, and stops by itself. Figures are medians of several rounds, since a shared machine moves them.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parents[1]
BIN = ROOT / ".venv" / "bin"
PEOPLE = ("olivia@acme.example", "alice@acme.example")
PASSWORD = "demo-okta-password"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Browser:
    """Cookies and kept-alive connections of one person; no parsing but of what a login needs."""

    def __init__(self) -> None:
        self.connections: dict[str, http.client.HTTPConnection] = {}
        self.cookies: dict[str, dict[str, str]] = {}

    def go(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """(status, Location, body)."""
        where = urlsplit(url)
        connection = self.connections.setdefault(where.netloc, http.client.HTTPConnection(where.netloc, timeout=15))
        jar = self.cookies.setdefault(where.netloc, {})
        headers = {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        body = urlencode(form) if form else None
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, f"{where.path or '/'}?{where.query}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            jar[name] = value
        return answer.status, answer.headers.get("Location") or "", text

    def follow(self, url: str) -> tuple[str, str]:
        """(last URL, its body), redirects followed."""
        for _ in range(10):
            status, location, body = self.go("GET", url)
            if status not in (302, 303):
                return url, body
            origin = urlsplit(url)
            url = location if "://" in location else f"{origin.scheme}://{origin.netloc}{location}"
        raise RuntimeError("redirected in circles")


def log_in(base: str, browser: Browser, email: str) -> None:
    """A complete login; the session at Okta goes on from the first time."""
    browser.cookies.pop(urlsplit(base).netloc, None)
    url, page = browser.follow(f"{base}/login/acme/okta?next=/account")
    if "identifier" in page:
        action = page.split('<form', 1)[1].split('action="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
        hidden = {
            part.split('name="', 1)[1].split('"', 1)[0]: part.split('value="', 1)[1].split('"', 1)[0]
            for part in page.split("<input")[1:]
            if 'type="hidden"' in part
        }
        origin = urlsplit(url)
        target = action if "://" in action else f"{origin.scheme}://{origin.netloc}{action}"
        _status, location, _body = browser.go("POST", target, {**hidden, "identifier": email, "password": PASSWORD})
        url, page = browser.follow(location if "://" in location else f"{origin.scheme}://{origin.netloc}{location}")
    if email not in page:
        raise RuntimeError(f"no landing page for {email} at {url}: {page[:300]}")


def cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


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


def run(call: Callable[[str, list[int]], dict[str, object]]) -> dict[str, object]:
    """Starts sandbox and portal, calls, and stops both."""
    port, okta_port = free_port(), free_port()
    base, okta = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{okta_port}"
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "POINT_BASE_URL": base,
            "POINT_DATABASE_URL": f"sqlite:///{folder}/portal.db",
            "POINT_INSTANCE": folder,
            "POINT_LOOPBACK_OKTA": "1",
            "POINT_LOG_LEVEL": "warning",
        }
        sandbox = [sys.executable, "-m", "okta_sandbox", "--port", str(okta_port), "--portal", base, "--token", "bench"]
        processes = [subprocess.Popen(sandbox, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)]
        try:
            wait(f"{okta}/.well-known/okta-organization")
            flask = [str(BIN / "flask"), "--app", "wsgi"]
            apps = json.loads(fetch(f"{okta}/api/v1/apps", {"Authorization": "SSWS bench"}))
            spa = next(app["id"] for app in apps if "SPA" in app["label"])
            for command in (
                ["db", "upgrade"],
                ["organization", "create", "acme", "--name", "Acme", "--domain", "acme.example"],
                ["okta", "save", "acme", "--spa-client-id", spa, "--spa-domain", okta],
            ):
                subprocess.run([*flask, *command], cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
            serve = ["make", "-s", "serve", f"PORT={port}", "WORKERS=1"]
            processes.append(subprocess.Popen(serve, cwd=ROOT, env=environ, start_new_session=True))
            wait(f"{base}/healthz")
            return call(base, tree(processes[1].pid))
        finally:
            for process in processes:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(15)


def fetch(url: str, headers: dict[str, str] | None = None) -> str:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=5)
    connection.request("GET", where.path, headers=headers or {})
    return connection.getresponse().read().decode()


def wait(url: str) -> None:
    for _ in range(200):
        try:
            fetch(url)
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


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
        found["resident_mb"] = round(max(resident_mb(pids)), 1)
        return found

    found = run(figures)
    print(f"CPU per login              {found['cpu_ms']} ms")
    print(f"a login, {options.browsers} at once        p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms")
    print(f"a login, alone             p50 {found['alone_p50_ms']} ms, p95 {found['alone_p95_ms']} ms")
    print(f"logins a second            {found['per_second']} (sandbox, browsers and portal share the machine)")
    print(f"resident memory            {found['resident_mb']} MB after {options.logins * options.rounds + 160} logins")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
