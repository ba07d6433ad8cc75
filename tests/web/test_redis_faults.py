"""A Redis that stops, forgets, is full or answers late: it only counts tries, so that no session and nobody's identity
hang on it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.needs import forget_tries, need
from tests.web.steps import assert_anonymous, second_node
from tests.world import POINT_PASSWORD, Visitor, World


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    forget_tries()
    return shared


class OwnRedis:
    """A Redis of this test's own, which can be stopped and begun anew with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        words += ["--maxmemory", "5mb", "--maxmemory-policy", "allkeys-lru"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        pytest.fail("no Redis")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def client(self) -> Any:
        import redis

        return redis.Redis(port=self.port, socket_timeout=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OwnRedis]:
    need(shutil.which("redis-server"), "redis-server")
    store = OwnRedis(tmp_path)
    store.start()
    yield store
    store.stop()


def at(node: str, person: Visitor) -> Visitor:
    """The same browser before another node: cookies ignore ports."""
    other = Visitor(node, person.email)
    other.http.cookies = person.http.cookies
    return other


def try_password(node: str, email: str, password: str = "wrong") -> int:
    data = {"email": email, "password": password}
    return Visitor(node).step("/login", method="POST", data=data).status_code


def test_flt_73_without_redis_whoever_is_logged_in_stays_who_they_are(world: World, store: OwnRedis) -> None:
    alice, gus = world.alice, world.gus
    alice.log_in()
    with second_node(world, redis_url=store.url, demo=False) as node:
        assert gus.log_in_by_password().ok
        store.stop()
        for person in (alice, gus):
            assert at(node, person).session()["email"] == person.email
        # Nobody guesses passwords where nobody counts; logins by Okta do not depend on it.
        assert try_password(node, "gus@globex.example", POINT_PASSWORD) == 503
        assert Visitor(node).step("/login/acme/okta").status_code == 302
        assert_anonymous(Visitor(node))
        store.start()
        assert try_password(node, "gus@globex.example", POINT_PASSWORD) == 303


def test_flt_76_a_redis_that_has_forgotten_everything_brings_no_session_back(world: World, store: OwnRedis) -> None:
    alice, thief = world.alice, world.stranger
    alice.log_in()
    thief.http.cookies.update(alice.http.cookies)
    with second_node(world, redis_url=store.url, demo=False) as node:
        assert at(node, thief).session()["authenticated"]
        at(node, alice).step("/logout", method="POST", data={"okta": "no"})
        store.stop()
        store.start()
        for place in (node, world.base):
            assert_anonymous(at(place, thief))


def test_flt_78_a_redis_that_throws_things_out_costs_no_session(world: World, store: OwnRedis) -> None:
    alice = world.alice
    alice.log_in()
    with second_node(world, redis_url=store.url, demo=False) as node:
        assert [try_password(node, "carol@globex.example") for _ in range(3)] == [422] * 3
        client = store.client()
        # It keeps when somebody tried and nothing else, under names without an address of anybody's.
        for key in client.keys("*"):
            assert all(0 < float(each) <= time.time() for each in client.lrange(key, 0, -1))
            assert b"@" not in key
        for number in range(200):
            client.set(f"filler {number}", "x" * 50_000)
        assert client.info("stats")["evicted_keys"] > 0
        assert at(node, alice).session()["email"] == "alice@acme.example"
        assert try_password(node, "carol@globex.example") == 422
        client.close()


@contextmanager
def held_up(port: int) -> Iterator[tuple[str, threading.Event]]:
    """The way to Redis through a place that holds its answers up while the event is set, and then lets them go."""
    holding = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = [listener]

    def pass_on(source: socket.socket, target: socket.socket, *, late: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                while late and holding.is_set():
                    time.sleep(0.02)
                target.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", port))
                ends.extend((here, there))
                threading.Thread(target=pass_on, args=(here, there), kwargs={"late": False}, daemon=True).start()
                threading.Thread(target=pass_on, args=(there, here), kwargs={"late": True}, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0", holding
    finally:
        holding.clear()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def test_flt_77_an_answer_that_came_too_late_is_not_taken_for_the_next_one(world: World, store: OwnRedis) -> None:
    """Carol has used her tries up. Redis is late to say so, and says it while Gus is asking: he is not kept out by it,
    and she is not let in by his answer."""
    with held_up(store.port) as (url, holding), second_node(world, redis_url=url, demo=False) as node:
        assert {try_password(node, "carol@globex.example") for _ in range(11)} == {422, 429}
        for _ in range(3):
            holding.set()
            assert try_password(node, "carol@globex.example") == 503
            holding.clear()
            assert try_password(node, "gus@globex.example") == 422
            assert try_password(node, "carol@globex.example") == 429
