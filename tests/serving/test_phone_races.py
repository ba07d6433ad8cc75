"""The phone's calls on two processes of the portal and one database, SQLite and PostgreSQL: whatever comes twice, at
once, in the wrong order or to a process that is killed, there is one login or none, and never half of one."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from portal.store.sessions import hash_id
from tests.serving.nodes import Node, Nodes, at_once, complete, nodes_on, renew
from tests.store.databases import KINDS, empty_database

COMPLETE, TOKEN = "/native/v1/login/complete", "/native/v1/token"
PARALLEL = 100


@pytest.fixture(scope="module", params=KINDS)
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A portal of two nodes, of which neither has answered anybody yet."""
    folder = tmp_path_factory.mktemp("nodes")
    with empty_database(request.param, folder) as url, nodes_on(folder, url) as nodes:
        nodes.start(2)
        yield nodes


@pytest.fixture
def pair(nodes: Nodes) -> list[Node]:
    return nodes.running[:2]


def soon_said(node: Node, tokens: dict[str, str]) -> tuple[int, str]:
    """What a node says of these tokens once it lets nobody in by them, or after a second."""
    until = time.monotonic() + 1
    while (said := me(node, tokens))[0] == 200 and time.monotonic() < until:
        time.sleep(0.02)
    return said


def me(node: Node, tokens: dict[str, str]) -> tuple[int, str]:
    return node.call("GET", "/native/v1/me", bearer=tokens["access_token"]).said


def family(nodes: Nodes, access_token: str, node: Node) -> bytes:
    """What the session is stored under."""
    name = node.call("GET", "/native/v1/me", bearer=access_token).json["session_id"]
    return base64.urlsafe_b64decode(name + "=")


def test_the_first_logins_of_all_at_once_on_two_nodes_make_one_key_that_both_believe(
    nodes: Nodes, pair: list[Node]
) -> None:
    assert nodes.ask("SELECT count(*) FROM signing_keys") == 0
    logins = [nodes.come_back(pair[number % 2]) for number in range(8)]
    answers = at_once(pair, COMPLETE, [login.body() for login in logins])
    assert [answer.status for answer in answers] == [200] * 8
    assert nodes.ask("SELECT count(*) FROM signing_keys") == 1
    for answer in answers:
        assert [me(node, answer.json)[0] for node in pair] == [200, 200]


def test_flt_25_a_deep_link_redeemed_a_hundred_times_at_once_is_one_login(nodes: Nodes, pair: list[Node]) -> None:
    login = nodes.come_back(pair[0])
    sessions, asked = nodes.sessions(), nodes.token_requests()
    answers = at_once(pair, COMPLETE, [login.body()] * PARALLEL)
    assert Counter(answer.said for answer in answers) == {(200, ""): PARALLEL}
    assert len({answer.body for answer in answers}) == 1
    assert nodes.token_requests() == asked + 1
    assert nodes.sessions() == sessions + 1


def test_wrong_verifiers_among_the_right_ones_are_refused_and_cost_nobody_the_login(
    nodes: Nodes, pair: list[Node]
) -> None:
    login = nodes.come_back(pair[1])
    sessions, asked = nodes.sessions(), nodes.token_requests()
    # Half of each node's share are wrong, the very first included.
    wrong = [number % 4 < 2 for number in range(PARALLEL)]
    answers = at_once(pair, COMPLETE, [login.body("w" * 43 if each else "") for each in wrong])
    said = [answer.said for answer in answers]
    assert said == [(400, "state_other_device") if each else (200, "") for each in wrong]
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    assert nodes.token_requests() == asked + 1
    assert nodes.sessions() == sessions + 1


