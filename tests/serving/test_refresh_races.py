"""Sessions of browsers on two processes of the portal and one database, SQLite and PostgreSQL: when one is due, Okta is
asked once, nobody is put out and no token is lost; and what is ended is over on the other process within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from okta_sandbox import RawAnswer, SeenRequest
from okta_sandbox.routes import call_endpoint
from okta_sandbox.universal_logout import make_order, name_subject, send_order
from portal.passwords import hash_password
from portal.store.members import add_member
from portal.store.sessions import hash_id
from tests.serving.nodes import Node, Nodes, nodes_on, renew
from tests.store.databases import KINDS, empty_database
from tests.world import Visitor

THREADS = 8  # in each of the two processes
ROUNDS = 20  # `bench/refresh_race.py` does 500
PASSWORD = "a long password for the owner"


@pytest.fixture(scope="module", params=KINDS)
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A portal of two nodes, with an owner who has a password."""
    folder = tmp_path_factory.mktemp("nodes")
    with empty_database(request.param, folder) as url, nodes_on(folder, url) as nodes:
        nodes.start(2)
        with nodes.services.db.writing() as connection:
            acme = nodes.ask("SELECT id FROM organizations")
            hashed = hash_password(PASSWORD)
            add_member(connection, acme, "olivia@acme.example", role="owner", now=1, password_hash=hashed)
        yield nodes


@pytest.fixture
def pair(nodes: Nodes) -> list[Node]:
    nodes.sandbox.answer = None
    return nodes.running[:2]


def log_in(nodes: Nodes) -> str:
    """Alice's new session: what the cookie says."""
    alice = Visitor(nodes.base, "alice@acme.example")
    alice.log_in()
    return str(alice.http.cookies["point_session"])


def said(node: Node, cookie: str) -> bool:
    """Whether a node says that somebody is logged in."""
    return read_session(node.connect(), cookie)


def read_session(connection: HTTPConnection, cookie: str) -> bool:
    connection.request("GET", "/session", headers={"Cookie": f"point_session={cookie}"})
    answer = connection.getresponse()
    try:
        return b'"authenticated": true' in answer.read().replace(b":true", b": true")
    finally:
        connection.close()


def make_due(nodes: Nodes, cookie: str) -> None:
    """As if eleven minutes had passed since Okta vouched for it last."""
    change = "UPDATE sessions SET proved_at = proved_at - 660 WHERE id_hash = :key"
    assert nodes.change(change, key=hash_id(cookie)) == 1


def race(nodes: Nodes, cookie: str, threads: int = THREADS) -> tuple[int, int, float]:
    """(how many of all threads found the session alive, how often Okta was asked, seconds of the slowest)."""
    pair = nodes.running[:2]
    connections = [pair[number % 2].connect() for number in range(2 * threads)]
    before, gate = nodes.token_requests(), threading.Barrier(2 * threads)
    make_due(nodes, cookie)

    def ask(connection: HTTPConnection) -> tuple[bool, float]:
        gate.wait()
        began = time.perf_counter()
        return read_session(connection, cookie), time.perf_counter() - began

    with ThreadPoolExecutor(2 * threads) as pool:
        answers = list(pool.map(ask, connections))
    return sum(alive for alive, _ in answers), nodes.token_requests() - before, max(took for _, took in answers)


def soon_out(node: Node, cookie: str) -> bool:
    """Whether the session is over on this node, within a second."""
    until = time.monotonic() + 1
    while (alive := said(node, cookie)) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive


def hold_up(nodes: Nodes, seconds: float) -> list[float]:
    """Okta does its work and rotates at once, and its answer comes so much later; fills in when it was asked."""
    times: list[float] = []

    def late(request: SeenRequest) -> RawAnswer | None:
        if not request.path.endswith("/v1/token"):
            return None
        answer = call_endpoint(nodes.sandbox, request)
        times.append(time.monotonic())
        time.sleep(seconds)
        return answer

    nodes.sandbox.answer = late
    return times


