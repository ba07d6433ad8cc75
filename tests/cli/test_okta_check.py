"""`okta check`: one row for each step of the guide, for people and for programs, and what the exit code says."""

from __future__ import annotations

import json

import pytest
from click.testing import Result

from portal.okta.steps import STEPS
from tests.web.steps import embed
from tests.web.test_okta_checks import draft
from tests.world import World


def run(world: World, line: str) -> Result:
    return world.app.test_cli_runner().invoke(args=line.split())


def test_what_is_right_exits_0_with_a_row_for_each_step(world: World) -> None:
    embed(world)
    result = run(world, "okta check acme --json")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    found = json.loads(result.stdout)
    assert (found["organization"], found["subject"], found["wrong"]) == ("acme", "live", 0)
    assert [row["step"] for row in found["checks"]] == [step.id for step in STEPS]
    assert {row["verdict"] for row in found["checks"]} == {"right", "login"}
    assert all(row.keys() == {"step", "verdict", "cause", "found", "expected"} for row in found["checks"])


def test_what_is_wrong_exits_1_and_is_named(world: World) -> None:
    world.sandbox.app(world.sandbox.client_id("native")).oauth["redirect_uris"] = ["https://elsewhere.example/"]
    result = run(world, "okta check acme --json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["wrong"] == 1
    (wrong,) = [row for row in found["checks"] if row["verdict"] == "wrong"]
    assert (wrong["step"], wrong["cause"]) == ("native.redirect_uri", "redirect_uri_missing")
    assert wrong["expected"] == "org.pointapp.point:/login"


def test_people_get_a_table_that_says_where_to_change_it(world: World) -> None:
    world.sandbox.app(world.sandbox.client_id("native")).oauth["redirect_uris"] = ["https://elsewhere.example/"]
    result = run(world, "okta check acme")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    row = next(number for number, line in enumerate(lines) if line.endswith("Phone app: Sign-in redirect URI"))
    assert lines[row].startswith("To put right ")
    below = "\n".join(lines[row + 1 : row + 5])
    assert "It should be: org.pointapp.point:/login" in below
    assert "Sign-in redirect URIs > Add URI" in below
    assert lines[-1] == "1 to put right"
    assert sum("Okta domain" in line for line in lines) == 1


def test_the_draft_is_checked_unless_what_is_live_is_asked_for(world: World) -> None:
    draft(world, spa_client_id="0oaUnknown0000000001")
    assert json.loads(run(world, "okta check acme --json").stdout)["subject"] == "draft"
    assert run(world, "okta check acme").exit_code == 1
    live = run(world, "okta check acme --subject live --json")
    assert (live.exit_code, json.loads(live.stdout)["subject"]) == (0, "live")


@pytest.mark.parametrize(
    ("line", "code", "word"),
    [
        ("okta check nowhere --json", 1, "organization_unknown"),
        ("okta check globex --json", 1, "okta_not_connected"),
        ("okta check acme --subject draft --json", 1, "okta_not_connected"),
        ("okta check", 2, "Usage"),
        ("okta check acme --subject nothing", 2, "Usage"),
    ],
)
def test_where_there_is_nothing_to_check_it_says_so(world: World, line: str, code: int, word: str) -> None:
    result = run(world, line)
    assert result.exit_code == code
    assert word in result.output
    assert not world.sandbox.requests


def test_it_waits_for_the_run_under_way(world: World) -> None:
    """Its process has gone, so that it is not waited for for ever."""
    from portal.store.check_runs import LIFE_SECONDS, find_latest_run, start_run

    with world.services.db.writing() as connection:
        now = world.services.now() - LIFE_SECONDS + 2
        started = start_run(connection, world.acme_id, subject="live", fingerprint="x", who="olivia", now=now)
    assert run(world, "okta check acme").exit_code == 0
    with world.services.db.reading() as connection:
        newest = find_latest_run(connection, world.acme_id)
    assert newest is not None
    assert newest.id > started[0]
