"""The page "Open POINT", by HTTP: its link for each kind of browser, what it keeps to itself, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

import pytest
import requests
import segno

import native_bridge
from native_bridge.pages import intent_link, platform_of
from portal import create_app
from portal.settings import Settings
from tests.pages import Page
from tests.world import Stage, World, make_world

ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
IPAD = "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
EVERYWHERE = [ANDROID, IPHONE, IPAD, DESKTOP]
PLAY, APPLE = "https://play.google.com/store/apps/details?id=org.pointapp.point", "https://apps.apple.com/app/id4711"
CODE, STATE = "C0de~that.is_shown_to-nobody", "native-S8ate_that_is_shown_to_nobody-0123456789"
OPEN = "/native/open"
RETURN = {"code": CODE, "state": STATE, "iss": "https://acme.okta.com"}


@pytest.fixture(scope="module")
def shop(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A portal whose app is in both stores."""
    known = {"android_package": "org.pointapp.point", "play_store_url": PLAY, "app_store_url": APPLE}
    with make_world(stage, tmp_path_factory.mktemp("shop"), **known) as world:
        yield world


@pytest.fixture(autouse=True)
def on_stage(shop: World) -> None:
    shop.stage.app = shop.app


def open_page(world: World, query: dict[str, str] | str, agent: str = DESKTOP, path: str = OPEN) -> requests.Response:
    raw = query if isinstance(query, str) else urlencode(query)
    return world.stranger.step(f"{path}?{raw}", headers={"User-Agent": agent, "Accept": "text/html"})


def button(answer: requests.Response) -> str:
    """Where "Open POINT" leads."""
    assert answer.status_code == 200, answer.text
    return button_on(answer.text)


def button_on(html: str) -> str:
    [link] = [each for each in Page(html).elements if each.tag == "a" and each.text == "Open POINT"]
    assert "button-big" in link.attributes["class"]
    return link.attributes["href"]


def heading(answer: requests.Response) -> str:
    return Page(answer.text).find("h1").text


@pytest.mark.parametrize(
    "parameters",
    [RETURN, {"interaction_code": CODE, "state": STATE}, {"otp": "123456", "state": STATE},
     {"error": "access_denied", "error_description": "User is not assigned.", "state": STATE}],
    ids=["code", "interaction_code", "otp", "error"],
)  # fmt: skip
def test_the_button_is_the_deep_link_with_exactly_these_parameters(shop: World, parameters: dict[str, str]) -> None:
    link = button(open_page(shop, {**parameters, "session_state": "x", "id_token": "y", "code_verifier": "z"}))
    assert link.startswith("org.pointapp.point:/login?")
    assert dict(parse_qsl(link.partition("?")[2], strict_parsing=True)) == parameters


def test_android_gets_an_intent_whose_data_is_the_deep_link(shop: World) -> None:
    link = button(open_page(shop, RETURN, ANDROID))
    data, _, extras = link.partition("#Intent;")
    assert "org.pointapp.point:" + data.removeprefix("intent:") == button(open_page(shop, RETURN, IPHONE))
    scheme, package, fallback, end = extras.split(";")
    assert (scheme, package, end) == ("scheme=org.pointapp.point", "package=org.pointapp.point", "end")
    address = unquote(fallback.removeprefix("S.browser_fallback_url="))
    assert address == f"{shop.base}/native/open?missing=1"
    assert heading(shop.stranger.get(address)) == "POINT is not installed here"


def test_an_intent_names_a_package_only_where_there_is_one() -> None:
    link = intent_link("org.pointapp.point:/login?state=a%3Bb", package="", fallback="https://dash.pointapp.org/x?y=1")
    assert link == (
        "intent:/login?state=a%3Bb#Intent;scheme=org.pointapp.point;"
        "S.browser_fallback_url=https%3A%2F%2Fdash.pointapp.org%2Fx%3Fy%3D1;end"
    )


@pytest.mark.parametrize("agent", [IPHONE, IPAD, DESKTOP])
def test_everybody_else_gets_the_plain_link(shop: World, agent: str) -> None:
    assert button(open_page(shop, RETURN, agent)).startswith("org.pointapp.point:/login?code=")


