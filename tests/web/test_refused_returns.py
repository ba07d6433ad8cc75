"""Logins that come back and are turned down: over for good, written down once, and no burden on anybody else."""

from __future__ import annotations

import time
from pathlib import Path

from flask.testing import FlaskClient

from tests.conftest import Stage
from tests.web.steps import change_query, come_back, connect
from tests.world import Visitor, World, make_world

MOST = 300  # refused returns a minute, of one organization from one network


def bring_again(visitor: Visitor, address: str, kept: dict[str, str]) -> int:
    """Loads the return once more, with the cookie of the attempt that the portal has taken away."""
    for name, value in kept.items():
        visitor.http.cookies.set(name, value, domain="localhost.local", path="/")
    return visitor.step(address).status_code


def attempts_of(visitor: Visitor) -> dict[str, str]:
    return {c.name: c.value or "" for c in visitor.http.cookies if c.name.startswith("point_attempt_")}


def refusals(world: World) -> int:
    return sum(event.what == "login.refused" for event in world.activity())


def test_a_return_that_was_refused_is_over_however_often_it_comes(world: World) -> None:
    alice = world.alice
    address = change_query(come_back(alice), code=None, error="access_denied")
    kept = attempts_of(alice)
    assert alice.step(address).status_code == 400
    assert [bring_again(alice, address, kept) for _ in range(4)] == [400] * 4
    assert refusals(world) == 1
    good = come_back(alice)
    assert alice.follow(alice.step(good)).status_code == 200


def test_a_code_that_was_refused_is_not_sent_again(world: World) -> None:
    alice = world.alice
    address = change_query(come_back(alice), code="junk")
    kept = attempts_of(alice)
    alice.step(address)
    world.clock.forward(15)
    began = time.monotonic()
    assert [bring_again(alice, address, kept) for _ in range(4)] == [409] * 4
    assert time.monotonic() - began < 3, "a used return must not make anybody wait"
    assert len(world.requests_to("/v1/token")) == 1
    assert refusals(world) == 1


def come_back_refused(client: FlaskClient, slug: str) -> int:
    begun = client.get(f"/login/{slug}/okta").headers["Location"]
    state = begun.partition("&state=")[2].partition("&")[0]
    return client.get(f"/login/callback?error=access_denied&state={state}").status_code


def test_a_flood_of_refused_returns_waits_and_the_neighbour_does_not(world: World) -> None:
    connect(world, world.globex_id, world.sandbox, world.okta)
    client = world.app.test_client()
    assert {come_back_refused(client, "acme") for _ in range(MOST)} == {400}
    assert come_back_refused(client, "acme") == 400
    assert come_back_refused(client, "acme") == 429
    assert come_back_refused(client, "globex") == 400
    assert refusals(world) <= MOST


def test_a_refused_return_while_redis_is_away_keeps_nobody_out(stage: Stage, tmp_path: Path) -> None:
    with make_world(stage, tmp_path, redis_url="redis://127.0.0.1:1/0") as world:
        ben = world.person("ben@acme.example")
        assert ben.log_in().status_code == 403
        assert refusals(world) == 1
        assert world.alice.log_in("/account").status_code == 200
