"""The portal as it is served: `make serve` in a process of its own, on granian."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from okta_sandbox import Sandbox
from tests.world import Visitor

ROOT = Path(__file__).parents[2]


class Served:
    """A running portal, its sandbox and where they are."""

    def __init__(self, base: str, sandbox: Sandbox, process: subprocess.Popen[bytes], log: Path) -> None:
        self.base, self.sandbox, self.process, self.log = base, sandbox, process, log
        self.alice = Visitor(base, "alice@acme.example")

    def terminate(self) -> None:
        """SIGTERM to the server alone, as a service manager does it: make is only what started it."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        server = children.read_text().split() if children.exists() else []
        os.kill(int(server[0]) if server else self.process.pid, signal.SIGTERM)

    def stop(self) -> int:
        self.terminate()
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


@contextmanager
def serve(folder: Path, **environ: str) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://localhost:{port}"
    sandbox = Sandbox(portal=base)
    with sandbox.serve(host="127.0.0.1", port=0) as server:
        okta = server.url.replace("127.0.0.1", "localhost")
        settings = {
            **os.environ,
            "POINT_BASE_URL": base,
            "POINT_INSTANCE": str(folder),
            "POINT_DATABASE_URL": f"sqlite:///{folder}/portal.db",
            "POINT_LOOPBACK_OKTA": "1",
            "POINT_SECRET_KEYS": "a key for the served portal that is long enough 0123456789",
            **environ,
        }
        flask = [str(ROOT / ".venv/bin/flask"), "--app", "wsgi"]
        entries = ["--spa-client-id", sandbox.client_id("spa"), "--spa-domain", okta, "--authorization-server", "org"]
        for command in (
            ["db", "upgrade"],
            ["organization", "create", "acme", "--name", "Acme Volunteers", "--domain", "acme.example"],
            ["okta", "save", "acme", *entries, "--no-check"],
        ):
            subprocess.run([*flask, *command], cwd=ROOT, env=settings, check=True, stdout=subprocess.DEVNULL)
        log = folder / "log"
        with log.open("wb") as sink:
            make = ["make", "-s", "serve", f"PORT={port}", "WORKERS=1"]
            process = subprocess.Popen(make, cwd=ROOT, env=settings, stderr=sink, stdout=sink, start_new_session=True)
        served = Served(base, sandbox, process, log)
        try:
            _wait_until_up(served)
            yield served
        finally:
            if process.poll() is None:
                served.stop()


def _wait_until_up(served: Served) -> None:
    for _ in range(200):
        assert served.process.poll() is None, served.log.read_text()
        try:
            if requests.get(served.base + "/healthz", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    pytest.fail(f"no answer: {served.log.read_text()}")


def test_a_login_works_on_the_real_server_and_sigterm_ends_it_at_once(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        assert served.alice.log_in(next_="/account").status_code == 200
        assert served.alice.session()["email"] == "alice@acme.example"
        began = time.monotonic()
        assert served.stop() in (0, -signal.SIGTERM, 2, 143)
        assert time.monotonic() - began < 20
        with pytest.raises(requests.ConnectionError):
            requests.get(served.base + "/healthz", timeout=2)


def test_a_login_under_way_is_finished_before_the_server_stops(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        back = served.alice.come_back()
        served.sandbox.delay_ms = 1500
        served.sandbox.fault("slow_everything")
        answers: list[requests.Response] = []
        login = threading.Thread(target=lambda: answers.append(served.alice.step(back.headers["Location"])))
        login.start()
        time.sleep(0.5)
        served.terminate()
        login.join(20)
        assert [answer.status_code for answer in answers] == [303], served.log.read_text()
        assert served.process.wait(40) is not None


def test_what_is_logged_is_one_json_object_a_line_without_secrets(tmp_path: Path) -> None:
    with serve(tmp_path, POINT_LOG_LEVEL="debug") as served:
        alice = served.alice
        back = alice.come_back()
        alice.follow(alice.step(back.headers["Location"]))
        cookies = [cookie.value for cookie in alice.http.cookies if cookie.name.startswith("point_")]
        query = back.headers["Location"].partition("?")[2].replace("&", "=").split("=")[1::2]
        served.stop()
        log = served.log.read_text()
        assert '"route": "/login/callback", "status": 303' in log
        for secret in [*cookies, *query, "demo-okta-password", "eyJ"]:
            assert secret, secret
            assert secret not in log
