"""Steps of an app that logs people in. Every answer of the bridge that any of these tests gets is looked at here."""

from __future__ import annotations

import json
import re
from functools import cache
from secrets import token_urlsafe
from typing import Any

import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from native_bridge.deep_links import build_login_link
from portal.store.integrations import delete_integration, restore_integration
from portal.store.native_attempts import NativeAttempt, find_native_attempt
from portal.store.sessions import hash_id
from tests.okta_sandbox.idx import interaction_code_for
from tests.pages import Page
from tests.web.steps import query_of
from tests.world import POINT_PASSWORD, World

Json = dict[str, Any]
LOGIN, LOGOUT = "org.pointapp.point:/login", "org.pointapp.point:/logout"
USED = (409, "attempt_used", "state_used")
_V1 = "/native/v1"
_PROBLEM = {"type", "title", "status", "detail", "code", "reason", "reference", "retryable"}
_WAITS = (429, 503)


class Phone:
    """An app on somebody's phone: its verifier, the browser it opens, and the tokens that it keeps."""

    def __init__(self, world: World, email: str = "alice@acme.example") -> None:
        self.world = world
        self.browser = world.person(email)
        self.verifier = token_urlsafe(32)
        self.http = requests.Session()
        self.http.trust_env = False
        self.begun: Json = {}
        self.tokens: Json = {}

    # -- the calls -----------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """One call, by an app that has no cookies, and what every answer has to be like."""
        content = {} if body is None else {"json": body}
        answer = self.http.request(method, self.world.base + _V1 + path, timeout=30, **content, **more)
        check_answer(self.world, method, path, answer)
        return answer

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "", **more: Any) -> requests.Response:
        """The same with an access token: this phone's own, or `token`."""
        given = {"Authorization": f"Bearer {token or self.tokens['access_token']}", **more.pop("headers", {})}
        return self.call(method, path, body, headers=given, **more)

    def start(self, **wish: Any) -> requests.Response:
        """Begins a login at Acme, or as `wish` has it; None leaves a member out."""
        usual = {"organization": "acme", "code_challenge": create_s256_code_challenge(self.verifier)}
        body = {**usual, "code_challenge_method": "S256", **wish}
        answer = self.call("POST", "/login", {name: value for name, value in body.items() if value is not None})
        self.begun = answer.json() if answer.ok else {}
        return answer

    def complete(self, link: object, **more: Any) -> requests.Response:
        body = {"deep_link": link, "code_verifier": self.verifier, **more}
        answer = self.call("POST", "/login/complete", body)
        self.tokens = answer.json() if answer.ok else self.tokens
        return answer

    def refresh(self, refresh_token: str = "") -> requests.Response:
        answer = self.call("POST", "/token", {"refresh_token": refresh_token or self.tokens["refresh_token"]})
        self.tokens = answer.json() if answer.ok else self.tokens
        return answer

    def log_out(self, *, okta: bool = False, token: str = "") -> requests.Response:
        return self.ask("POST", "/logout", {"okta": okta}, token=token)

    # -- whole ways ----------------------------------------------------------------------------------------------------

    def come_back(self, **wish: Any) -> str:
        """Begins a login, signs in at Okta, and answers the deep link."""
        assert self.start(**wish).status_code == 201
        return self.sign_in()

    def sign_in(self) -> str:
        """Opens the address of the login that was begun, signs in at Okta if asked to, and answers the deep link."""
        page = self.browser.follow(self.browser.step(self.begun["authorization_url"]), until=LOGIN)
        answer = self.browser.sign_in_at_okta(page) if "identifier" in page.text else page
        return deep_link(self.browser.follow(answer, until=LOGIN))

    def come_back_embedded(self) -> str:
        """The same in the app's own form."""
        assert self.start(flow="embedded").status_code == 201
        begun = self.begun
        code = interaction_code_for(
            self.world.okta, begun["client_id"], begun["redirect_uri"], begun["state"], begun["nonce"],
            begun["code_challenge"], self.browser.email, server="", scopes=" ".join(begun["scopes"]),
        )  # fmt: skip
        return f"{LOGIN}?interaction_code={code}&state={begun['state']}"

    def come_back_by_password(self, **wish: Any) -> str:
        """The same by POINT's own page, with a password."""
        assert self.start(method="password", **wish).status_code == 201
        page = self.browser.get(self.begun["authorization_url"])
        return link_on(self.browser.submit(page, email=self.browser.email, password=POINT_PASSWORD))

    def come_back_by_the_web(self, **wish: Any) -> str:
        """The same where the organization has no app for phones: by POINT's own page and the web's app in Okta."""
        assert self.start(**wish).status_code == 201
        page = self.sign_in_by_the_web(self.browser.get(self.begun["authorization_url"]))
        # Okta may have let them in without a word: POINT asks whether it shall be the app.
        return link_on(self.browser.submit(page, "state", button="Continue"))

    def sign_in_by_the_web(self, page: requests.Response) -> requests.Response:
        """From the organization's login page to Okta and back."""
        [way] = [each for each in Page(page.text).elements if each.tag == "a" and each.text == "Log in with Okta"]
        at_okta = self.browser.get(way.attributes["href"])
        return self.browser.follow(self.browser.sign_in_at_okta(at_okta))

    def log_in(self, **wish: Any) -> Json:
        """The whole login by Okta; the tokens."""
        assert self.complete(self.come_back(**wish)).status_code == 200
        return self.tokens

    def log_in_by_password(self, **wish: Any) -> Json:
        assert self.complete(self.come_back_by_password(**wish)).status_code == 200
        return self.tokens

    def is_logged_in(self, token: str = "") -> bool:
        status = self.ask("GET", "/me", token=token).status_code
        assert status in (200, 401)
        return status == 200

    @property
    def attempt(self) -> NativeAttempt:
        """What is stored of the login that was begun last."""
        with self.world.services.db.reading() as connection:
            found = find_native_attempt(connection, hash_id(self.begun["state"]))
        assert found is not None
        return found