def test_a_refresh_token_used_a_hundred_times_at_once_has_one_successor_that_works(
    nodes: Nodes, pair: list[Node]
) -> None:
    tokens = nodes.log_in(pair[0])
    whose = family(nodes, tokens["access_token"], pair[0])
    answers = at_once(pair, TOKEN, [{"refresh_token": tokens["refresh_token"]}] * PARALLEL)
    assert Counter(answer.said for answer in answers) == {(200, ""): PARALLEL}
    assert len({answer.body for answer in answers}) == 1
    of_it = "SELECT count(*) FROM refresh_tokens WHERE session_hash = :whose"
    assert nodes.ask(of_it, whose=whose) == 2
    assert nodes.ask(f"{of_it} AND used_at IS NULL", whose=whose) == 1
    successor = renew(pair[1], answers[0].json["refresh_token"])
    assert successor.status == 200
    assert me(pair[0], successor.json) == (200, "")


def test_flt_12_a_refresh_token_used_again_after_its_thirty_seconds_ends_the_family_on_both_nodes(
    nodes: Nodes, pair: list[Node]
) -> None:
    tokens = nodes.log_in(pair[0])
    whose = family(nodes, tokens["access_token"], pair[0])
    following = renew(pair[0], tokens["refresh_token"]).json
    assert renew(pair[1], tokens["refresh_token"]).json == following
    # The nodes have the real time: what moves is when the token was used.
    moved = "UPDATE refresh_tokens SET used_at = used_at - 31 WHERE session_hash = :whose AND used_at IS NOT NULL"
    assert nodes.change(moved, whose=whose) == 1
    assert renew(pair[1], tokens["refresh_token"]).said == (401, "token_reused")
    for node in pair:
        for held in (tokens, following):
            assert soon_said(node, held) == (401, "token_reused")
        assert renew(node, following["refresh_token"]).said == (401, "token_reused")
    assert nodes.ask("SELECT count(*) FROM activity WHERE what = 'session.token_reused'") == 1


def test_a_use_after_the_thirty_seconds_that_comes_a_hundred_times_is_written_down_once(
    nodes: Nodes, pair: list[Node]
) -> None:
    tokens = nodes.log_in(pair[0])
    whose = family(nodes, tokens["access_token"], pair[0])
    renew(pair[0], tokens["refresh_token"])
    written = nodes.ask("SELECT count(*) FROM activity WHERE what = 'session.token_reused'")
    nodes.change("UPDATE refresh_tokens SET used_at = used_at - 31 WHERE session_hash = :whose", whose=whose)
    answers = at_once(pair, TOKEN, [{"refresh_token": tokens["refresh_token"]}] * PARALLEL)
    assert Counter(answer.said for answer in answers) == {(401, "token_reused"): PARALLEL}
    assert nodes.ask("SELECT count(*) FROM activity WHERE what = 'session.token_reused'") == written + 1


def test_a_logout_on_one_node_is_known_on_the_other_before_it_is_answered(nodes: Nodes, pair: list[Node]) -> None:
    tokens = nodes.log_in(pair[0])
    assert me(pair[1], tokens) == (200, "")
    left = pair[0].call("POST", "/native/v1/logout", {"okta": False}, bearer=tokens["access_token"])
    assert left.status == 200
    assert me(pair[1], tokens) == (401, "logout")
    assert renew(pair[1], tokens["refresh_token"]).said == (401, "logout")


def test_logins_and_refreshes_while_somebody_logs_out_leave_nothing_alive(nodes: Nodes, pair: list[Node]) -> None:
    tokens = nodes.log_in(pair[0])
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(pair[0].call, "POST", "/native/v1/logout", {}, bearer=tokens["access_token"])
        answers = at_once(pair, TOKEN, [{"refresh_token": tokens["refresh_token"]}] * 20)
        assert leaving.result().status == 200
    assert {answer.said for answer in answers} <= {(200, ""), (401, "logout")}
    for answer in answers:
        if answer.status == 200:
            assert me(pair[1], answer.json) == (401, "logout")
            assert renew(pair[1], answer.json["refresh_token"]).said == (401, "logout")


