"""Several processes of the portal on one database, as a balancer would have them behind it: real servers, started as
`make serve` starts them, one sandbox Okta, and phones that can call any of them, many at the same moment."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from okta_sandbox import Sandbox
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.services import make_services
from portal.settings import read_settings
from portal.store.organizations import create_organization
from portal.store.upgrade import upgrade_database
from tests.world import Visitor

ROOT = Path(__file__).parents[2]
SCHEME = "org.pointapp.point:"
Json = dict[str, Any]


class Answer:
    """What a node said: status, raw body, and the body read as JSON."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        self.json: Json = json.loads(body) if body else {}

    @property
    def said(self) -> tuple[int, str]:
        """Status, and the reason of a refusal."""
        return self.status, self.json.get("reason", "")


class Node:
    """One process of the portal."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port, self.process, self.log = port, process, log

    def connect(self) -> HTTPConnection:
        """An open connection to it."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.connect()
        except OSError as exc:
            exc.add_note(f"{self.process.poll()=} {self.port=} {self.log.read_text()}")
            raise
        return connection

    def call(self, method: str, path: str, body: Json | None = None, *, bearer: str = "") -> Answer:
        """One call of the app."""
        return _call(self.connect(), method, path, body, bearer)

    def wait_until_up(self) -> None:
        for _ in range(400):
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.call("GET", "/healthz").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        pytest.fail(f"no answer: {self.log.read_text()}")

    def terminate(self) -> None:
        """SIGTERM to the server alone, as a service manager does it: make is only what started it."""
        os.kill(self._server(), signal.SIGTERM)

    def _server(self) -> int:
        children = _children(self.process.pid)
        return children[0] if children else self.process.pid

    def workers(self) -> list[int]:
        """The processes that answer."""
        server = self._server()
        return _children(server) or [server]

    def listeners(self) -> int:
        """How many processes take connections for it: each has a socket of its own."""
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(line[1].endswith(f":{self.port:04X}") and line[3] == "0A" for line in lines)

    def kill(self) -> None:
        """kill -9, to all that it consists of."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """At the end of a test: it would wait for browsers that keep their connections open."""
        if self.process.poll() is None:
            self.kill()


class Login:
    """A login of the app that Okta has sent back: the deep link, and the verifier that only this phone has."""

    def __init__(self, state: str, link: str, verifier: str) -> None:
        self.state, self.link, self.verifier = state, link, verifier

    def body(self, verifier: str = "") -> Json:
        return {"deep_link": self.link, "code_verifier": verifier or self.verifier}


class Nodes:
    """The nodes of one portal, and what they share. `url` is the database's; no table is needed in it yet."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.running: list[Node] = []
        self._ports = [_free_port()]
        self.base = f"http://localhost:{self._ports[0]}"
        self.sandbox = Sandbox(portal=self.base)
        self.alice = Visitor(self.base, "alice@acme.example")
        self.environ = {
            **os.environ,
            "POINT_BASE_URL": self.base,
            "POINT_INSTANCE": str(folder),
            "POINT_DATABASE_URL": url,
            "POINT_LOOPBACK_OKTA": "1",
            "POINT_SECRET_KEYS": "a key for the nodes of a portal that is long enough 0123456789",
            "POINT_LOG_LEVEL": "warning",
        }
        upgrade_database(url)
        self.services = make_services(read_settings(self.environ, folder))

    def prepare(self, okta: str) -> None:
        """Acme, connected to this Okta."""
        with self.services.db.writing() as connection:
            acme = create_organization(
                connection, "acme", name="Acme", domain_names=["acme.example"], now=self.services.now()
            )
        spa, native = self.sandbox.client_id("spa"), self.sandbox.client_id("native")
        entries = Entries(spa, okta, native, okta, authorization_server="org")
        save_okta(self.services, acme.id, entries, sign_in="redirect", who="the test", reference="", check=False)

    def start(self, count: int, *, workers: int = 1) -> list[Node]:
        """So many more nodes, which start at the same time, of so many processes each."""
        started = []
        for _ in range(count):
            port = self._ports.pop() if self._ports else _free_port()
            log = self.folder / f"log-{port}"
            make = ["make", "-s", "serve", f"PORT={port}", f"WORKERS={workers}"]
            with log.open("wb") as sink:
                process = subprocess.Popen(
                    make, cwd=ROOT, env=self.environ, stderr=sink, stdout=sink, start_new_session=True
                )
            started.append(Node(port, process, log))
        self.running += started
        for node in started:
            node.wait_until_up()
        return started

    def come_back(self, node: Node) -> Login:
        """A login that begins at `node`, goes to Okta and comes back to the phone."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        wish = {"organization": "acme", "code_challenge": challenge, "code_challenge_method": "S256"}
        started = node.call("POST", "/native/v1/login", wish)
        assert started.status == 201, started.body
        answer = self.alice.follow(self.alice.step(started.json["authorization_url"]), until=SCHEME)
        if "identifier" in answer.text:
            answer = self.alice.sign_in_at_okta(answer)
        link = self.alice.follow(answer, until=SCHEME).headers["Location"]
        return Login(started.json["state"], link, verifier)

    def log_in(self, node: Node) -> Json:
        """A whole login at one node: its tokens."""
        return complete(node, self.come_back(node)).json

    def command(self, *words: str) -> None:
        """A command of the contract's command line, in a process of its own."""
        flask = [str(ROOT / ".venv/bin/flask"), "--app", "wsgi", *words]
        subprocess.run(flask, cwd=ROOT, env=self.environ, check=True, stdout=subprocess.DEVNULL)

    def ask(self, question: str, **values: Any) -> Any:
        """The one value that the database answers to a SELECT."""
        with self.services.db.reading() as connection:
            return connection.execute(text(question), values).scalar_one()

    def change(self, statement: str, **values: Any) -> int:
        """How many rows a statement of the test's has changed."""
        with self.services.db.writing() as connection:
            return connection.execute(text(statement), values).rowcount

    def token_requests(self) -> int:
        """How often Okta's token endpoint was asked."""
        return sum(request.path.endswith("/v1/token") for request in self.sandbox.requests)

    def sessions(self) -> int:
        """How many logins of the app there are, and that none of them is half of one."""
        one = "SELECT count(*) FROM {}"
        sessions = self.ask(one.format("sessions WHERE kind = 'phone'"))
        assert sessions == self.ask(one.format("native_attempts WHERE status = 'completed' AND answer IS NOT NULL"))
        assert sessions == self.ask(one.format("activity WHERE what IN ('login', 'login.joined')"))
        assert sessions == self.ask("SELECT count(DISTINCT session_hash) FROM refresh_tokens")
        return int(sessions)


