"""The page "Open POINT" in a real browser: accessible, whole without scripts, nothing secret in sight, and no jump."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.judge import Judge
from tests.browser.test_keyboard import tab_to
from tests.browser.visitors import by_password
from tests.native_bridge.test_pages import ANDROID, APPLE, CODE, IPHONE, PLAY, RETURN, STATE
from tests.world import POINT_PASSWORD, Stage, World, make_world

TITLE = "Open POINT to finish your login"
RETURNED, LOGGED_OUT = "/native/open?" + urlencode(RETURN), f"/native/open/logout?state={STATE}"
DENIED = f"/native/open?error=access_denied&state={STATE}"


@pytest.fixture
def world(stage: Stage, tmp_path: Path) -> Iterator[World]:
    """A portal whose app is in both stores."""
    known = {"android_package": "org.pointapp.point", "play_store_url": PLAY, "app_store_url": APPLE}
    with make_world(stage, tmp_path, **known) as world:
        yield world


def test_the_phone_s_pages_are_accessible_and_nothing_sticks_out(world: World, judge: Judge, meet_open: Meet) -> None:
    people = {agent: meet_open(user_agent=agent) for agent in (None, ANDROID, IPHONE)}
    for agent, path, name in (
        (None, RETURNED, "native_pages.open_login: desktop"), (ANDROID, RETURNED, "native_pages.open_login: android"),
        (IPHONE, RETURNED, "native_pages.open_login: iphone"), (IPHONE, DENIED, "native_pages.open_login: denied"),
        (IPHONE, LOGGED_OUT, "native_pages.open_logout: done"),
        (ANDROID, "/native/open/logout?error=x", "native_pages.open_logout: failed"),
        (ANDROID, "/native/open?missing=1", "native_pages.open_login: missing"),
        (ANDROID, "/native/open?code=1", "native_pages.open_login: malformed"),
    ):  # fmt: skip
        person = people[agent].go(path)
        for summary in person.page.locator("summary").all():
            judge(person, name)
            summary.click()
            name += ", with its help"
        judge(person, name)
    reader = people[None].go("/native/docs").at("POINT login for mobile apps").sees("/native/v1/login/complete")
    judge(reader, "native.docs: the app's interface")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_the_page_waits_for_the_press_and_shows_nothing_secret(world: World, meet: Meet, javascript: bool) -> None:
    """Our policy is in force: `meet` fails the test at its first violation."""
    phone = meet(user_agent=IPHONE, java_script_enabled=javascript)
    phone.go(RETURNED).at(TITLE, RETURNED)
    link = phone.control("Open POINT")
    expect(link).to_have_attribute("href", "org.pointapp.point:/login?" + urlencode(RETURN))
    phone.page.get_by_text("Nothing happens when I press the button").click()
    phone.sees("choose “Open in browser”")
    seen = phone.page.locator("html").inner_text() + phone.page.title()
    assert CODE not in seen
    assert STATE not in seen
    phone.page.wait_for_timeout(300)
    phone.at(TITLE, RETURNED)
    expect(phone.page.get_by_role("link", name="Get POINT in the App Store")).to_have_attribute("href", APPLE)
    phone.press("Continue in the browser").at("Log in", "/login")


@pytest.mark.parametrize(
    ("agent", "wanted"), [(IPHONE, "org.pointapp.point:/login?code="), (ANDROID, "intent:/login?code=")]
)
def test_pressing_the_button_asks_the_system_for_the_app(world: World, meet: Meet, agent: str, wanted: str) -> None:
    """No app is installed here: the browser tries its link, our policy does not stop it, and the page stays."""
    phone = meet(user_agent=agent)
    phone.hosts.add("")  # A link to an app has no host.
    phone.go(RETURNED).at(TITLE)
    with phone.page.expect_request(lambda request: not request.url.startswith("http")) as asked:
        phone.press("Open POINT")
    assert asked.value.url.startswith(wanted)
    phone.at(TITLE, RETURNED)


def ask_from_the_app(world: World) -> str:
    """The app wants somebody of Globex, which has no Okta: its people come by the portal's own page, whose address this
    is. They have logged in a minute before."""
    wish = {"organization": "globex", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}
    app = world.stranger.step("/native/v1/login", method="POST", json={**wish, "code_challenge_method": "S256"})
    address: str = app.json()["authorization_url"]
    return address


def test_the_page_that_asks_whom_the_app_gets_to_know(world: World, judge: Judge, meet_open: Meet) -> None:
    gus = by_password(world.gus)
    world.clock.forward(60)
    judge(meet_open().become(gus).go(ask_from_the_app(world)).at("Log in to the POINT app?"), "phone.begin: to confirm")


@pytest.mark.drives("phone.continue_", "login.organization_password")
def test_somebody_who_is_logged_in_is_asked_before_the_app_gets_to_know(world: World, meet: Meet) -> None:
    gus = meet("gus@globex.example", java_script_enabled=False).log_in_by_password("globex")
    world.clock.forward(60)
    gus.go(ask_from_the_app(world)).at("Log in to the POINT app?").press("Use another account")
    gus.at("Log in to Globex").type("E-mail address", gus.email).type("Password", POINT_PASSWORD)
    gus.press("Log in").at(TITLE)
    gus.go(ask_from_the_app(world)).at("Log in to the POINT app?")
    gus.sees("gus@globex.example").press("Continue").at(TITLE)


def test_the_button_and_the_help_are_reached_by_the_keyboard(world: World, meet: Meet) -> None:
    phone = meet(user_agent=ANDROID)
    phone.go(RETURNED)
    tab_to(phone, "Open POINT")
    tab_to(phone, "Nothing happens when I press the button")
    phone.page.keyboard.press("Enter")
    tab_to(phone, "try the other one")
    tab_to(phone, "Get POINT on Google Play")
    tab_to(phone, "Continue in the browser")
    phone.page.keyboard.press("Enter")
    phone.at("Log in", "/login")


def test_the_qr_code_is_black_on_white_in_the_dark_too(world: World, meet: Meet) -> None:
    desktop = meet(color_scheme="dark")
    code = desktop.go(RETURNED).page.get_by_role("img", name="QR code that opens this page on a phone")
    expect(code).to_be_visible()
    box = code.bounding_box()
    assert box is not None
    assert box["width"] == box["height"] >= 200
    expect(code.locator("path").first).to_have_css("fill", "rgb(255, 255, 255)")
    expect(code.locator("path").last).to_have_css("stroke", "rgb(0, 0, 0)")