def test_flt_01_of_many_at_once_on_two_processes_one_asks_okta_and_nobody_is_put_out(
    nodes: Nodes, pair: list[Node]
) -> None:
    cookie = log_in(nodes)
    for _ in range(ROUNDS):
        alive, asked, _slowest = race(nodes, cookie)
        assert (alive, asked) == (2 * THREADS, 1)
    assert all(said(node, cookie) for node in pair)


def test_flt_02_while_one_waits_for_okta_the_others_go_on(nodes: Nodes, pair: list[Node]) -> None:
    cookie = log_in(nodes)
    make_due(nodes, cookie)
    times = hold_up(nodes, 1.5)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(said, pair[0], cookie)
        while not times:
            time.sleep(0.01)
        for node in pair:
            began = time.monotonic()
            assert said(node, cookie)
            assert time.monotonic() - began < 0.5
        assert waiting.result()
    assert len(times) == 1


def test_flt_03_a_process_killed_between_okta_s_answer_and_the_commit_costs_nobody_the_session(
    nodes: Nodes, pair: list[Node]
) -> None:
    (third,) = nodes.start(1)
    cookie = log_in(nodes)
    make_due(nodes, cookie)
    times = hold_up(nodes, 3)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(_ask_in_vain, third, cookie)
        while not times:
            time.sleep(0.01)
        third.kill()
        lost.result()
    nodes.sandbox.answer = None
    # Its lease still holds: the others neither ask nor put anybody out.
    asked = nodes.token_requests()
    assert all(said(node, cookie) for node in pair)
    assert nodes.token_requests() == asked
    lease = nodes.ask("SELECT proving_until FROM sessions WHERE id_hash = :key", key=hash_id(cookie))
    assert 0 < lease - time.time() <= 15
    nodes.change("UPDATE sessions SET proving_until = proving_until - 15 WHERE id_hash = :key", key=hash_id(cookie))
    assert said(pair[1], cookie)
    assert nodes.token_requests() == asked + 1
    for _ in range(2):
        assert race(nodes, cookie)[:2] == (2 * THREADS, 1)


def _ask_in_vain(node: Node, cookie: str) -> None:
    with pytest.raises((OSError, Exception)):
        said(node, cookie)


def test_flt_06_a_process_that_was_held_up_does_not_put_an_older_token_over_a_newer_one(
    nodes: Nodes, pair: list[Node]
) -> None:
    """The first is held up past its lease; the second asks, gets the successor, uses it, and gets the next."""
    cookie = log_in(nodes)
    make_due(nodes, cookie)
    times = hold_up(nodes, 2.5)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(said, pair[0], cookie)
        while not times:
            time.sleep(0.01)
        nodes.sandbox.answer = None
        for _ in range(2):
            make_due(nodes, cookie)
            nodes.change("UPDATE sessions SET proving_until = NULL WHERE id_hash = :key", key=hash_id(cookie))
            assert said(pair[1], cookie)
        newest = nodes.ask("SELECT sealed_tokens FROM sessions WHERE id_hash = :key", key=hash_id(cookie))
        assert waiting.result()
    time.sleep(max(0.0, times[0] + 3.5 - time.monotonic()))
    assert nodes.ask("SELECT sealed_tokens FROM sessions WHERE id_hash = :key", key=hash_id(cookie)) == newest
    assert race(nodes, cookie)[:2] == (2 * THREADS, 1)


def test_flt_08_what_okta_has_ended_is_over_on_the_other_process_within_a_second(
    nodes: Nodes, pair: list[Node]
) -> None:
    cookie = log_in(nodes)
    make_due(nodes, cookie)
    nodes.sandbox.deactivate("alice@acme.example")
    try:
        assert not said(pair[0], cookie)
        assert soon_out(pair[1], cookie)
    finally:
        nodes.sandbox.activate("alice@acme.example")


