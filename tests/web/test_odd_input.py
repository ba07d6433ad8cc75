"""Whatever is in an address, a query or a form: no page answers with a bug."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.routing import Rule

from portal.store.upgrade import upgrade_database
from tests.store.databases import empty_database
from tests.world import Stage, World, make_world

HUGE = "9" * 26
TEXTS = ["a\0b", HUGE, "\ud7ff\U0001f600'\"><%s%(x)s{{7*7}}-٣", "x" * 3000]
WORDS, NUMBERS = ["%00", "x" * 400, "0", "%E2%82%AC"], ["0", HUGE, str(2**63)]
NAMES = [
    "q", "role", "page", "done", "email", "next", "kind", "who", "reference", "from", "to", "after", "subject",
    "domain", "saved", "joined", "ended", "iss", "sid", "state", "login_hint", "version", "code", "password",
    "token", "end", "name", "spa_client_id", "spa_domain", "days", "authorization_server", "sign_in", "apps",
    "form_stamp",
]  # fmt: skip
# Ends the session that asks.
NOT_ASKED = {"login.logout", "login.okta_logout"}


@pytest.fixture
def world(stage: Stage, tmp_path: Path) -> Iterator[World]:
    """On PostgreSQL, which is the stricter of the two about numbers and texts."""
    with empty_database("postgresql", tmp_path) as url:
        upgrade_database(url)
        with make_world(stage, tmp_path, database_url=url, demo=True) as world:
            yield world


def fill(rule: Rule, word: str, number: str) -> str:
    path = re.sub(r"<int:[a-z_]+>", number, rule.rule).replace("<slug>", "acme")
    return re.sub(r"<(?:[a-z]+:)?[a-z_]+>", word, path)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_input_makes_a_page_answer_with_a_bug(world: World, method: str) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    bugs = []
    for rule in world.app.url_map.iter_rules():
        if method not in (rule.methods or ()) or rule.endpoint in NOT_ASKED or rule.rule.startswith("/native/v1"):
            continue
        for number, text in enumerate(TEXTS):
            path = fill(rule, WORDS[number % len(WORDS)], NUMBERS[number % len(NUMBERS)])
            fields = dict.fromkeys(NAMES, text)
            given = {"params": fields} if method == "GET" else {"data": fields}
            answer = olivia.step(path, method=method, **given)
            if answer.status_code >= 500 and answer.status_code != 503:
                bugs.append((rule.rule, text[:20], answer.status_code))
            if answer.headers.get("Location", "").startswith("/login"):
                olivia.log_in_by_password()
    assert bugs == []


def test_what_no_database_can_hold_is_turned_away_and_no_bug(world: World) -> None:
    code = "2345-6789-BCDF-GHJK-MNPQ"
    for answer in (
        world.stranger.step("/login/%00"),
        world.stranger.step("/login/recovery", method="POST", data={"email": "a\0b@acme.example", "code": code}),
    ):
        assert answer.status_code in (400, 404, 422)
