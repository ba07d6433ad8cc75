"""The portal as it is served: `make serve` in a process of its own, on granian."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.serving.nodes import nodes_on
from tests.store.databases import empty_database
from tests.world import Visitor


def test_a_login_under_way_is_finished_before_sigterm_ends_the_server_and_no_secret_is_in_its_log(
    tmp_path: Path,
) -> None:
    with empty_database("sqlite", tmp_path) as url, nodes_on(tmp_path, url) as nodes:
        nodes.environ["POINT_LOG_LEVEL"] = "debug"
        (server,) = nodes.start(1)
        alice = nodes.alice
        assert alice.log_in(next_="/account").status_code == 200
        assert alice.session()["email"] == "alice@acme.example"
        again = Visitor(nodes.base, "alice@acme.example")
        back = again.come_back()
        held = (*alice.http.cookies, *again.http.cookies)
        secrets = [str(cookie.value) for cookie in held if cookie.name.startswith("point_")]
        secrets += back.headers["Location"].partition("?")[2].replace("&", "=").split("=")[1::2]
        nodes.sandbox.delay_ms = 1500
        nodes.sandbox.fault("slow_everything")
        answers: list[requests.Response] = []
        login = threading.Thread(target=lambda: answers.append(again.step(back.headers["Location"])))
        login.start()
        time.sleep(0.5)
        began = time.monotonic()
        server.terminate()
        login.join(20)
        assert [answer.status_code for answer in answers] == [303], server.log.read_text()
        assert server.process.wait(40) in (0, -signal.SIGTERM, 2, 143)
        assert time.monotonic() - began < 20
        with pytest.raises(requests.ConnectionError):
            requests.get(nodes.base + "/healthz", timeout=2)
        log = server.log.read_text()
        assert '"route": "/login/callback", "status": 303' in log
        for line in log.splitlines():
            assert line.startswith(("[WARNING]", "[INFO]")) or json.loads(line)["level"], line
        for secret in [*secrets, "demo-okta-password", "eyJ"]:
            assert secret, secret
            assert secret not in log