@contextmanager
def nodes_on(folder: Path, url: str) -> Iterator[Nodes]:
    """A portal whose nodes end with the test; none is started yet."""
    nodes = Nodes(folder, url)
    with nodes.sandbox.serve(host="127.0.0.1", port=0) as server:
        nodes.prepare(server.url.replace("127.0.0.1", "localhost"))
        try:
            yield nodes
        finally:
            for node in nodes.running:
                node.stop()
            nodes.services.close()


def complete(node: Node, login: Login) -> Answer:
    """The deep link is redeemed."""
    answer = node.call("POST", "/native/v1/login/complete", login.body())
    assert answer.status == 200, answer.body
    return answer


def renew(node: Node, refresh_token: str) -> Answer:
    """A refresh token is used."""
    return node.call("POST", "/native/v1/token", {"refresh_token": refresh_token})


def at_once(nodes: Sequence[Node], path: str, bodies: Sequence[Json]) -> list[Answer]:
    """POSTs all bodies at the same moment, to each node in turn; the answers in the bodies' order."""
    connections = [nodes[number % len(nodes)].connect() for number in range(len(bodies))]
    gate = threading.Barrier(len(bodies))

    def send(number: int) -> Answer:
        gate.wait()
        return _call(connections[number], "POST", path, bodies[number], "")

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, range(len(bodies))))


def _call(connection: HTTPConnection, method: str, path: str, body: Json | None, bearer: str) -> Answer:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()


def _children(pid: int) -> list[int]:
    """The processes that this one has started, those that only keep accounts for Python left out."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    started = [int(each) for each in found.read_text().split()] if found.exists() else []
    return [each for each in started if b"resource_tracker" not in Path(f"/proc/{each}/cmdline").read_bytes()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
