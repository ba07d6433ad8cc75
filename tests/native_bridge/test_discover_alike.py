"""`/discover` says which organization a domain belongs to, and nothing of anybody: what is known and what is not get
answers of one shape, made of the same questions to the database. How long they take is measured by `bench/discover.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import event

from tests.world import World, second_app

DISCOVER = "/native/v1/discover"
KNOWN = {"email": "alice@acme.example"}
# Who has never been here, where nobody has been, what is no address, and an organization that there is not.
OTHERS = [
    {"email": "nobody@acme.example"},
    {"email": "olivia@acme.example"},
    {"email": "alice@nowhere.example"},
    {"email": "gus@globex.example"},
    {"email": "no address"},
    {"organization": "acme"},
    {"organization": "nobody"},
]


def ask(world: World, question: dict[str, str]) -> requests.Response:
    answer = requests.post(world.base + DISCOVER, json=question, timeout=10)
    assert answer.status_code == 200
    return answer


def headers(answer: requests.Response) -> dict[str, str]:
    """All but those that no two answers have in common."""
    own = {"content-length", "x-request-id", "date"}
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in own}


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_every_answer_has_the_same_shape(world: World, other: dict[str, str]) -> None:
    first, second = ask(world, KNOWN), ask(world, other)
    assert headers(first) == headers(second)
    for found in (first.json(), second.json()):
        assert list(found) == ["organization", "methods"]
        assert found["organization"] is None or list(found["organization"]) == ["slug", "name"]
        assert {tuple(method) for method in found["methods"]} == {("type", "flow")}
        assert found["methods"][-1] == {"type": "password", "flow": "redirect"}


def test_a_person_with_an_account_and_one_without_get_the_very_same_answer(world: World) -> None:
    bodies = {ask(world, {"email": f"{who}@acme.example"}).content for who in ("olivia", "adam", "alice", "nobody")}
    assert len(bodies) == 1


@pytest.fixture
def asked(world: World) -> Iterator[tuple[FlaskClient, list[str]]]:
    """A portal on the world's database, and every statement that SQLite itself has run for it."""
    statements: list[str] = []

    def listen(connection: Any, _record: Any) -> None:
        connection.set_trace_callback(statements.append)

    with second_app(world) as app:
        event.listen(app.extensions["point"].db.engine, "connect", listen)
        client = app.test_client()
        assert client.post(DISCOVER, json=KNOWN).status_code == 200  # Connects and compiles.
        yield client, statements


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        (KNOWN, {"email": "nobody@acme.example"}),
        (KNOWN, {"email": "alice@nowhere.example"}),
        (KNOWN, {"email": "gus@globex.example"}),
        ({"organization": "acme"}, {"organization": "nobody"}),
    ],
    ids=str,
)
def test_the_database_is_asked_the_same_whoever_it_is(
    asked: tuple[FlaskClient, list[str]], known: dict[str, str], unknown: dict[str, str]
) -> None:
    client, statements = asked
    runs = []
    for question in (known, unknown):
        statements.clear()
        assert client.post(DISCOVER, json=question).status_code == 200
        # SQLite writes the values into what it tells.
        runs.append([re.sub(r"'[^']*'", "?", statement) for statement in statements])
    assert runs[0]
    assert runs[0] == runs[1]
    assert all(statement.startswith("SELECT") for statement in runs[0])


def test_a_login_is_not_started_by_asking(world: World) -> None:
    for question in (KNOWN, *OTHERS):
        ask(world, question)
    assert world.requests_to("/authorize") == []
    assert "Set-Cookie" not in ask(world, KNOWN).headers