def deep_link(answer: requests.Response) -> str:
    """Where a browser would have to ask the system for the app."""
    link = answer.headers["Location"]
    assert link.startswith(LOGIN + "?")
    return link


def link_on(page: requests.Response) -> str:
    """The deep link behind the button of the page "Open POINT"."""
    assert "/native/open?" in page.url
    query = query_of(page.url)
    return build_login_link("org.pointapp.point", query)


def said(answer: requests.Response) -> tuple[int, str, str]:
    """Status, code and reason of a refusal."""
    body = answer.json()
    return answer.status_code, body["code"], body["reason"]


# -- what happens beside it --------------------------------------------------------------------------------------------


def sent_to_okta(world: World) -> int:
    """How often Okta was asked for tokens."""
    return len(world.requests_to("/token"))


def delete_okta(world: World) -> None:
    with world.services.db.writing() as connection:
        delete_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())


def restore_okta(world: World) -> None:
    delete_okta(world)
    with world.services.db.writing() as connection:
        restore_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())


# -- what holds for every answer ---------------------------------------------------------------------------------------


@cache
def _document(base: str) -> Json:
    with requests.Session() as http:
        http.trust_env = False
        found: Json = http.get(f"{base}/native/openapi.json", timeout=20).json()
    return found


def check_answer(world: World, method: str, path: str, answer: requests.Response) -> None:
    """No cookies, nothing kept, a documented status and body; a refusal is a problem with all its members."""
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    document = _document(world.base)
    documented = [each for name, each in document["paths"].items() if _is_at(name, path)]
    if documented:
        [operations] = documented
        described = operations.get(method.lower(), next(iter(operations.values())))["responses"]
        assert str(answer.status_code) in described, "not in the OpenAPI document"
        _check_body(document, described[str(answer.status_code)], answer)
    if answer.status_code >= 400:
        _check_problem(answer)


def _is_at(template: str, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), _V1 + path))


def _check_body(document: Json, described: Json, answer: requests.Response) -> None:
    """The members are those of the document's schema, or of one of several."""
    if "content" not in described:
        assert answer.content == b""
        return
    [(mimetype, content)] = described["content"].items()
    assert answer.headers["Content-Type"].partition(";")[0] == mimetype
    schemas = [document["components"]["schemas"][each["$ref"].rpartition("/")[2]]
               for each in content["schema"].get("oneOf", [content["schema"]])]  # fmt: skip
    members = set(answer.json())
    assert any(set(each.get("required", [])) <= members <= set(each["properties"]) for each in schemas)


def _check_problem(answer: requests.Response) -> None:
    problem, status = answer.json(), answer.status_code
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) - {"field"} == _PROBLEM
    assert (problem["status"], problem["reference"]) == (status, answer.headers["X-Request-Id"])
    assert problem["retryable"] is (status in _WAITS)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", problem[name]) for name in ("code", "reason"))
    assert ("Retry-After" in answer.headers) is (status in _WAITS)
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)
    assert ("Allow" in answer.headers) is (status == 405)
    assert len(json.dumps(problem)) < 1000
