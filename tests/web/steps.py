"""Steps that the tests of whole logins share: a second Okta, a second node, and answers changed on their way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from sqlalchemy import func, select
from werkzeug.serving import make_server

from okta_sandbox import Person, RawAnswer, Sandbox, SeenRequest, Server
from okta_sandbox.routes import call_endpoint
from portal import create_app
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.store.members import Profile, add_member, link_identity
from portal.store.models import identities, members, sessions, users
from tests.okta.forgery import CASES
from tests.world import OKTA_PASSWORD, Visitor, World, _Quiet, closing

SIZES = {"users": users, "members": members, "identities": identities, "sessions": sessions}


# -- what must not have happened, and what must ------------------------------------------------------------------------


def count_rows(world: World) -> dict[str, int]:
    """How many users, members, identities and sessions there are."""
    with world.services.db.reading() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in SIZES.items()
        }


def identities_of(world: World, email: str) -> set[tuple[str, str]]:
    """(issuer, sub) of every Okta account that leads to the account with this address."""
    known = select(identities.c.issuer, identities.c.sub).join(users, users.c.id == identities.c.user_id)
    with world.services.db.reading() as connection:
        return {tuple(row) for row in connection.execute(known.where(users.c.email == email))}


def assert_refused(world: World, page: requests.Response, *reasons: str, status: int | None = None) -> None:
    """A page of ours with a reference, which the organization's owner finds with one of the `reasons`."""
    assert page.url.startswith(world.base)
    assert page.status_code == status if status else 400 <= page.status_code < 504
    assert page.status_code != 500
    reference = page.headers["X-Request-Id"]
    assert "Reference" in page.text
    assert reference in page.text
    event = next(event for event in world.activity() if event.reference == reference)
    assert event.what == "login.refused"
    assert event.about["reason"] in reasons


def assert_turned_away(page: requests.Response, title: str, status: int) -> None:
    """A page of ours with this title and a reference. What a stranger can cause is not in the activity."""
    assert page.status_code == status
    assert title in page.text
    assert "Reference" in page.text


def assert_anonymous(visitor: Visitor) -> None:
    assert visitor.session() == {"authenticated": False}


def query_of(address: str) -> dict[str, str]:
    """The query of an address, in which nothing appears twice."""
    pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def change_query(address: str, **changes: str | None) -> str:
    """The same address with other parameters; None takes one away."""
    merged = {**query_of(address), **changes}
    query = urlencode({name: value for name, value in merged.items() if value is not None})
    return f"{address.partition('?')[0]}?{query}"


def embed(world: World, authorization_server: str = "default") -> None:
    """Acme wants its people to sign in on POINT's page."""
    entries = Entries(
        spa_client_id=world.sandbox.client_id("spa"),
        spa_domain=world.okta,
        native_client_id=world.sandbox.client_id("native"),
        native_domain=world.okta,
        authorization_server=authorization_server,
    )
    save_okta(
        world.services, world.acme_id, entries, sign_in="embedded", who="olivia@acme.example", reference="", check=False
    )


# -- a login taken apart -----------------------------------------------------------------------------------------------


def come_back(visitor: Visitor, slug: str = "acme", **query: str) -> str:
    """Goes to Okta, signs in there, and stops at Okta's redirect: the address of the callback."""
    begun = visitor.step(f"/login/{slug}/okta", params=query)
    answer = visitor.follow(begun, until=visitor.base + "/login/callback")
    answer = visitor.sign_in_at_okta(answer) if "identifier" in answer.text else answer
    location = answer.headers["Location"]
    assert location.startswith(visitor.base + "/login/callback?")
    return location


def state_cookies(visitor: Visitor) -> set[str]:
    """The names of the attempts that this browser holds."""
    return {cookie.name for cookie in visitor.http.cookies if cookie.name.startswith("point_attempt_")}


