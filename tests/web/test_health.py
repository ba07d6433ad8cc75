"""For machines: alive, ready, and what is measured, with the database or Redis away too."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.needs import forget_tries, need
from tests.store.databases import KINDS, empty_database
from tests.world import POINT_PASSWORD, World, second_app

REDIS = os.environ.get("POINT_TEST_REDIS", "redis://127.0.0.1:6379/15")
DEAD_REDIS = "redis://127.0.0.1:1/0"


def test_alive_and_ready(world: World) -> None:
    assert world.stranger.step("/healthz").json() == {"status": "ok"}
    ready = world.stranger.step("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["database"]) == (200, "ready", True)


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/nowhere", "sqlite:////no-such-folder/x.db"])
def test_without_its_database_it_is_alive_but_not_ready(world: World, url: str) -> None:
    with second_app(world, database_url=url) as app:
        client = app.test_client()
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json["database"]) == (503, False)


def test_without_redis_it_is_not_ready_and_nobody_tries_a_password(world: World) -> None:
    with second_app(world, redis_url=DEAD_REDIS) as app:
        client = app.test_client()
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json["database"], ready.json["redis"]) == (503, True, False)
        answer = client.post("/login", data={"email": "gus@globex.example", "password": POINT_PASSWORD})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert client.get("/login/acme/okta").status_code == 302


def test_two_nodes_count_tries_together_in_redis(world: World) -> None:
    import redis

    store = redis.Redis.from_url(REDIS, socket_connect_timeout=1)
    try:
        answers = bool(store.ping())
    except redis.RedisError:
        answers = False
    need(answers, "Redis: POINT_TEST_REDIS names one whose database may be emptied")
    store.flushdb()
    with second_app(world, redis_url=REDIS) as one, second_app(world, redis_url=REDIS) as other:
        data = {"email": "carol@globex.example", "password": "wrong"}
        nodes = [one.test_client(), other.test_client()] * 5
        assert [node.post("/login", data=data).status_code for node in nodes] == [422] * 10
        assert {node.post("/login", data=data).status_code for node in nodes[:2]} == {429}
        assert one.test_client().get("/readyz").json["redis"] is True
    store.flushdb()
    store.close()


def series(world: World) -> dict[str, float]:
    """Every measured series and its value."""
    answer = world.stranger.step("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_logins_calls_and_refusals_are_counted(world: World) -> None:
    forget_tries()
    before = series(world)
    world.alice.log_in()
    world.gus.log_in_by_password()
    world.gus.log_in_by_password("wrong password")
    world.sandbox.fault("wrong_nonce")
    world.alice.log_in()
    after = series(world)
    grown = {name for name in after if after[name] == before.get(name, 0.0) + 1}
    assert 'point_logins_total{method="okta",outcome="ok"}' in grown
    assert 'point_logins_total{method="okta",outcome="refused"}' in grown
    assert 'point_logins_total{method="password",outcome="ok"}' in grown
    assert 'point_logins_total{method="password",outcome="refused"}' in grown
    assert any(name.startswith('point_refusals_total{code="id_token_refused"') for name in grown)
    assert any(name.startswith('point_okta_call_seconds_count{host="localhost') for name in after)


def test_what_visitors_make_up_makes_no_new_series(world: World) -> None:
    for number in range(5):
        world.stranger.step(f"/made-up-{number}?code={number}")
        world.stranger.step(f"/login/made-up-{number}")
        world.stranger.step("/login", method=f"MADEUP{number}")
    text = world.stranger.step("/metrics").text
    assert "made-up" not in text.lower()
    assert "MADEUP" not in text
    routes = {route for route in re.findall(r'route="([^"]*)"', text) if not route.startswith("(")}
    # The numbers are the process's: applications of other tests have these routes besides.
    others = {"/refuse/<name>", "/fail", "/open", "/styleguide"}
    assert routes <= {rule.rule for rule in world.app.url_map.iter_rules()} | others


def test_metrics_name_no_person(world: World) -> None:
    world.alice.log_in()
    text = world.stranger.step("/metrics").text
    assert "@" not in text
    assert "alice" not in text


@pytest.mark.parametrize(
    ("address", "headers"), [("8.8.8.8", {}), ("2001:4860::1", {}), ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"})]
)
def test_metrics_are_not_for_those_who_come_from_afar_or_through_a_proxy(
    world: World, address: str, headers: dict[str, str]
) -> None:
    client = world.app.test_client()
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "10.0.0.7"}).status_code == 200
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": address}, headers=headers)
    assert answer.status_code == 404
    assert b"point_" not in answer.data


def test_a_host_that_was_only_typed_is_in_no_metric(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get("/organizations/acme/integrations/okta")
    olivia.submit(page, "spa_domain", spa_domain="http://localhost:1", spa_client_id="0oaTyped00000000001")
    text = world.stranger.step("/metrics").text
    assert "localhost:1\"" not in text
    assert 'host="(save)"' in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_without_tables_is_not_ready(world: World, tmp_path: Path, kind: str) -> None:
    with empty_database(kind, tmp_path) as url, second_app(world, database_url=url) as app:
        assert app.test_client().get("/readyz").status_code == 503
