"""`make demo` as a newcomer meets it: start, log in, Ctrl-C, and start again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser

from tests.browser.person import Person
from tests.needs import need

ROOT = Path(__file__).parents[2]


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    portal, okta = find_free_port(), find_free_port()
    yield portal, okta
    shutil.rmtree(ROOT / "instance" / f"demo-{portal}", ignore_errors=True)


@contextmanager
def demo(ports: tuple[int, int], said: Path) -> Iterator[float]:
    """Runs it until Ctrl-C in the terminal, which every process of the terminal hears; gives the seconds it took."""
    began = time.monotonic()
    ours = ("POINT_", "PORT", "SANDBOX_", "MAKE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with said.open("wb") as out:
        process = subprocess.Popen(
            ["make", "demo", f"PORT={ports[0]}", f"SANDBOX_PORT={ports[1]}"],
            cwd=ROOT, env=clean, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            while "Ctrl-C" not in said.read_text():
                assert process.poll() is None, said.read_text()
                assert time.monotonic() - began < 90, said.read_text()
                time.sleep(0.05)
            yield time.monotonic() - began
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(15)
    assert all(is_free(port) for port in ports)


def log_in(chromium: Browser, ports: tuple[int, int], email: str) -> Person:
    context = chromium.new_context(locale="en-US")
    person = Person(context, f"http://localhost:{ports[0]}", f"http://localhost:{ports[1]}", email)
    person.go("/").press("Log in").enter_email().sign_in()
    person.page.wait_for_url(person.base + "/")
    return person


def test_make_demo_starts_logs_in_stops_and_keeps_its_data(
    chromium: Browser, ports: tuple[int, int], tmp_path: Path
) -> None:
    need(shutil.which("make"), "make: sudo apt-get install make")
    said = tmp_path / "said"
    with demo(ports, said):
        for text in ("alice@acme.example", "demo-okta-password", "demo-owner-password", f":{ports[0]}/login/acme"):
            assert text in said.read_text()
        assert requests.get(f"http://localhost:{ports[0]}/healthz", timeout=5).status_code == 200
        alice = log_in(chromium, ports, "alice@acme.example")
        alice.at("Hello Alice Andersson", "/").sees("Demo").assert_logged_in()
        alice.picture("demo-home")
    with demo(ports, said) as seconds:
        assert seconds < 15
        alice.page.reload()
        alice.at("Hello Alice Andersson", "/").press("Log out").at("Welcome to POINT").assert_anonymous()
    assert alice.faults == []
    alice.context.close()