def account_for(module: dict[str, Any], prefix: str, cases: list[dict[str, Any]], elsewhere: dict[str, str]) -> None:
    """Each case is proved by a test of the module whose name or parameters carry its id, or listed with a reason."""
    if not cases:
        pytest.skip(f"needs the case files in {CASES}")
    proved: set[str] = set()
    for name, value in module.items():
        if name.startswith(f"test_{prefix.lower()}_"):
            numbers = re.match(r"((?:\d+_)+)", name.removeprefix(f"test_{prefix.lower()}_"))
            proved |= {f"{prefix}-{number}" for number in numbers[1].split("_")[:-1]} if numbers else set()
        for mark in getattr(value, "pytestmark", []) if name.startswith("test_") else []:
            ids = [*mark.kwargs.get("ids", []), *mark.args[1]] if mark.name == "parametrize" else []
            ids = [str(getattr(each, "id", each)) for each in ids]
            proved |= {f"{prefix}-{number}" for text in ids for number in re.findall(rf"{prefix}-(\d+)", text)}
    named = {case["id"] for case in cases}
    assert named - proved - set(elsewhere) == set(), "neither proved nor listed"
    assert (proved | set(elsewhere)) - named == set(), "unknown"
    assert proved & set(elsewhere) == set(), "both proved and listed"


# -- what Okta says, changed on its way --------------------------------------------------------------------------------


def take_over(sandbox: Sandbox, path: str, answer: RawAnswer) -> None:
    """From now on the sandbox answers so at paths that end so."""
    sandbox.answer = lambda request: replace(answer) if request.path.endswith(path) else None


def change_answer(sandbox: Sandbox, path: str | tuple[str, ...], change: Callable[[dict[str, Any]], Any]) -> None:
    """From now on `change` is applied to the JSON that the sandbox answers at paths that end so."""

    def changed(request: SeenRequest) -> RawAnswer | None:
        if not request.path.endswith(path):
            return None
        answer = call_endpoint(sandbox, request)
        document = json.loads(answer.body)
        change(document)
        return RawAnswer(answer.status, answer.headers, json.dumps(document).encode())

    sandbox.answer = changed


def when_asked(sandbox: Sandbox, path: str, act: Callable[[], Any]) -> None:
    """`act` happens whenever the sandbox is asked at a path that ends so, before it answers as it always does."""

    def hear(request: SeenRequest) -> None:
        if request.path.endswith(path):
            act()

    sandbox.answer = hear


# -- neighbours and nodes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Neighbour:
    """Globex's own Okta, at which Carol and Gus have accounts."""

    sandbox: Sandbox
    server: Server
    okta: str

    def requests_to(self, path: str) -> list[SeenRequest]:
        return [request for request in self.sandbox.requests if request.path.endswith(path)]


@contextmanager
def globex_okta(world: World) -> Iterator[Neighbour]:
    """Globex has connected an Okta of its own, which has other keys than Acme's."""
    sandbox = Sandbox(portal=world.base, keys="b", name="Globex", clock=world.clock)
    for given_name in ("Carol", "Gus"):
        add_person(sandbox, f"{given_name.lower()}@globex.example", given_name)
    with sandbox.serve(host="127.0.0.1") as server:
        okta = f"http://localhost:{server.port}"
        connect(world, world.globex_id, sandbox, okta)
        yield Neighbour(sandbox, server, okta)


def add_person(sandbox: Sandbox, email: str, given_name: str, sub: str = "") -> Person:
    """Somebody new at this Okta, assigned to all of its apps."""
    person = Person(sub or f"00u{given_name}4567890abcdef"[:20], email, given_name, "Example", OKTA_PASSWORD)
    with sandbox.lock:
        sandbox.people_by_id[person.id] = person
        for app in sandbox.apps.values():
            app.people.add(person.id)
    return person


def connect(world: World, organization_id: int, sandbox: Sandbox, okta: str) -> None:
    """Saves this Okta for the organization, as its owner would."""
    save_okta(
        world.services,
        organization_id,
        Entries(sandbox.client_id("spa"), okta, authorization_server="org"),
        sign_in="redirect",
        who="its owner",
        reference="",
        check=False,
    )


def came_first_by_globex(world: World, email: str = "alice@acme.example") -> None:
    """Globex uses Acme's Okta too, and this person came to Globex first: what is known of them at Okta is Globex's."""
    connect(world, world.globex_id, world.sandbox, world.okta)
    person, now = world.sandbox.person(email), world.services.now()
    with world.services.db.writing() as connection:
        user_id = add_member(connection, world.globex_id, email, role="volunteer", now=now)
        profile = Profile(world.okta, person.id, email, person.given_name)
        link_identity(connection, world.globex_id, user_id, profile, now=now)


@contextmanager
def second_node(world: World, **settings: Any) -> Iterator[str]:
    """Another process of the same portal, as far as the outside can tell: same database, nothing else shared."""
    app = create_app(replace(world.settings, **settings), clock=world.clock)
    server = make_server("127.0.0.1", 0, partial(closing, app), threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
        app.extensions["point"].close()
