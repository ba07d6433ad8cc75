"""Where a login may end: every case of cases/open_redirects.json, by the function and through a real login."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from werkzeug.routing import Map, Rule

from portal.web.return_to import HOME, read_return_to
from tests.conftest import SHARED, Stage
from tests.world import Visitor, World, make_world

FILE = SHARED / "cases" / "open_redirects.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"] if FILE.exists() else []
needs_cases = pytest.mark.skipif(not CASES, reason=f"needs {FILE}; POINT_SHARED names the folder")
# The pages that the cases allow, and those that exist but are no place to land.
URLS = Map(
    [
        Rule("/", endpoint="home"),
        Rule("/home", endpoint="home"),
        Rule("/@evil.example", endpoint="home"),
        Rule("/a/b", endpoint="home"),
        Rule("/logout", endpoint="no landing"),
        Rule("/auth/callback", endpoint="no landing"),
        Rule("/admin/integrations/<int:number>/delete", endpoint="no landing"),
        Rule("/form", endpoint="home", methods=["POST"]),
        Rule("/strict/", endpoint="home"),
    ]
).bind("localhost")


def landing(text: str | None) -> str:
    return read_return_to(text, URLS, lambda endpoint: endpoint == "home")


@needs_cases
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_listed_case_gets_its_verdict(case: dict[str, Any]) -> None:
    assert landing(case["payload"]) == (case["payload"] if case["expect"] == "allow" else HOME)


@pytest.mark.parametrize(
    "text",
    [None, "", "/" + "a" * 500, "/home#a#b", "/home?a=\n", "/home\n", "/home\x00", "/ home", "/home?a=b c", "/form",
     "/strict", "/home/..", "/home/.", "/home/%2e%2e", "/home/%2E%2E/x", "/./home", "/home;@evil.example//x", "/home\\",
     "/%c0%af", "/home?x=%0d%0aSet-Cookie:x", "/home?%00", "/%2f/evil.example", "/%2fevil.example",
     "/%5c%5cevil.example", "home", "/home?é", "/homé", "/hom%C3%A9", "\u2028/home", "/home\u2028",
     "/%68ome%7f", "///home",
     "/home//", "/@evil.example/..", "https://localhost/home", "//localhost/home", "/\ufeffhome"],
)  # fmt: skip
def test_more_of_the_kind_ends_at_home(text: str | None) -> None:
    assert landing(text) == HOME


@pytest.mark.parametrize(
    "text", ["/", "/?a=1", "/home", "/strict/", "/home?a=/x/../y", "/home?u=//evil.example", "/%68ome"]
)
def test_our_own_pages_are_kept_to_the_letter(text: str) -> None:
    assert landing(text) == text


@pytest.fixture(scope="module")
def _quiet(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Visitor]]:
    with make_world(stage, tmp_path_factory.mktemp("quiet")) as world:
        alice = world.alice
        alice.log_in()
        yield world, alice


@pytest.fixture
def quiet(_quiet: tuple[World, Visitor]) -> tuple[World, Visitor]:
    """Alice, who is signed in at Okta, so that each further login is a chain of redirects."""
    _quiet[0].stage.app = _quiet[0].app
    return _quiet


def end_of_login(world: World, alice: Visitor, next_: str) -> str:
    """The `Location` that a real login with this `next` ends with."""
    asked = quote(next_.encode("utf-8", "surrogatepass"), safe="")
    back = alice.follow(alice.step(f"/login/acme/okta?next={asked}"), until=world.base + "/login/callback")
    answer = alice.step(back.headers["Location"])
    assert answer.status_code == 303
    return answer.headers["Location"]


@needs_cases
@pytest.mark.parametrize("kind", sorted({case["cls"] for case in CASES if case["expect"] == "fallback"}))
def test_a_real_login_ends_at_home(quiet: tuple[World, Visitor], kind: str) -> None:
    for case in CASES:
        if case["cls"] == kind and case["expect"] == "fallback":
            assert end_of_login(*quiet, case["payload"]) == HOME, case["id"]


@pytest.mark.parametrize(
    "text",
    ["/account", "/account?tab=2&q=a%20b", "/account?next=https://evil.example", "/account#//evil.example",
     "/organizations/acme/integrations", "/organizations/acme/integrations/okta?saved=1"],
)  # fmt: skip
def test_a_real_login_ends_at_the_page_that_was_asked_for(quiet: tuple[World, Visitor], text: str) -> None:
    assert end_of_login(*quiet, text) == text


def test_no_page_that_changes_something_or_belongs_to_the_protocol_is_a_landing(quiet: tuple[World, Visitor]) -> None:
    for text in ("/logout", "/login", "/login/acme/okta", "/login/callback?code=x", "/login/initiate?iss=x", "/session",
                 "/metrics", "/static/css/point.css", "/no-such-page"):  # fmt: skip
        assert end_of_login(*quiet, text) == HOME, text


@needs_cases
def test_every_other_way_in_reads_next_alike(quiet: tuple[World, Visitor]) -> None:
    """Somebody who is logged in already, and the forms that carry `next` on to the next step."""
    world, alice = quiet
    for case in CASES:
        params = {"next": case["payload"].encode("utf-8", "surrogatepass")}
        for path in ("/login", "/login/acme"):
            assert alice.step(path, params=params).headers["Location"] == HOME, case["id"]
        page = world.stranger.page(world.stranger.step("/login", params=params))
        assert page.form_with("email").fields["next"] == "", case["id"]


def test_whatever_comes_out_stays_on_our_origin_for_a_browser_and_for_python() -> None:
    pieces = ["/", "\\", "//", "@", ":", "evil.example", "home", "?", "#", "%2f", "%5c", ".", "..", "\t", "a"]
    for first in pieces:
        for second in pieces:
            for third in pieces:
                found = landing("/" + first + second + third)
                assert urlsplit(urljoin("https://portal.example/login", found)).netloc == "portal.example"
                assert found.startswith("/")
                assert not found.startswith(("//", "/\\"))