def test_browsers_are_told_apart_by_what_they_say() -> None:
    assert [platform_of(agent) for agent in (*EVERYWHERE, "")] == ["android", "apple", "apple", "desktop", "desktop"]


def test_only_the_desktop_shows_a_qr_code_and_it_leads_to_this_page(shop: World) -> None:
    for agent in (ANDROID, IPHONE, IPAD):
        assert "<svg" not in open_page(shop, RETURN, agent).text
    answer = open_page(shop, {**RETURN, "unknown": "x"})
    assert "Scan this with the phone on which you started." in Page(answer.text).text
    assert (
        Page(answer.text).find("svg", role="img").attributes["aria-label"] == "QR code that opens this page on a phone"
    )
    expected = segno.make_qr(f"{shop.base}/native/open?{urlencode(RETURN)}", error="l", mask=3).matrix
    assert drawn(answer) == {(x, y) for y, row in enumerate(expected) for x, dark in enumerate(row) if dark}


def drawn(answer: requests.Response) -> set[tuple[int, int]]:
    """The black squares of the QR code, counted from inside its margin of four."""
    squares = set()
    for line in Page(answer.text).find("path", stroke="#000").attributes["d"].split("M")[1:]:
        start, _, length = line.partition("h")
        x, y = start.split(" ")
        squares |= {(int(x) - 4 + step, int(float(y)) - 4) for step in range(int(length))}
    return squares


def test_a_link_too_long_to_scan_has_no_qr_code_but_its_button(shop: World) -> None:
    answer = open_page(shop, {**RETURN, "code": "c" * 1500})
    assert "<svg" not in answer.text
    assert "c" * 1500 in button(answer)


@pytest.mark.parametrize("agent", EVERYWHERE)
@pytest.mark.parametrize("path", ["/native/open", "/native/open/logout"])
def test_nothing_that_is_secret_is_in_a_text_a_title_or_a_script(shop: World, agent: str, path: str) -> None:
    parameters = {"state": STATE} if path.endswith("logout") else RETURN
    answer = open_page(shop, parameters, agent, path)
    page = Page(answer.text)
    for secret in parameters.values():
        assert secret not in page.text
        assert secret not in page.find("title").text
        assert secret not in {value for each in page.elements for value in each.attributes.values()}
    for jump in ("<script", "http-equiv", "<iframe", " style="):
        assert jump not in answer.text


