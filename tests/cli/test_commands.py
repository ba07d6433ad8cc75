"""The commands of the contract: what they answer, in words and as one line of JSON, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.conftest import Stage
from tests.needs import forget_tries
from tests.world import World, make_world

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def _shared(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(stage, tmp_path_factory.mktemp("shared")) as world:
        yield world


@pytest.fixture
def shared(_shared: World) -> World:
    """One world for the commands that read, or that make things of their own."""
    _shared.stage.app = _shared.app
    return _shared


def run(world: World, line: str, *more: str, stdin: str | None = None) -> Result:
    return world.app.test_cli_runner().invoke(args=[*line.split(), *more], input=stdin)


def answer(world: World, line: str, *more: str, code: int = 0, stdin: str | None = None) -> dict[str, Any]:
    """What the command answers with --json, which has to be exactly one line."""
    result = run(world, line, *more, "--json", stdin=stdin)
    assert result.exit_code == code, result.output
    assert result.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def save_line(world: World, slug: str = "globex", **changes: str) -> str:
    entries = {"spa-client-id": world.sandbox.client_id("spa"), "spa-domain": world.okta, **changes}
    return f"okta save {slug} " + " ".join(f"--{name} {value}" for name, value in entries.items())


def test_db_upgrade_may_run_on_every_start(shared: World) -> None:
    for _ in range(2):
        assert answer(shared, "db upgrade") == {"done": "the database is up to date"}


def test_organization_create_answers_what_was_made(shared: World) -> None:
    line = "organization create helpers --domain helpers.example --domain help.example --name"
    made = answer(shared, line, "The Helpers")
    assert made == {"organization": "helpers", "name": "The Helpers", "domains": ["helpers.example", "help.example"]}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("organization create acme --name Acme", "taken"),
        ("organization create other --name O --domain acme.example", "taken"),
        ("organization create Bad_Slug --name O", "slug"),
        ("organization create callback --name O", "slug"),
        ("organization create other --name O --domain nonsense", "domain"),
        ("member add acme nobody --role owner", "e-mail"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(shared: World, line: str, word: str) -> None:
    refused = answer(shared, line, code=1)
    assert refused["refused"] == "invalid"
    assert word in refused["advice"]
    plain = run(shared, line)
    assert plain.exit_code == 1
    assert plain.stdout == ""
    assert word in plain.stderr


@pytest.mark.parametrize(
    "line",
    ["member add nowhere a@b.example --role owner", "okta delete nowhere", "okta restore nowhere", "activity nowhere",
     "okta save nowhere --spa-client-id x --spa-domain y"],
)  # fmt: skip
def test_an_unknown_organization_is_refused(shared: World, line: str) -> None:
    refused = answer(shared, line, code=1)
    assert refused["refused"] == "organization_unknown"
    assert refused["advice"]


@pytest.mark.parametrize(
    "line",
    ["organization create", "organization create x", "member add acme a@b.example", "okta save acme",
     "member add acme a@b.example --role king", "okta save acme --spa-client-id x", "activity", "okta", "nonsense",
     "okta save acme --spa-client-id x --spa-domain y --sign-in magic", "activity acme --limit 0", "db"],
)  # fmt: skip
def test_wrong_usage_is_exit_2(shared: World, line: str) -> None:
    assert run(shared, line).exit_code == 2


def test_a_member_added_with_a_password_can_log_in(shared: World) -> None:
    forget_tries()
    line = "member add acme new@acme.example --role admin --password-stdin"
    added = answer(shared, line, stdin="a new password\nmore")
    assert added == {"organization": "acme", "email": "new@acme.example", "role": "admin"}
    person = shared.person("new@acme.example")
    person.log_in_by_password("a new password")
    assert person.session()["role"] == "admin"


def test_a_member_added_without_a_password_has_none(shared: World) -> None:
    forget_tries()
    answer(shared, "member add acme none@acme.example --role volunteer")
    person = shared.person("none@acme.example")
    person.log_in_by_password("")
    assert not person.session()["authenticated"]


@pytest.mark.parametrize("password", ["", "short\n"])
def test_a_password_too_short_adds_nobody(shared: World, password: str) -> None:
    refused = answer(shared, "member add acme late@acme.example --role owner --password-stdin", code=1, stdin=password)
    assert "8 to 1024" in refused["advice"]
    events = answer(shared, "activity acme")["activity"]
    assert not [event for event in events if event["about"].get("email") == "late@acme.example"]


def test_okta_save_asks_that_okta_and_stores(world: World) -> None:
    saved = answer(world, save_line(world))
    issuer = world.okta
    assert saved == {
        "organization": "globex",
        "saved": True,
        "version": 1,
        "apps": {"spa": {"client_id": world.sandbox.client_id("spa"), "issuer": issuer}},
    }
    native = {"native-client-id": world.sandbox.client_id("native"), "native-domain": world.okta}
    again = answer(world, save_line(world, **native, **{"authorization-server": "default"}))
    assert again["version"] == 2
    assert again["apps"]["native"]["issuer"] == f"{issuer}/oauth2/default"


def test_okta_save_says_at_which_entry_what_is_wrong(world: World) -> None:
    wrong = {"spa-client-id": "0oaUnknown0000000001"}
    refused = answer(world, save_line(world, **wrong), code=1)
    assert refused["refused"] == "entries"
    assert refused["problems"]["spa_client_id"]["code"] == "client_unknown"
    plain = run(world, save_line(world, **wrong))
    assert plain.exit_code == 1
    assert "client_unknown" in plain.stderr
    assert answer(world, "okta delete globex", code=1)["refused"] == "okta_not_connected"


def test_okta_save_no_check_asks_nobody(world: World) -> None:
    asked = len(world.sandbox.requests)
    saved = answer(world, save_line(world, **{"spa-client-id": "0oaUnknown0000000001"}), "--no-check")
    assert saved["apps"]["spa"]["issuer"] == world.okta
    assert len(world.sandbox.requests) == asked
    assert "problems" in answer(world, "okta save globex --spa-client-id a/b --spa-domain x --no-check", code=1)


def test_okta_delete_and_restore_are_each_others_undo(world: World) -> None:
    alice = world.alice
    alice.log_in()
    assert answer(world, "okta delete acme") == {"organization": "acme", "deleted": True}
    assert not alice.session()["authenticated"]
    assert alice.get("/login/acme/okta").status_code == 404
    assert answer(world, "okta delete acme", code=1)["refused"] == "okta_not_connected"
    assert answer(world, "okta restore acme") == {"organization": "acme", "restored": True, "version": 3}
    assert answer(world, "okta restore acme", code=1)["refused"] == "conflict"
    alice.log_in()
    assert alice.session()["authenticated"]


def test_there_is_nothing_to_restore_where_nothing_was_deleted(shared: World) -> None:
    assert answer(shared, "okta restore globex", code=1)["reason"] == "nothing_to_restore"


def test_activity_is_newest_first_and_limited(world: World) -> None:
    world.alice.log_in()
    answer(world, "member add acme late@acme.example --role volunteer")
    rows = answer(world, "activity acme")["activity"]
    assert [row["what"] for row in rows[:2]] == ["member.added", "login.joined"]
    assert rows[0].keys() == {"at", "who", "what", "about", "reference"}
    assert rows[0]["about"] == {"email": "late@acme.example", "role": "volunteer"}
    assert rows[1]["who"] == "alice@acme.example"
    assert rows[1]["at"].endswith("+00:00")
    assert answer(world, "activity acme --limit 1")["activity"] == rows[:1]
    assert "member.added" in run(world, "activity acme").stdout
    assert answer(world, "activity globex")["activity"] == []


def test_maintenance_removes_what_has_expired(world: World) -> None:
    world.alice.log_in()
    assert set(answer(world, "maintenance")["removed"].values()) == {0}
    world.clock.forward(3 * 86400)
    removed = answer(world, "maintenance")["removed"]
    assert {name: count for name, count in removed.items() if count} == {"sessions": 1, "claimed_attempts": 1}


def test_the_demo_runs_only_as_a_demo(shared: World) -> None:
    result = run(shared, "demo")
    assert result.exit_code == 2
    assert "POINT_DEMO" in result.stderr


def test_the_commands_run_as_programs_of_their_own(tmp_path: Path) -> None:
    """As a script would use them: nothing but the environment, and standard output holds the JSON alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINT_")}
    environment = {**kept, "POINT_INSTANCE": str(tmp_path), "POINT_LOG_LEVEL": "debug"}

    def call(*words: str, stdin: str = "") -> tuple[int, str]:
        command = [str(Path(sys.executable).with_name("flask")), "--app", "wsgi", *words, "--json"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout

    assert call("db", "upgrade")[0] == 0
    code, said = call("organization", "create", "acme", "--name", "Acme Volunteers")
    assert (code, json.loads(said)["organization"]) == (0, "acme")
    code, said = call("member", "add", "acme", "o@acme.example", "--role", "owner", "--password-stdin", stdin="pw")
    assert (code, json.loads(said)["refused"]) == (1, "invalid")
    assert call("member", "add")[0] == 2


def test_a_setting_that_cannot_work_stops_the_command_and_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "POINT_INSTANCE": str(tmp_path), "POINT_BASE_URL": "http://dash.pointapp.org"}
    command = [str(Path(sys.executable).with_name("flask")), "--app", "wsgi", "maintenance"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "POINT_BASE_URL" in done.stderr
