"""Logging out ends it everywhere, and nothing of it can be had back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect

from tests.browser.conftest import FLAGS, Meet
from tests.browser.person import Person
from tests.web.steps import when_asked
from tests.world import World


@pytest.fixture(scope="module")
def remembering(playwright: Playwright, chromium: Browser) -> Iterator[Browser]:
    """A Chromium that keeps whole pages for the Back button, as everybody's does; Playwright switches that off."""
    browser = playwright.chromium.launch(
        executable_path="/usr/bin/chromium", args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield browser
    browser.close()


def test_logging_out_ends_the_session_here_and_at_okta(world: World, alice: Person) -> None:
    alice.log_in()
    old = alice.context.cookies()
    assert len(world.sandbox.sessions) == 1
    alice.press("Log out").at("Welcome to POINT").sees("You are logged out of POINT and of Okta.")
    alice.picture("logged-out")
    alice.assert_anonymous()
    assert world.sandbox.sessions == []
    alice.context.add_cookies(old)
    alice.assert_anonymous()
    alice.go("/login/acme/okta").at_okta().sign_in().at("Hello Alice Andersson", "/")


def test_the_message_of_the_logout_is_shown_once(alice: Person) -> None:
    alice.log_in().press("Log out").sees("You are logged out of POINT and of Okta.")
    alice.go("/").at("Welcome to POINT")
    expect(alice.page.get_by_role("status")).to_have_count(0)


@pytest.mark.parametrize("kept", [False, True], ids=["from the network", "from the pages kept whole"])
def test_back_after_the_logout_shows_nobody_s_data(
    chromium: Browser, remembering: Browser, meet: Meet, kept: bool
) -> None:
    alice = meet("alice@acme.example", browser=remembering if kept else chromium)
    alice.log_in().go("/account").at("Your account")
    alice.press("Log out").at("Welcome to POINT")
    for _ in range(4):
        alice.page.go_back(wait_until="commit")
        alice.page.wait_for_load_state()
        shown = alice.page.content()
        assert "Andersson" not in shown
        assert "Log out" not in shown
    alice.assert_anonymous()


def test_log_out_pressed_twice_still_ends_both_sessions(world: World, alice: Person) -> None:
    alice.log_in()
    alice.page.get_by_role("button", name="Log out", exact=True).dblclick()
    alice.at("Welcome to POINT").sees("You are logged out of POINT").assert_anonymous()
    alice.page.wait_for_load_state("networkidle")
    assert world.sandbox.sessions == []


def test_log_out_pressed_again_while_okta_takes_its_time_still_ends_both_sessions(world: World, alice: Person) -> None:
    alice.log_in()
    world.sandbox.delay_ms = 1000
    when_asked(world.sandbox, "/revoke", lambda: world.sandbox.fault("slow_everything"))
    box = alice.control("Log out").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    alice.page.mouse.click(*middle)
    while not world.requests_to("/revoke"):
        alice.page.wait_for_timeout(20)
    alice.page.mouse.click(*middle)
    alice.at("Welcome to POINT").sees("You are logged out of POINT").assert_anonymous()
    alice.page.wait_for_load_state("networkidle")
    assert world.sandbox.sessions == []


def test_log_out_in_a_second_tab_that_does_not_know_yet_is_no_error(alice: Person) -> None:
    alice.log_in()
    other = alice.new_tab()
    other.goto(alice.base + "/account")
    alice.press("Log out").at("Welcome to POINT")
    other.get_by_role("button", name="Log out", exact=True).click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Welcome to POINT")


def test_logging_out_of_a_password_session_leaves_okta_alone(world: World, olivia: Person) -> None:
    olivia.log_in_by_password().press("Log out").at("Welcome to POINT", "/").sees("You are logged out of POINT.")
    olivia.assert_anonymous()
    assert world.requests_to("/v1/logout") == []