def test_delete_integration_on_the_command_line_is_felt_on_both_nodes_within_a_second(
    nodes: Nodes, pair: list[Node]
) -> None:
    logins = [nodes.log_in(node) for node in pair]
    waiting = nodes.come_back(pair[0])
    nodes.command("okta", "delete", "acme")
    try:
        for node in pair:
            for tokens in logins:
                assert soon_said(node, tokens)[0] == 401
                assert renew(node, tokens["refresh_token"]).status == 401
            assert node.call("POST", COMPLETE, waiting.body()).said == (409, "integration_deleted")
    finally:
        nodes.command("okta", "restore", "acme")
    assert complete(pair[0], nodes.come_back(pair[1])).status == 200


def test_a_node_killed_in_the_middle_of_logins_leaves_each_of_them_whole_or_over(
    nodes: Nodes, pair: list[Node]
) -> None:
    (third,) = nodes.start(1)
    logins = [nodes.come_back(third) for _ in range(30)]
    sessions, asked = nodes.sessions(), nodes.token_requests()
    with ThreadPoolExecutor(1) as pool:
        racing = pool.submit(_try_all, third, [login.body() for login in logins])
        while nodes.token_requests() < asked + 10:
            time.sleep(0.002)
        third.kill()
        racing.result()
    time.sleep(0.5)  # PostgreSQL goes on with what a client sent last before it died.
    nodes.sessions()  # Whatever was under way, nothing is half done.
    nodes.change("UPDATE native_attempts SET returned_at = returned_at - 12 WHERE status = 'returned'")
    said = Counter(answer.said for answer in at_once(pair, COMPLETE, [login.body() for login in logins]))
    assert set(said) <= {(200, ""), (409, "state_used")}
    assert said[200, ""] + said[409, "state_used"] == 30
    assert nodes.sessions() == sessions + said[200, ""]


def test_a_login_whose_node_is_killed_while_at_okta_is_over_twelve_seconds_later_and_not_before(
    nodes: Nodes, pair: list[Node]
) -> None:
    (third,) = nodes.start(1)
    login = nodes.come_back(third)
    sessions, asked = nodes.sessions(), nodes.token_requests()
    nodes.sandbox.delay_ms = 20_000
    nodes.sandbox.fault("slow_everything")
    try:
        with ThreadPoolExecutor(1) as pool:
            racing = pool.submit(_try_all, third, [login.body()])
            while nodes.token_requests() == asked:
                time.sleep(0.01)
            third.kill()
            assert racing.result() == 1
    finally:
        nodes.sandbox.clear_faults()
    other = {"deep_link": f"{login.link}&x=1", "code_verifier": login.verifier}
    assert pair[0].call("POST", COMPLETE, other).said == (409, "state_used")
    # Eleven of the twelve seconds are over: the other nodes wait for the last one, since the third may still come.
    key = hash_id(login.state)
    assert nodes.change("UPDATE native_attempts SET returned_at = returned_at - 11 WHERE state_hash = :key", key=key)
    returned_at = nodes.ask("SELECT returned_at FROM native_attempts WHERE state_hash = :key", key=key)
    answers = at_once(pair, COMPLETE, [login.body()] * 4)
    assert [answer.said for answer in answers] == [(409, "state_used")] * 4
    assert time.time() - returned_at >= 12
    assert nodes.sessions() == sessions
    assert nodes.token_requests() == asked + 1
    assert complete(pair[0], nodes.come_back(pair[1])).status == 200


def _try_all(node: Node, bodies: list[dict[str, str]]) -> int:
    """Sends all at once to a node that will not answer all of them; how many had no answer."""

    def send(body: dict[str, str]) -> int:
        try:
            node.call("POST", COMPLETE, body)
        except (OSError, HTTPException):
            return 1
        return 0

    with ThreadPoolExecutor(len(bodies)) as pool:
        return sum(pool.map(send, bodies))
