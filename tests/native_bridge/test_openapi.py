"""The document of the app's calls: valid, complete, true. Schemathesis makes thousands of requests of it, good and bad,
on SQLite and on PostgreSQL; whatever comes back has to be in the document."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis

from portal.store.upgrade import upgrade_database
from tests.store.databases import KINDS, empty_database
from tests.world import Stage, World, make_world

ROOT = Path(__file__).parents[2]
V1 = "/native/v1"
# Every call may meet a limit, a bug and a database that is away; every path another method; every body its form.
ALL, BODY = {405, 429, 500, 503}, {400, 413, 415, 422}
CALLS = {
    ("POST", f"{V1}/discover"): {200} | ALL | BODY,
    ("POST", f"{V1}/login"): {201, 404, 409, 502} | ALL | BODY,
    ("POST", f"{V1}/login/complete"): {200, 401, 403, 409, 502} | ALL | BODY,
    ("POST", f"{V1}/token"): {200, 401} | ALL | BODY,
    ("GET", f"{V1}/me"): {200, 401} | ALL,
    ("GET", f"{V1}/sessions"): {200, 401} | ALL,
    ("DELETE", f"{V1}/sessions/{{session_id}}"): {204, 401, 404} | ALL,
    ("POST", f"{V1}/logout"): {200, 401} | ALL | BODY,
    ("POST", f"{V1}/logout/complete"): {204} | ALL | BODY,
    ("GET", "/native/jwks.json"): {200} | ALL,
}
WITH_BEARER = {"/me", "/sessions", "/sessions/{session_id}", "/logout"}
# Nobody can guess a login that comes back, or a refresh token: `test_a_whole_round_trip...` has these.
NOT_GUESSED = {f"{V1}/login/complete", f"{V1}/token"}


class Watched:
    """Stands before the portal and counts its answers by method, route and status."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.seen: Counter[tuple[str, str, int]] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, *more: Any) -> Any:
            route = re.sub(r"<(\w+)>", r"{\1}", environ.get("point.route", ""))
            self.seen[environ["REQUEST_METHOD"], route, int(status[:3])] += 1
            return start_response(status, *more)

        answer: Iterable[bytes] = self.application(environ, start)
        return answer


