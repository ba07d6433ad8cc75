"""Every route says who may use it, and every Problem is a page and JSON that need neither network nor database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import native_bridge
import native_bridge.api
from native_bridge.operations import OPERATIONS, Operation
from portal import create_app
from portal.access import access_of, public
from portal.errors import Problem, Refused
from portal.settings import Settings
from portal.web.guards import check_routes
from tests.words import jargon_on

KEYS = ("a key for the tests that is long enough 0123456789",)
# Whoever adds a page for everybody says so here too.
PUBLIC = {
    "assets.style", "health.healthz", "health.readyz", "health.show_metrics", "home.index", "home.session",
    "invitation.accept_now", "invitation.show", "login.again_by_okta", "login.callback", "login.continue_",
    "login.initiate", "login.link_account", "login.link_account_now", "login.logout", "login.okta",
    "login.okta_logout", "login.organization", "login.organization_password", "login.recover", "login.recovery",
    "login.start", "native.docs", "native.openapi_document", "native_pages.android_claims",
    "native_pages.apple_claims", "native_pages.open_login", "native_pages.open_logout", "passwords.done",
    "passwords.forgot", "passwords.link_sent", "passwords.send_link", "passwords.set_by_link",
    "passwords.set_by_link_now", "phone.begin", "phone.continue_", "setup_link.check", "setup_link.checks",
    "setup_link.print_sheet", "setup_link.save_draft", "setup_link.save_progress", "setup_link.show",
    "setup_link.show_one", "static", "trial_login.go", "trial_login.show", "trial_login.sign_out",
    "universal_logout.receive", "widget_assets.file",
}  # fmt: skip
# Whoever adds a call of the app that needs no access token says so here.
WITHOUT_TOKEN = {"discover", "log_in", "complete_login", "refresh", "complete_logout", "jwks"}
# Who stands on a page of their own is led back to that one instead: see tests/web/test_notices.py.
HOME_IS_ALL = {
    Problem.NOT_FOUND, Problem.METHOD_NOT_ALLOWED, Problem.TOO_LARGE, Problem.UNSUPPORTED_MEDIA, Problem.CROSS_SITE,
    Problem.FORBIDDEN, Problem.SESSION_CHANGED, Problem.CONFLICT, Problem.TEST_LOGIN_DONE, Problem.TEST_LOGIN_OVER,
    Problem.TEST_LOGIN_NOTHING, Problem.ORDER_UNREADABLE, Problem.ORDER_UNPROVED, Problem.ORDER_FOREIGN,
    Problem.ORDER_NOBODY, Problem.RECOVERY_IN_THE_BROWSER, Problem.TRIAL_MISSING, Problem.CONFIRM_BY_OKTA,
    Problem.SETUP_LINK_GONE, Problem.SET_UP_UNDER_WAY, Problem.SET_UP_REFUSED, Problem.SET_UP_GONE,
    Problem.ALREADY_MEMBER, Problem.LAST_OWNER, Problem.LAST_CODES, Problem.OWN_REMOVAL, Problem.LAST_DOMAIN,
    Problem.DOMAIN_MISSING,
}  # fmt: skip
OKTAS_LABELS = {Problem.GRANT_MISSING: {"grant type"}, Problem.GROUPS_CLAIM_FORM: {"claim"}}
REASON, DETAIL = "canary_reason", "canary detail: state 4711 at evil.example"


def make_app(folder: Path, **settings: object) -> Flask:
    """A portal whose database cannot be reached."""
    away = {"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/nowhere", "base_url": "http://localhost:5000"}
    app = create_app(Settings(**{**away, "secret_keys": KEYS, "instance": folder, "log_level": "error", **settings}))
    native_bridge.init_app(app)
    return app


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    app = make_app(tmp_path_factory.mktemp("instance"))

    @public()
    def refuse(name: str) -> str:
        raise Refused(Problem[name], REASON, DETAIL)

    @public()
    def fail() -> str:
        raise ZeroDivisionError(DETAIL)

    app.add_url_rule("/refuse/<name>", view_func=refuse)
    app.add_url_rule("/fail", view_func=fail)
    client = app.test_client()
    client.set_cookie("point_session", "whoever")
    yield client
    app.extensions["point"].close()


def test_every_route_says_who_may_use_it(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    found = {rule.endpoint for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint) is None}
    assert found == set()


def test_the_pages_for_everybody_are_these(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    everybody = {rule.endpoint for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint).action is None}
    calls = {f"native.{call.name}" for call in OPERATIONS}
    assert everybody - calls == PUBLIC
    assert {call.name for call in OPERATIONS if not call.bearer} == WITHOUT_TOKEN


@pytest.mark.parametrize("call", [call for call in OPERATIONS if call.bearer], ids=lambda call: call.name)
def test_a_call_that_needs_a_token_is_refused_without_one(client: FlaskClient, call: Operation) -> None:
    answer = client.open(call.path.replace("{session_id}", "x" * 43), method=call.method, json={})
    assert (answer.status_code, answer.json["reason"]) == (401, "token_missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_route_that_does_not_say_it_stops_the_start(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    app.add_url_rule("/open", view_func=lambda: "open")
    with pytest.raises(LookupError, match="/open"):
        check_routes(app)


def test_a_route_that_was_added_later_without_saying_it_is_closed(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    app.add_url_rule("/open", view_func=lambda: "open")
    assert app.test_client().get("/open").status_code == 403


def test_no_view_answers_get_and_changes_something(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    both = {rule.endpoint for rule in app.url_map.iter_rules() if {"GET", "POST"} <= (rule.methods or set())}
    # Okta's return has to be a GET that logs in; to everything else it answers 405 by itself.
    assert both == {"login.callback"}


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.code)
def test_every_problem_has_a_page(client: FlaskClient, problem: Problem) -> None:
    answer = client.get(f"/refuse/{problem.name}", headers={"Accept": "text/html"})
    assert answer.status_code == problem.status
    assert answer.mimetype == "text/html"
    assert problem.title in unescape(answer.text)
    assert problem.advice in unescape(answer.text)
    assert "Reference" in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert ("Retry-After" in answer.headers) == (problem.status in (429, 503))
    assert REASON not in answer.text
    assert "4711" not in answer.text
    assert_says_what_to_do(problem, answer.text)


def assert_says_what_to_do(problem: Problem, html: str) -> None:
    """In words for everybody, with a way on in place: more than the home page, unless that is all there is."""
    main = re.search(r"<main.*?</main>", html, re.DOTALL)
    assert main is not None
    ways = re.findall(r'<a[^>]* href="([^"]+)"', main[0])
    assert "/" in ways
    assert (len(ways) > 1) == (problem not in HOME_IS_ALL and problem.status != 422)
    assert ("mailto:" in main[0]) == ("tell us" in problem.advice or "write to us" in problem.advice)
    if not problem.name.startswith(("ORDER_", "API_TOKEN_")):  # for programs; Okta's own label
        assert jargon_on(main[0]) <= OKTAS_LABELS.get(problem, set())


@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.code)
def test_every_problem_has_its_json(client: FlaskClient, problem: Problem) -> None:
    answer = client.get(f"/refuse/{problem.name}", headers={"Accept": "application/json"})
    assert answer.status_code == problem.status
    assert answer.mimetype == "application/problem+json"
    assert answer.json == {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.advice,
        "code": problem.code,
        "reference": answer.headers["X-Request-Id"],
        "retryable": problem.status in (429, 503),
    }


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_bug_is_a_500_that_tells_nothing(client: FlaskClient, accept: str) -> None:
    answer = client.get("/fail", headers={"Accept": accept})
    assert answer.status_code == 500
    for canary in ("4711", "ZeroDivision", "Traceback", __file__):
        assert canary not in answer.text


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nowhere", "GET", 404), ("/login/callback", "DELETE", 405), ("/static/../wsgi.py", "GET", 404)],
)
def test_what_flask_refuses_has_the_same_page(client: FlaskClient, path: str, method: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert "Reference" in answer.text


def test_the_database_away_is_a_503_on_pages_that_need_it(client: FlaskClient) -> None:
    for path in ("/", "/login", "/login/acme", "/login/acme/okta", "/session", "/account", "/login/initiate?iss=x"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "Reference" in answer.text


def test_codes_are_unique_and_statuses_are_http() -> None:
    assert len({problem.code for problem in Problem}) == len(Problem)
    assert all(400 <= problem.status < 600 for problem in Problem)
    assert all(problem.title and problem.advice.endswith(".") and "%" not in problem.advice for problem in Problem)
