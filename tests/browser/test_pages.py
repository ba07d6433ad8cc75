"""The pages of logging in and out, the home page, and what is said when something goes wrong, each judged; and what
the login page weighs."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import expect

from portal import create_app
from portal.access import public
from portal.errors import Problem, Refused
from tests.browser.conftest import Meet
from tests.browser.judge import WIDE, Judge, hold
from tests.browser.visitors import by_okta, by_password
from tests.web.steps import add_person
from tests.world import POINT_PASSWORD, World

# What one problem's page has and others have not: the longest texts, the oddest statuses.
LONGEST = max(Problem, key=lambda problem: len(problem.title)), max(Problem, key=lambda problem: len(problem.advice))


def test_the_pages_of_somebody_who_is_not_logged_in(world: World, judge: Judge, meet_open: Meet) -> None:
    alice = meet_open("alice@acme.example")
    judge(alice.go("/"), "home.index: welcome")
    judge(alice.go("/login"), "login.start: first")
    judge(alice.go("/login?next=/native/login%3Fstate=x"), "login.start: for the app")
    judge(alice.go("/login/acme"), "login.organization: connected")
    judge(alice.go("/login/acme?with=password"), "login.organization: with a password")
    judge(alice.go("/login/globex"), "login.organization: not connected")
    judge(alice.go("/login").type("E-mail address", "alice").press("Continue").at("Log in"), "login.continue_: refused")
    alice.type("E-mail address", "gus@globex.example").press("Continue")
    judge(alice.at("Enter your password"), "login.continue_: password")
    judge(alice.type("Password", "x").press("Log in").sees("do not fit together"), "login.continue_: password refused")
    alice.go("/login/acme?with=password").type("E-mail address", "a@b.example").type("Password", "x")
    judge(alice.press("Log in").sees("do not fit together"), "login.organization_password: refused")
    alice.go("/login/acme/okta").at_okta()
    judge(alice, "okta: sign-in")
    hold(alice, "**/login")
    alice.go("/login").enter_email()
    judge(alice.at("Taking you to Okta"), "login.continue_: on the way to Okta")


def test_the_pages_at_home_and_on_the_way_out(world: World, judge: Judge, meet_open: Meet) -> None:
    eye = meet_open().become(by_okta(world.alice))
    judge(eye.go("/"), "home.index: volunteer")
    judge(eye.go("/organizations/acme/integrations"), "integrations.index: forbidden")
    judge(eye.go(eye.okta + "/sandbox"), "okta: sandbox")
    hold(eye, "**/logout")
    eye.go("/").press("Log out")
    judge(eye.at("Logging you out of Okta"), "login.logout: going on to Okta")
    judge(eye.go("/").sees("You are logged out of POINT and of Okta"), "home.index: logged out")
    eye.become(by_okta(world.alice)).go("/account").press("Log out of POINT only")
    judge(eye.sees("You are still signed in at Okta"), "home.index: logged out of POINT only")
    judge(eye.become(by_password(world.olivia)).go("/"), "home.index: owner")
    judge(eye.become(by_password(world.gus)).go("/"), "home.index: owner without Okta")


def test_the_pages_of_logins_that_go_wrong(world: World, judge: Judge, meet_open: Meet) -> None:
    eye = meet_open("ben@acme.example")
    judge(eye.go("/nowhere"), "nowhere: not found")
    judge(eye.go("/login/globex/okta"), "login.okta: not connected")
    judge(eye.go("/login/initiate?iss=https://elsewhere.example"), "login.initiate: unknown")
    judge(eye.go("/login/callback"), "login.callback: not started here")
    judge(eye.go("/login/callback?otp=123456&state=x"), "login.callback: a code for another browser")
    judge(eye.log_in_at_okta().at("Okta does not let you into POINT yet"), "login.callback: not assigned")
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = meet_open("carol@globex.example")
    judge(carol.log_in_at_okta().at("You already have a POINT account"), "login.link_account: not proved")
    carol.press("Log in").type("Password", POINT_PASSWORD).press("Log in")
    judge(carol.at("Connect your Okta account"), "login.link_account: to confirm")
    world.sandbox.fault("discovery_500")
    world.services.providers.forget(world.okta)
    with eye.expecting(502, 503):
        judge(eye.go("/login/acme/okta").sees("Reference"), "login.okta: away")


def test_the_page_of_a_login_that_is_being_finished(world: World, judge: Judge, meet_open: Meet) -> None:
    """The same answer of Okta's twice, the second time before the first is through."""
    alice = world.alice
    address = alice.come_back().headers["Location"]
    eye = meet_open().become(alice)
    hold(eye, "**/login/callback**")
    world.sandbox.delay_ms = 4_000
    world.sandbox.fault("slow_everything")
    first = Thread(target=alice.step, args=(address,))
    first.start()
    judge(eye.go(address).at("Just a moment"), "login.callback: being finished")
    first.join()


def test_the_pages_of_problems_and_of_the_styleguide(world: World, judge: Judge, meet_open: Meet) -> None:
    """In the demo, with a page that has any problem."""
    app = create_app(replace(world.settings, demo=True), clock=world.clock)

    @public()
    def refuse(name: str) -> str:
        raise Refused(Problem[name])

    app.add_url_rule("/refuse/<name>", view_func=refuse)
    world.stage.app = app
    eye = meet_open()
    try:
        judge(eye.go("/styleguide"), "styleguide.show: all components")
        for problem in (*LONGEST, Problem.TOO_MANY, Problem.SESSION_CHANGED):
            judge(eye.go(f"/refuse/{problem.name}"), f"refuse: {problem.code}")
        with eye.expecting(500):
            judge(eye.go("/refuse/INTERNAL"), "refuse: internal")
    finally:
        app.extensions["point"].close()
        world.stage.app = world.app


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_the_login_page_transfers_at_most_15_000_bytes_and_no_script(meet: Meet, javascript: bool) -> None:
    stranger = meet(java_script_enabled=javascript)
    wire = stranger.context.new_cdp_session(stranger.page)
    wire.send("Network.enable")
    sizes: dict[str, float] = {}
    kinds: dict[str, str] = {}

    def asked(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def loaded(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    wire.on("Network.requestWillBeSent", asked)
    wire.on("Network.loadingFinished", loaded)
    stranger.go("/login").page.wait_for_load_state("networkidle")
    icon = stranger.context.request.get(stranger.base + stranger.page.locator("link[rel=icon]").get_attribute("href"))
    headers = sum(len(f"{name}: {value}\r\n") for name, value in icon.headers.items())
    # A Chromium without a window does not load the icon.
    total = sum(sizes.values()) + (0 if "Other" in kinds.values() else len(icon.body()) + headers)
    assert {"Document", "Stylesheet"} <= set(kinds.values())
    assert "Script" not in kinds.values()
    assert 2000 < total <= 15_000
    expect(stranger.page.get_by_role("button", name="Continue")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")


def test_the_login_page_looks_its_part_at_twice_the_text_size(meet: Meet) -> None:
    """WCAG 1.4.10: 1280 px at 400 % are 320 px; text alone at 200 % stays inside its sheet."""
    stranger = meet(viewport={"width": 640, "height": 800})
    stranger.go("/login/acme?with=password")
    stranger.page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
    assert stranger.page.evaluate(WIDE) == []