def test_universal_logout_is_felt_on_the_other_process_within_a_second(nodes: Nodes, pair: list[Node]) -> None:
    cookie, tokens = log_in(nodes), nodes.log_in(pair[1])
    assert all(said(node, cookie) for node in pair)
    okta, url = _issuer(nodes), f"{nodes.base}/organizations/acme/universal-logout"
    order = make_order(nodes.sandbox, issuer=okta, client_id=nodes.sandbox.client_id("spa"), audience=url)
    assert send_order(url, order, name_subject(nodes.sandbox.person("alice@acme.example"), okta)) == 204
    for node in pair:
        assert soon_out(node, cookie)
        assert node.call("GET", "/native/v1/me", bearer=tokens["access_token"]).status == 401
    assert renew(pair[1], tokens["refresh_token"]).status == 401


def test_an_order_sent_to_both_processes_at_once_counts_once(nodes: Nodes, pair: list[Node]) -> None:
    log_in(nodes)
    okta = _issuer(nodes)
    audience = f"{nodes.base}/organizations/acme/universal-logout"
    subject = name_subject(nodes.sandbox.person("alice@acme.example"), okta)
    for _ in range(5):
        order = make_order(nodes.sandbox, issuer=okta, client_id=nodes.sandbox.client_id("spa"), audience=audience)
        urls = [f"http://localhost:{node.port}/organizations/acme/universal-logout" for node in pair * 4]
        with ThreadPoolExecutor(len(urls)) as pool:
            statuses = list(pool.map(lambda url, order=order: send_order(url, order, subject), urls))
        assert sorted(statuses) == [204] + [401] * 7


def test_an_owner_s_end_of_a_session_is_felt_on_the_other_process_within_a_second(
    nodes: Nodes, pair: list[Node]
) -> None:
    cookie = log_in(nodes)
    assert said(pair[1], cookie)
    olivia = Visitor(nodes.base, "olivia@acme.example")
    olivia.log_in_by_password(PASSWORD)
    whose = "SELECT members.id FROM members JOIN users ON users.id = user_id WHERE email = 'alice@acme.example'"
    path = f"/organizations/acme/members/{nodes.ask(whose)}/sessions"
    answer: requests.Response = olivia.step(path, method="POST", data={"end": "all"})
    assert answer.status_code == 303
    assert soon_out(pair[1], cookie)


def at(node: Node, person: Visitor) -> Visitor:
    """The same browser before another node: cookies ignore ports."""
    other = Visitor(f"http://localhost:{node.port}", person.email)
    other.http.cookies = person.http.cookies
    return other


def test_delete_integration_and_a_new_password_are_felt_on_the_other_process_within_a_second(
    nodes: Nodes, pair: list[Node]
) -> None:
    """The last one, since it takes Okta away."""
    first, second = pair
    cookie, app = log_in(nodes), nodes.log_in(first)
    owner, elsewhere = (Visitor(nodes.base, "olivia@acme.example") for _ in range(2))
    owner.log_in_by_password(PASSWORD)
    assert said(second, cookie)
    assert second.call("GET", "/native/v1/me", bearer=app["access_token"]).status == 200
    owner.submit(owner.get("/organizations/acme/integrations/okta/delete"), button="Delete Integration")
    assert soon_out(second, cookie)
    assert second.call("GET", "/native/v1/me", bearer=app["access_token"]).status == 401
    elsewhere.log_in_by_password(PASSWORD)
    assert at(second, elsewhere).session()["authenticated"]
    new = {"password": "four otters climb a ladder", "password_again": "four otters climb a ladder"}
    owner.submit(owner.get("/account/password"), old_password=PASSWORD, **new)
    assert soon_out(second, elsewhere.http.cookies["point_session"])
    assert at(second, owner).session()["authenticated"]


def _issuer(nodes: Nodes) -> Any:
    return nodes.ask("SELECT issuer FROM apps WHERE kind = 'spa'")
