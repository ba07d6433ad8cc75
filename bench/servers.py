"""Starts the real server and a sandbox Okta for the benchmarks, and stops them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
BIN = ROOT / ".venv" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


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
            native = next(app["id"] for app in apps if app["id"] != spa)
            for command in (
                ["db", "upgrade"],
                ["organization", "create", "acme", "--name", "Acme", "--domain", "acme.example"],
                [*("okta", "save", "acme", "--spa-client-id", spa, "--spa-domain", okta),
                 *("--native-client-id", native, "--native-domain", okta)],
            ):
                subprocess.run([*flask, *command], cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
            serve = ["make", "-s", "serve", f"PORT={port}", "WORKERS=1"]
            processes.append(subprocess.Popen(serve, cwd=ROOT, env=environ, start_new_session=True))
            wait(f"{base}/healthz")
            return call(base, tree(processes[1].pid))
        finally:
            for process in processes:
                stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the server's main process alone, as a service manager does; what is left later is killed."""
    main = tree(process.pid)[:2][-1]
    try:
        os.kill(main, signal.SIGTERM)
        process.wait(10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


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
