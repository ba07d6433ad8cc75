"""Steps of the tests of the one-click set-up: an Okta with nothing in it, a run waited for, and what is there after."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from sqlalchemy import text

from okta_sandbox import RawAnswer, Sandbox, SeenRequest
from okta_sandbox.routes import call_endpoint
from portal import setting_up
from portal.okta.management import read_token
from portal.set_up_work import Order
from portal.store.setup_runs import SetupRun, find_run
from tests.world import Visitor, World

TOKEN = "sandbox-token-short-lived"
SETUP = "/organizations/globex/integrations/okta/setup"
BOTH = Order(("spa", "native"), "redirect", "auto", revoke=False)
CREATED = 7  # things that such a run makes in Okta, from nothing


@dataclass(frozen=True)
class Empty:
    """An Okta in which nobody has set anything up, and its address."""

    sandbox: Sandbox
    okta: str


@contextmanager
def empty_okta(world: World) -> Iterator[Empty]:
    sandbox = Sandbox(portal=world.base, empty=True, clock=world.clock)
    with sandbox.serve() as server:
        yield Empty(sandbox, f"http://localhost:{server.port}")


def look_at(sandbox: Sandbox) -> dict[str, Any]:
    """Everything that a set-up could have changed, without ids and times."""
    names = {app.client_id: app.json["label"] for app in sandbox.apps.values()}
    apps = [
        (app.json["label"], app.json["status"], app.json["settings"], sorted(app.people), len(app.groups))
        for app in sandbox.apps.values()
    ]
    origins = [(one["name"], one["origin"], one["scopes"], one["status"]) for one in sandbox.origins.values()]
    rules = []
    for server in sandbox.servers.values():
        for policy in server.policies.values():
            clients = sorted(names.get(one, one) for one in policy["conditions"]["clients"]["include"])
            rules.append((server.id, policy["name"], policy["status"], clients))
            rules += [(one["name"], one["status"], one["conditions"]) for one in server.rules[policy["id"]].values()]
    parts = {"apps": sorted(apps, key=str), "origins": sorted(origins, key=str), "rules": sorted(rules, key=str)}
    copied: dict[str, Any] = json.loads(json.dumps(parts))
    return copied


def begin(
    world: World, empty: Empty, order: Order = BOTH, *, what: str = "set_up", token: str = TOKEN,
    organization_id: int | None = None,
) -> SetupRun:  # fmt: skip
    """A whole run for Globex, or for another organization."""
    okta = setting_up.prove(world.services, empty.okta, read_token(token))
    run_id = setting_up.begin(
        world.services, organization_id or world.globex_id, what=what, okta=okta, token=read_token(token), order=order,
        who="gus@globex.example", reference="TEST-0001",
    )  # fmt: skip
    return wait_for(world, run_id, organization_id=organization_id)


def go_on(
    world: World, run: SetupRun, *, undo: bool = False, token: str = TOKEN, organization_id: int | None = None
) -> SetupRun:
    """Resumes or undoes a run, to its end."""
    okta = setting_up.prove(world.services, run.domain, read_token(token))
    setting_up.resume(
        world.services, run, okta=okta, token=read_token(token), revoke=False, undo=undo, who="gus@globex.example",
        reference="TEST-0002",
    )  # fmt: skip
    return wait_for(world, run.id, organization_id=organization_id)


def wait_for(
    world: World, run_id: int | None = None, seconds: float = 30.0, organization_id: int | None = None
) -> SetupRun:
    """That run, or the last one, when nobody is at work on it any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with world.services.db.reading() as connection:
            run = find_run(connection, organization_id or world.globex_id, run_id)
        if run is not None and run.status not in ("running", "stopping"):
            return run
        time.sleep(0.01)
    raise AssertionError("the run does not end")


def wait_for_checks(world: World, seconds: float = 20.0) -> None:
    """Until the checks that a run has started are over, so that they do not go on into the next test's database."""
    until = time.monotonic() + seconds
    under_way = text("SELECT count(*) FROM check_runs WHERE finished_at IS NULL")
    while time.monotonic() < until:
        with world.services.db.reading() as connection:
            if not connection.execute(under_way).scalar_one():
                return
        time.sleep(0.02)


def outcomes(run: SetupRun) -> dict[str, str]:
    return {step["id"]: step.get("outcome", step["state"]) for step in run.steps}


def is_management(request: SeenRequest) -> bool:
    return request.path.startswith("/api/v1/")


def at_call(sandbox: Sandbox, number: int, act: Callable[[SeenRequest], RawAnswer | None]) -> None:
    """At the call of this number (the first is 1) `act` answers, or does something and lets Okta answer; once."""
    count = iter(range(1, 10_000))

    def hear(request: SeenRequest) -> RawAnswer | None:
        if is_management(request) and next(count) == number:
            return act(request)
        return None

    sandbox.answer = hear


def refuse(_request: SeenRequest) -> RawAnswer:
    """Okta does nothing and says so."""
    return RawAnswer(500, [("Content-Type", "application/json")], b'{"errorCode":"E0000009"}')


def lose(sandbox: Sandbox) -> Callable[[SeenRequest], RawAnswer]:
    """Okta does it, and its answer is lost on the way."""

    def lost(request: SeenRequest) -> RawAnswer:
        answer = call_endpoint(sandbox, request)
        return RawAnswer(answer.status, answer.headers, answer.body, reset=True)

    return lost


def changes(sandbox: Sandbox) -> list[tuple[str, str]]:
    """The calls that may have changed something."""
    return [(one.method, one.path) for one in sandbox.requests if is_management(one) and one.method != "GET"]


def send(visitor: Visitor, empty: Empty, *, token: str = TOKEN, **fields: str) -> requests.Response:
    """The form, filled in and sent."""
    page = visitor.get(SETUP)
    return visitor.submit(page, "token", **{"domain": empty.okta, "token": token, **fields})


def dump(world: World) -> str:
    """Every row of every table, as text."""
    with world.services.db.reading() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        return "\n".join(str(row) for name in tables for row in connection.execute(text(f"SELECT * FROM {name}")))