@pytest.fixture(scope="module", params=KINDS)
def demo(request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose limits are those of the demo, ten times as patient: one address asks for a whole school here."""
    folder = tmp_path_factory.mktemp("openapi")
    with empty_database(request.param, folder) as url:
        upgrade_database(url)
        with make_world(stage, folder, database_url=url, demo=True) as world:
            stage.app = Watched(world.app)
            yield world


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    answer = requests.get(world.base + "/native/openapi.json", timeout=10)
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def described(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The operations, by method and path."""
    methods = [(path, *found) for path, item in document["paths"].items() for found in item.items()]
    return {(method.upper(), path): operation for path, method, operation in methods}


def test_the_document_is_openapi_3_1_and_says_what_each_object_is(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name


def test_the_document_lists_the_calls_of_the_contract_with_every_answer_they_give(document: dict[str, Any]) -> None:
    found = described(document)
    assert {call: {int(status) for status in found[call]["responses"]} for call in found} == CALLS
    assert {path for _, path in found if "security" in found[_, path]} == {V1 + path for path in WITH_BEARER}


def test_every_refusal_is_a_problem_and_says_when_to_come_again_where_that_helps(document: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    for operation in described(document).values():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"] == problem
            assert ("Retry-After" in answer.get("headers", {})) == (status in ("429", "503"))


def test_the_servers_address_is_the_base_url(document: dict[str, Any], world: World) -> None:
    assert document["servers"][0]["url"].startswith(world.base)


def test_another_method_is_refused_with_the_ones_that_there_are(demo: World) -> None:
    for method, path in CALLS:
        for other in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {method}:
            answer = requests.request(other, demo.base + path.replace("{session_id}", "s" * 43), json={}, timeout=10)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
            assert method in answer.headers["Allow"]


def test_a_body_of_another_kind_is_refused_whatever_is_in_it(demo: World) -> None:
    app = Checked(demo)
    token = app.call("POST", "/login/complete", app.come_back()).json()["access_token"]
    for method, path in CALLS:
        for kind in ("application/x-www-form-urlencoded", "text/plain", "application/jsonp", ""):
            headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
            answer = requests.request(method, demo.base + path, data=b"{}", headers=headers, timeout=10)
            if method == "POST":
                assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")


# -- by machine --------------------------------------------------------------------------------------------------------


def try_all(world: World, *options: str, **environ: str) -> Counter[tuple[str, str, int]]:
    """Runs schemathesis in a process of its own; what the portal answered."""
    world.stage.app.seen.clear()
    command = [str(Path(sys.executable).with_name("schemathesis")), "--no-color"]
    command += ["--config-file", str(Path(__file__).with_name("conformance.toml")), "run"]
    command += [world.base + "/native/openapi.json", "--suppress-health-check", "all", *options]
    known = {"PYTHONPATH": str(ROOT), "CONFORMANCE_BASE": world.base, "CONFORMANCE_HOOKS": "tests.native_bridge"}
    ran = subprocess.run(
        command, cwd=world.settings.instance, env={**os.environ, **known, **environ}, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8000:]
    seen: Counter[tuple[str, str, int]] = world.stage.app.seen
    return seen


def test_schemathesis_finds_no_answer_that_is_not_in_the_document_when_somebody_is_logged_in(demo: World) -> None:
    seen = try_all(demo, "-n", "30", CONFORMANCE_HOOKS="tests.native_bridge.conformance")
    reached = {(method, path) for method, path, status in seen if status < 300}
    assert reached >= {call for call in CALLS if call[1] not in NOT_GUESSED}
    for method, path in CALLS:
        refused = {status for how, where, status in seen if (how, where) == (method, path) and status >= 400}
        assert refused <= CALLS[method, path] - {429, 500, 502, 503}, path


def test_schemathesis_finds_no_answer_that_is_not_in_the_document_when_nobody_is(demo: World) -> None:
    seen = try_all(demo, "-n", "20", "--phases", "examples,coverage,fuzzing")
    for method, path in CALLS:
        good = {status for how, where, status in seen if (how, where) == (method, path) and status < 300}
        assert bool(good) == (path not in NOT_GUESSED and path.removeprefix(V1) not in WITH_BEARER), path


# -- by hand: what no machine can guess, and what it cannot send -------------------------------------------------------


class Checked:
    """A phone whose every answer is compared with the document."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.schema = schemathesis.openapi.from_url(world.base + "/native/openapi.json")

    def call(self, method: str, path: str, body: Any = None, *, bearer: str = "", of: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        answer = requests.request(method, self.world.base + V1 + path, json=body, headers=headers, timeout=20)
        self.schema[V1 + (of or path)][method].validate_response(answer)
        return answer

    def come_back(self, **wish: Any) -> dict[str, str]:
        """What the app sends once Okta has sent Alice back."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        wish = {"organization": "acme", "code_challenge": challenge, "code_challenge_method": "S256", **wish}
        started = self.call("POST", "/login", wish)
        assert started.status_code == 201
        alice = self.world.alice
        answer = alice.sign_in_at_okta(alice.get(started.json()["authorization_url"]))
        link = alice.follow(answer, until=self.world.settings.native_scheme).headers["Location"]
        return {"deep_link": link, "code_verifier": verifier}


def test_a_whole_round_trip_and_its_refusals_are_as_the_document_says(demo: World) -> None:
    app = Checked(demo)
    back = app.come_back()
    assert app.call("POST", "/login/complete", {**back, "code_verifier": "w" * 43}).status_code == 400
    tokens = app.call("POST", "/login/complete", {**back, "device": "Alice's phone"}).json()
    assert app.call("POST", "/login/complete", {**back, "deep_link": back["deep_link"] + "&x=1"}).status_code == 409
    following = app.call("POST", "/token", {"refresh_token": tokens["refresh_token"]}).json()
    token = following["access_token"]
    assert app.call("GET", "/me", bearer=token).json()["user"] == tokens["user"]
    (listed,) = [one for one in app.call("GET", "/sessions", bearer=token).json()["sessions"] if one["current"]]
    assert listed["device"] == "Alice's phone"
    other = app.call("POST", "/login/complete", app.come_back(login_hint="alice@acme.example")).json()["access_token"]
    end = f"/sessions/{listed['id']}"
    assert app.call("DELETE", end, bearer=other, of="/sessions/{session_id}").status_code == 204
    assert app.call("DELETE", end, bearer=other, of="/sessions/{session_id}").status_code == 404
    assert app.call("GET", "/me", bearer=token).status_code == 401
    left = app.call("POST", "/logout", {"okta": True}, bearer=other).json()
    link = f"org.pointapp.point:/logout?state={left['state']}"
    assert app.call("POST", "/logout/complete", {"deep_link": link}).status_code == 204
    assert app.call("POST", "/token", {"refresh_token": following["refresh_token"]}).status_code == 401


def test_logins_that_cannot_begin_or_end_are_as_the_document_says(demo: World) -> None:
    app, wish = Checked(demo), {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    assert app.call("POST", "/login", {**wish, "organization": "nobody"}).status_code == 404
    assert app.call("POST", "/login", {**wish, "organization": "globex", "method": "okta"}).status_code == 404
    assert app.call("POST", "/login", {**wish, "organization": "globex", "flow": "embedded"}).status_code == 409
    assert app.call("POST", "/login", {**wish, "organization": "acme", "flow": "embedded"}).status_code == 201
    demo.sandbox.fault("wrong_nonce")
    try:
        assert app.call("POST", "/login/complete", app.come_back()).status_code == 502
    finally:
        demo.sandbox.clear_faults()


def test_an_app_that_comes_too_often_gets_the_answer_of_the_document(world: World) -> None:
    app = Checked(world)
    said = Counter(app.call("POST", "/discover", {"organization": "acme"}).status_code for _ in range(610))
    assert said == {200: 600, 429: 10}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"email": "\xff\xfe@acme.example"}', 400),
        (b'{"email": "\\ud800@acme.example"}', 400),
        (b'{"email": "alice@acme.example"', 400),
        (b'{"more": ' + b"[" * 60_000, 400),
        (b'{"organization": "acme"} {}', 400),
        (b'{"email": ""}', 422),
        (b'{"email": null}', 422),
        (b'{"email": "alice@acme.example", "organization": "acme"}', 422),
        (b'{"email": "' + b"a" * 2_000_000 + b'"}', 413),
    ],
)
def test_bodies_that_are_no_json_or_no_question_are_refused_as_such(demo: World, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{demo.base}{V1}/discover", data=body, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_texts_that_a_database_has_no_room_for_never_get_there(demo: World) -> None:
    app, wish = Checked(demo), {"organization": "acme", "code_challenge_method": "S256"}
    assert app.call("POST", "/login", {**wish, "code_challenge": "c" * 43 + "\n"}).status_code == 422
    assert app.call("POST", "/login/complete", {**app.come_back(), "device": "d" * 101}).status_code == 422
    for device, shown in (("\0", None), ("My\0 phone\x1b", "My phone"), ("\U0001f600" * 100, "\U0001f600" * 100)):
        token = app.call("POST", "/login/complete", {**app.come_back(), "device": device}).json()["access_token"]
        listed = app.call("GET", "/sessions", bearer=token).json()["sessions"]
        assert [one["device"] for one in listed if one["current"]] == [shown]