@pytest.mark.parametrize(
    "address",
    ["/native/open?" + urlencode(RETURN), "/native/open?missing=1", "/native/open/logout", "/native/open?code=x"],
)
def test_no_copy_is_kept_nobody_is_told_and_nobody_lists_it(shop: World, address: str) -> None:
    answer = shop.stranger.step(address)
    for name, value in (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Robots-Tag", "noindex")):
        assert answer.headers[name] == value
    assert "Set-Cookie" not in answer.headers


def test_a_refusal_says_that_nobody_was_logged_in_and_the_app_can_go_on(shop: World) -> None:
    for error, said in (("access_denied", "Okta did not let you in"), ("interaction_required", "one more step"),
                        ("server_error", "could not finish"), ("totally_new_code", "could not finish")):  # fmt: skip
        answer = open_page(shop, {"error": error, "error_description": "Okta’s own words", "state": STATE}, IPHONE)
        assert heading(answer) == "Nobody was logged in"
        assert said in Page(answer.text).text
        assert "own words" not in Page(answer.text).text
        assert f"error={error}" in button(answer)


def test_hostile_words_are_carried_on_but_never_shown(shop: World) -> None:
    hostile = "\"><script>alert(1)</script><a href='javascript:alert(1)'>;end#Intent;component=evil/.Evil;end"
    for agent in EVERYWHERE:
        answer = open_page(shop, {"error": "access_denied", "error_description": hostile, "state": STATE}, agent)
        assert "alert" not in Page(answer.text).text
        assert not {"script", "iframe"} & {each.tag for each in Page(answer.text).elements}
        link = button(answer)
        assert not set(link) & set("\"'<> ")
        assert link.count("#") == link.count(";end") == (agent == ANDROID)
        assert dict(parse_qsl(link.partition("?")[2].partition("#")[0]))["error_description"] == hostile


@pytest.mark.parametrize(
    "query",
    ["", "&&&", "code=x", f"state={STATE}", "code=&state=", f"code=1&code=2&state={STATE}", "code=1&state=1&state=2",
     f"code=1%00&state={STATE}", f"code=1%0d%0aX: y&state={STATE}", f"code=1&state={STATE}%09", "code[]=1&state=2",
     f"code=%ff%fe&state={STATE}", f"code=1&state={'A' * 2049}", f"code={'A' * 4097}&state={STATE}",
     f"code=1&state={STATE}&x={'A' * 10_000}", f"error=access_denied&error_description={'A' * 10_000}&state={STATE}",
     f"code=1;state={STATE}", f"Code=1&State={STATE}", f"response=eyJ&state={STATE}", "error=access_denied",
     "&".join(f"p{number}=1" for number in range(1000)) + f"&code=1&state={STATE}", "missing=2", "missing=1%00",
     "missing=1&code=1"],
    ids=lambda query: query[:30],
)  # fmt: skip
def test_what_is_malformed_is_refused_on_a_page_of_ours(shop: World, query: str) -> None:
    answer = open_page(shop, query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert heading(answer) == "This link does not belong to a login"
    assert "Reference" in answer.text
    assert "AAAA" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("query", ["code=%&state=1", "code=%zz&state=1", "code=1\u00e9&state=1", "code=1\\&state=1"])
def test_bytes_that_no_browser_sends_are_refused(shop: World, query: str) -> None:
    """As they are: the client of the other tests would escape them."""
    answer = shop.app.test_client().get("/native/open", environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == 400


def test_a_logout_comes_back_with_and_without_parameters(shop: World) -> None:
    for query, link, title in (
        ({}, "org.pointapp.point:/logout", "Logging out is finished"),
        ({"state": STATE, "x": "y"}, f"org.pointapp.point:/logout?state={STATE}", "Logging out is finished"),
        (
            {"error": "x", "state": STATE},
            f"org.pointapp.point:/logout?state={STATE}&error=x",
            "Okta may still know you",
        ),
    ):
        answer = open_page(shop, query, IPHONE, "/native/open/logout")
        assert (button(answer), heading(answer)) == (link, title)
    assert button(open_page(shop, {}, ANDROID, "/native/open/logout")).startswith("intent:/logout#Intent;scheme=org.")
    assert open_page(shop, RETURN, path="/native/open/logout").status_code == 400
    assert open_page(shop, "state=1&state=2", path="/native/open/logout").status_code == 400


def test_each_browser_is_led_to_its_own_store_and_to_the_login_on_the_web(shop: World) -> None:
    for agent, stores in ((ANDROID, {PLAY}), (IPHONE, {APPLE}), (DESKTOP, {PLAY, APPLE})):
        for query in (RETURN, {"missing": "1"}):
            page = Page(open_page(shop, query, agent).text)
            links = {each.attributes["href"] for each in page.elements if each.tag == "a"}
            assert {link for link in links if link in (PLAY, APPLE)} == stores
            assert page.find("a", href="/login").text == "Continue in the browser"


def test_without_store_and_without_database_the_page_is_whole(shop: World, tmp_path: Path) -> None:
    """Nothing is looked up: the page comes up while nothing else does."""
    away = {"base_url": "https://dash.pointapp.org", "database_url": "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"}
    app = create_app(Settings(**away, instance=tmp_path, secret_keys=("k" * 40,), log_level="error"))
    native_bridge.init_app(app)
    answer = app.test_client().get("/native/open", query_string=RETURN, headers={"User-Agent": ANDROID})
    assert "Your organization can tell you where to get it." in Page(answer.text).text
    link = button_on(answer.text)
    assert "package" not in link
    assert "S.browser_fallback_url=https%3A%2F%2Fdash.pointapp.org%2Fnative%2Fopen%3Fmissing%3D1;end" in link
    app.extensions["point"].close()
