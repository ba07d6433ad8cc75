"""What all calls of the app have in common: JSON, methods, no cookies, limits; and no secret in any log line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.native_bridge.steps import LOGIN, Phone, said
from tests.web.steps import query_of
from tests.world import World


@pytest.fixture
def phone(shared: World) -> Phone:
    return Phone(shared)


# -- the form of every call --------------------------------------------------------------------------------------------

CALLS = [("POST", path) for path in ("/discover", "/login", "/login/complete", "/token", "/logout/complete")]


@pytest.mark.parametrize("path", [path for _, path in CALLS])
@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (b"{", "application/json", (400, "bad_request", "json_malformed")),
        (b"", "application/json", (400, "bad_request", "json_malformed")),
        (b"\xff\xfe", "application/json", (400, "bad_request", "json_malformed")),
        (b"[" * 50_000, "application/json", (400, "bad_request", "json_malformed")),
        (b"{}", "text/plain", (415, "unsupported_media", "not_json")),
        (b"a=1", "application/x-www-form-urlencoded", (415, "unsupported_media", "not_json")),
        (b"{}", "", (415, "unsupported_media", "not_json")),
        (b'"' + b"a" * 2_000_000 + b'"', "application/json", (413, "too_large", "too_large")),
    ],
    ids=["half", "empty", "no UTF-8", "deep", "text", "a form", "no type", "2 MB"],
)
def test_what_is_no_json_is_refused(phone: Phone, path: str, data: bytes, kind: str, problem: Any) -> None:
    answer = phone.call("POST", path, data=data, headers={"Content-Type": kind} if kind else {})
    assert said(answer) in (problem, (422, "field_invalid", "field_invalid"))
    assert said(answer)[0] == problem[0] or data.startswith(b"[")


@pytest.mark.parametrize("body", [[], [1], "text", 1, None])
def test_a_body_that_is_no_object_is_refused(phone: Phone, body: Any) -> None:
    answer = phone.call("POST", "/login", data=json.dumps(body),
                        headers={"Content-Type": "application/json; charset=utf-8"})  # fmt: skip
    assert said(answer)[:2] == (422, "field_invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", path) for _, path in CALLS] + [("PUT", "/login"), ("POST", "/me"), ("DELETE", "/sessions")],
)
def test_another_method_says_which_there_is(phone: Phone, method: str, path: str) -> None:
    answer = phone.call(method, path)
    assert said(answer)[:2] == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) <= {"POST", "OPTIONS", "GET", "HEAD"}


def test_an_address_that_there_is_not_is_a_problem_too(phone: Phone) -> None:
    assert said(phone.call("GET", "/nothing"))[:2] == (404, "not_found")


def test_cookies_are_neither_read_nor_set(phone: Phone) -> None:
    olivia = phone.world.olivia
    olivia.log_in_by_password()
    with_cookies = {"Cookie": f"point_session={olivia.http.cookies['point_session']}"}
    assert said(phone.call("GET", "/me", headers=with_cookies)) == (401, "token_refused", "token_missing")
    assert phone.call("POST", "/discover", {"organization": "acme"}, headers=with_cookies).status_code == 200


def test_a_page_of_another_site_may_send_what_it_likes_and_gets_nothing(phone: Phone) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = phone.call("POST", "/discover", {"organization": "acme"}, headers=foreign)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_the_document_knows_the_member_that_names_a_field(phone: Phone) -> None:
    assert "field" in phone.call("POST", "/login", {}).json()
    document = phone.browser.get("/native/openapi.json").json()
    assert "field" in document["components"]["schemas"]["ProblemDetails"]["properties"]


# -- too often ---------------------------------------------------------------------------------------------------------


def test_whoever_asks_very_often_waits_and_logins_go_on(world: World) -> None:
    phone = Phone(world)
    answers = [phone.call("POST", "/discover", {"organization": "acme"}) for _ in range(601)]
    assert {answer.status_code for answer in answers[:600]} == {200}
    assert said(answers[-1]) == (429, "too_many", "native_discover")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61
    assert phone.log_in()["user"]["email"] == "alice@acme.example"


def test_what_is_refused_without_asking_okta_keeps_nobody_behind_the_same_address_out(world: World) -> None:
    phone, client = Phone(world), world.app.test_client()
    phone.log_in()
    sent = {"deep_link": "org.pointapp.point:/login?code=1&state=2", "code_verifier": "x" * 43}
    statuses = {client.post("/native/v1/login/complete", json=sent).status_code for _ in range(310)}
    statuses |= {client.post("/native/v1/token", json={"refresh_token": "x" * 43}).status_code for _ in range(310)}
    assert statuses == {400, 401}
    assert phone.refresh().status_code == 200
    assert Phone(world).log_in()["access_token"]


def test_logins_of_one_organization_that_keep_coming_back_refused_have_to_wait(world: World) -> None:
    limits = world.app.extensions["limits"]
    phone = Phone(world)
    link = phone.come_back()
    for _ in range(3001):  # As in the demo, ten times as many as otherwise.
        limits.count_refusal(f"{world.acme_id} 127.0.0.1", count=300)
    assert said(phone.complete(link)) == (429, "too_many", "refused_callback")
    limits.clear()
    assert phone.complete(link).status_code == 200


def test_logins_that_okta_refused_count_and_others_do_not(world: World) -> None:
    limits, phone = world.app.extensions["limits"], Phone(world)
    for _ in range(3):
        state = query_of(phone.come_back())["state"]
        assert phone.complete(f"{LOGIN}?state={state}").status_code == 400
        assert phone.complete(f"{LOGIN}?error=access_denied&state={state}").status_code == 400
    counted = [limits.count_refusal(f"{world.acme_id} 127.0.0.1", count=300) for _ in range(298)]
    assert counted == [True] * 297 + [False]
