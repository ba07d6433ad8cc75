"""Kept connections, repetitions, the bulkhead, the breaker: how the door behaves over many calls and threads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.errors import Problem, Refused
from portal.okta.connections import Connection, Pool
from portal.okta.deadline import Deadline
from portal.okta.gate import Gate, Gates
from portal.okta.http import Door
from tests.okta.hostile import Hostile, Step, answer, drip, hang, hang_up, raw, reset, then

FORM = {"grant_type": "authorization_code", "code": "secret-code"}


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door(loopback=True, deadline=0.3)
    yield door
    door.close()


def reason_for(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.reason


# -- what is sent again, and what never is ---------------------------------------------------------------------------
def test_a_post_on_a_connection_that_was_closed_while_idle_works(door: Door) -> None:
    with Hostile(then(answer(), hang_up), answer(b"2")) as server:
        door.post_form(server.url, FORM)
        time.sleep(0.02)
        assert door.post_form(server.url, FORM).body == b"2"
        assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("end", [hang_up, reset])
def test_a_post_is_never_repeated_even_when_a_kept_connection_ends_without_a_byte(door: Door, end: Step) -> None:
    """The code may have been redeemed: Okta revokes what it gave for a code that comes twice."""
    with Hostile(answer(), end, answer(b"3")) as server:
        door.post_form(server.url, FORM)
        assert reason_for(lambda: door.post_form(server.url, FORM)) == "op_unavailable"
        assert len(server.requests) == 2


@pytest.mark.parametrize("end", [hang_up, reset])
def test_the_repetition_is_not_repeated(door: Door, end: Step) -> None:
    with Hostile(answer(), end, end, answer()) as server:
        door.get(server.url)
        assert reason_for(lambda: door.get(server.url)) == "op_unavailable"
        assert len(server.requests) == 3


@pytest.mark.parametrize("method", ["get", "post_form"])
@pytest.mark.parametrize("end", [hang_up, reset, hang])
def test_nothing_is_repeated_on_a_new_connection(door: Door, end: Step, method: str) -> None:
    with Hostile(end, answer()) as server:
        call = (lambda: door.get(server.url)) if method == "get" else (lambda: door.post_form(server.url, FORM))
        assert reason_for(call) in ("op_unavailable", "op_timeout")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("step", "reason"),
    [(hang, "op_timeout"), (then(b"H", reset), "op_unavailable"), (then(b"H", hang_up), "response_malformed")],
)
def test_nothing_is_repeated_after_a_timeout_or_a_byte(door: Door, step: Step, reason: str) -> None:
    with Hostile(answer(), step, answer()) as server:
        door.post_form(server.url, FORM)
        assert reason_for(lambda: door.post_form(server.url, FORM)) == reason
        assert len(server.requests) == 2


@pytest.mark.parametrize(("method", "sent"), [("post", 2), ("get", 3)])
def test_a_late_end_repeats_a_get_and_no_post(method: str, sent: int) -> None:
    """After a second of silence the server may well have redeemed the code before it died."""
    now = [0.0]

    def late(server: Hostile, connection: socket.socket) -> None:
        now[0] += 2
        hang_up(server, connection)

    door = Door(loopback=True, deadline=5, clock=lambda: now[0])
    with Hostile(answer(), late, answer()) as server:
        door.get(server.url)
        if method == "get":
            assert door.get(server.url).status == 200
        else:
            assert reason_for(lambda: door.post_form(server.url, FORM)) == "op_unavailable"
        assert len(server.requests) == sent
        door.close()


def test_an_answer_to_no_question_is_thrown_away_with_its_connection(door: Door) -> None:
    planted = threading.Event()

    def plant(server: Hostile, connection: socket.socket) -> None:
        planted.wait(5)
        connection.sendall(answer(b"planted"))

    with Hostile(then(answer(), plant), answer(b"asked for")) as server:
        door.get(server.url)
        planted.set()
        time.sleep(0.02)
        assert door.get(server.url).body == b"asked for"
        assert server.connections == 2


# -- kept connections ------------------------------------------------------------------------------------------------
def test_idle_connections_are_dropped_after_half_a_minute() -> None:
    now = [0.0]
    door = Door(loopback=True, deadline=5, clock=lambda: now[0])
    with Hostile() as server:
        for wait in (0, 29, 31):
            now[0] += wait
            door.get(server.url)
        assert server.connections == 2
        door.close()


def test_the_pool_is_bounded_and_closes_what_comes_late() -> None:
    pairs = [socket.socketpair() for _ in range(4)]
    connections = [Connection(mine, Deadline(time.monotonic, 1)) for mine, _ in pairs]
    pool = Pool(time.monotonic, most=2)
    for number, connection in enumerate(connections[:3]):
        pool.give(f"https://{number}", connection)
    assert pool.take("https://0") is None
    assert pool.take("https://2") is connections[2]
    pool.give("https://2", connections[2])
    pool.close()
    pool.give("https://3", connections[3])
    assert all(theirs.recv(1) == b"" for _, theirs in pairs)
    for _, theirs in pairs:
        theirs.close()


def test_many_threads_share_the_door_and_never_an_answer() -> None:
    def echo(server: Hostile, connection: socket.socket) -> None:
        connection.sendall(answer(mine.pop(connection)))

    class Echo(Hostile):
        def _read(self, connection: socket.socket) -> bool:
            request = b""
            while b"\r\n\r\n" not in request:
                some = connection.recv(4096)
                if not some:
                    return False
                request += some
            mine[connection] = request.split(b" ")[1]
            return True

    mine: dict[socket.socket, bytes] = {}
    door = Door(loopback=True, deadline=5)
    with Echo(echo) as server, ThreadPoolExecutor(16) as threads:
        paths = [f"/{number}" for number in range(400)]
        found = list(threads.map(lambda path: door.get(server.url + path).body.decode(), paths))
        door.close()
    assert found == paths
    assert server.connections <= 16


# -- one slow Okta does not take the others down ---------------------------------------------------------------------
def test_a_hanging_host_takes_its_places_and_nobody_elses() -> None:
    door = Door(loopback=True, deadline=3, per_host=2)
    with Hostile(hang) as slow, Hostile() as quick, ThreadPoolExecutor(20) as threads:
        stuck = [threads.submit(lambda: reason_for(lambda: door.get(slow.url, deadline=0.6))) for _ in range(18)]
        while len(slow.requests) < 2:
            time.sleep(0.005)
        time.sleep(0.1)
        started = time.monotonic()
        assert reason_for(lambda: door.get(slow.url)) == "op_busy"
        assert door.get(quick.url).status == 200
        assert time.monotonic() - started < 0.2
        assert len(slow.requests) == 2
        assert "op_timeout" in {future.result() for future in stuck}
        door.close()


def test_whoever_waits_gets_the_next_place() -> None:
    door = Door(loopback=True, deadline=3, per_host=1)
    with Hostile(drip(answer(), 0.001)) as server, ThreadPoolExecutor(4) as threads:
        found = [threads.submit(door.get, server.url) for _ in range(4)]
        assert [future.result().status for future in found] == [200] * 4
        assert server.connections == 1
        door.close()


def test_the_bulkhead_waits_no_longer_than_its_second() -> None:
    gate = Gate(time.monotonic, most=1)
    gate.enter(Deadline(time.monotonic, 9))
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        gate.enter(Deadline(time.monotonic, 9))
    assert (caught.value.problem, 0.9 < time.monotonic() - started < 1.3) == (Problem.OKTA_BUSY, True)


def test_the_breaker_opens_after_five_failures_and_lets_one_trial_through() -> None:
    now = [0.0]
    door = Door(loopback=True, deadline=5, clock=lambda: now[0])
    with Hostile(*[reset] * 6, answer()) as server:
        for _ in range(5):
            assert reason_for(lambda: door.get(server.url)) == "op_unavailable"
        assert reason_for(lambda: door.get(server.url)) == "op_breaker_open"
        assert len(server.requests) == 5
        now[0] += 5.1
        assert reason_for(lambda: door.get(server.url)) == "op_unavailable"
        assert reason_for(lambda: door.get(server.url)) == "op_breaker_open"
        now[0] += 5.1
        assert door.get(server.url).status == 200
        assert door.get(server.url).status == 200
        assert len(server.requests) == 8
        door.close()


def test_only_one_call_is_the_trial() -> None:
    now = [0.0]
    gate, deadline = Gate(lambda: now[0], most=8), Deadline(time.monotonic, 9)
    for _ in range(5):
        gate.leave(failed=True, trial=gate.enter(deadline))
    now[0] += 6
    trial = gate.enter(deadline)
    assert trial
    assert reason_for(lambda: gate.enter(deadline)) == "op_breaker_open"
    gate.leave(failed=False, trial=trial)
    assert not gate.enter(deadline)


def test_a_bad_answer_is_no_failure_to_the_breaker(door: Door) -> None:
    with Hostile(*[answer(status="500 No")] * 8, raw("HTTP/1.1 200 OK", "Content-Length: x")) as server:
        assert [door.get(server.url).status for _ in range(8)] == [500] * 8
        assert [reason_for(lambda: door.get(server.url)) for _ in range(8)] == ["response_malformed"] * 8


def test_closed_filtered_and_reset_read_the_same(door: Door) -> None:
    """SRSP-68. A full backlog swallows connections as a firewall does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, Hostile(reset) as rude:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            ports = [unused.getsockname()[1], full.getsockname()[1], rude.port]
            refusals = []
            for port in ports:
                with pytest.raises(Refused) as caught:
                    door.get(f"http://127.0.0.1:{port}/")
                refusals.append((caught.value.problem, caught.value.reason, caught.value.detail))
        for filler in fillers:
            filler.close()
    assert refusals == [(Problem.OKTA_UNREACHABLE, "op_unavailable", "")] * 3


def test_idle_gates_are_forgotten_when_there_are_many() -> None:
    gates, deadline = Gates(time.monotonic, 1), Deadline(time.monotonic, 9)
    busy = gates.to("https://busy")
    busy.enter(deadline)
    for number in range(3000):
        gates.to(f"https://{number}")
    assert gates.to("https://busy") is busy
    assert len(gates._gates) <= 1025


def test_a_caller_in_a_hurry_opens_no_breaker() -> None:
    """A probe with little time must not keep logins out, which have more."""
    with Hostile(*[hang] * 8) as server:
        door = Door(loopback=True, deadline=4.0)
        for _ in range(6):
            with pytest.raises(Refused) as refused, door.within(0.05):
                door.get(server.url)
            assert refused.value.reason == "op_timeout"
        door.close()
