"""Every page, narrow and wide, light and dark: accessible by axe, nothing sticks out, nothing too small to touch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from portal import create_app
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.steps import add_person
from tests.world import POINT_PASSWORD, World

SIZES = [(320, 640), (1280, 800)]
_AXE = """async () => (await axe.run({
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations']
})).violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '))"""
# The dark theme has other colours and nothing else.
_COLOURS = _AXE.replace(
    "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']",
    "{type: 'rule', values: ['color-contrast', 'link-in-text-block']}",
)
_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > most + 1);
  return document.scrollingElement.scrollWidth <= most ? []
    : ['scrolls sideways: ' + out.map(e => e.tagName + '.' + e.className).join(', ')];
}"""
# 44 px for what one presses; links inside a sentence are as high as its line. Okta's pages are not ours to judge.
_SMALL = """() => [...document.querySelectorAll('button, a, summary, input:not([type=hidden])')].filter(e => {
  const pressed = ['radio', 'checkbox'].includes(e.type) ? e.closest('label') ?? e : e;
  const in_a_sentence = e.tagName === 'A' && e.closest('li, p') && !e.matches('.touch, .button');
  return e.checkVisibility() && !e.matches('.skip, .notice li a') && !in_a_sentence
    && pressed.getBoundingClientRect().height < 43.5;
}).map(e => 'small: ' + e.tagName + ' ' + (e.innerText || e.name) + ' ' + e.getBoundingClientRect().height)"""


class Judge:
    """Looks at the page a person is at in both widths and both themes, and keeps what is wrong."""

    def __init__(self, axe: str) -> None:
        self.axe = axe
        self.found: list[str] = []
        self.pages: list[str] = []

    def __call__(self, person: Person, name: str) -> None:
        self.pages.append(name)
        person.page.evaluate(self.axe)
        for width, height in SIZES:
            person.page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                wrong = person.page.evaluate(_AXE if scheme == "light" else _COLOURS)
                if scheme == "light":
                    wrong += person.page.evaluate(_WIDE)
                    wrong += person.page.evaluate(_SMALL) if person.page.url.startswith(person.base) else []
                self.found += [f"{name} at {width} px, {scheme}: {each}" for each in wrong]
        person.picture(name)


@pytest.fixture
def judge(axe: str) -> Judge:
    return Judge(axe)


@pytest.fixture
def meet_open(meet: Meet) -> Callable[..., Person]:
    """`meet` with our policy switched off, without which axe could not be brought in; journeys never do that."""
    return lambda email="", **profile: meet(email, bypass_csp=True, **profile)


def hold(person: Person, pattern: str) -> None:
    """Pages at these addresses, which lead on by themselves, stay."""

    def answer(route: Route) -> None:
        response = route.fetch(max_redirects=0)
        route.fulfill(response=response, body=re.sub(r'<meta http-equiv="refresh"[^>]*>', "", response.text()))

    person.context.route(pattern, answer)


def test_the_pages_of_somebody_who_is_not_logged_in(world: World, judge: Judge, meet_open: Meet) -> None:
    alice = meet_open("alice@acme.example")
    for name, path in (("welcome", "/"), ("login", "/login"), ("login-acme", "/login/acme"),
                       ("login-acme-password", "/login/acme?with=password"), ("login-globex", "/login/globex"),
                       ("not-found", "/nowhere"), ("not-connected", "/login/globex/okta"),
                       ("callback-unknown", "/login/callback")):  # fmt: skip
        judge(alice.go(path), name)
    judge(alice.go("/login").type("E-mail address", "alice").press("Continue").at("Log in"), "login-refused")
    alice.type("E-mail address", "gus@globex.example").press("Continue")
    judge(alice.at("Enter your password"), "login-password")
    judge(alice.type("Password", "x").press("Log in").sees("do not fit together"), "login-password-refused")
    alice.go("/login/acme?with=password").type("E-mail address", "a@b.example").type("Password", "x")
    judge(alice.press("Log in").sees("do not fit together"), "login-acme-refused")
    alice.go("/login/acme/okta").at_okta()
    judge(alice, "okta-sign-in")
    hold(alice, "**/login")
    alice.go("/login").enter_email()
    judge(alice.at("Taking you to Okta"), "login-continue")
    assert judge.found == []


def test_the_pages_of_a_volunteer(world: World, judge: Judge, meet_open: Meet) -> None:
    alice = meet_open("alice@acme.example")
    alice.log_in()
    judge(alice, "home-volunteer")
    judge(alice.go("/account"), "account")
    judge(alice.go("/organizations/acme/integrations"), "forbidden")
    judge(alice.go(alice.okta + "/sandbox"), "okta-sandbox")
    alice.go("/")
    hold(alice, "**/logout")
    alice.press("Log out")
    judge(alice.at("Logging you out of Okta"), "logging-out")
    judge(alice.go("/").sees("You are logged out"), "logged-out")
    assert judge.found == []


def test_the_pages_of_an_owner(world: World, judge: Judge, meet_open: Meet) -> None:
    olivia = meet_open("olivia@acme.example")
    okta = "/organizations/acme/integrations/okta"
    olivia.log_in_by_password()
    judge(olivia, "home-owner")
    judge(olivia.go("/account"), "account-password")
    judge(olivia.go("/organizations/acme/integrations"), "integrations")
    judge(olivia.go(okta), "okta-connected")
    olivia.page.get_by_text("Advanced").click()
    olivia.type("Authorization server", "no such").type("SPA: Okta Domain", "acme").type("SPA: Okta Client ID", "")
    judge(olivia.press("Save").sees("things to put right"), "okta-refused")
    judge(olivia.go(okta).press("Save").sees("Saved."), "okta-saved")
    judge(olivia.press("Delete Integration").at("Delete the Okta integration?"), "okta-delete")
    judge(olivia.press("Delete Integration").sees("Deleted."), "integrations-deleted")
    judge(olivia.go("/"), "home-owner-not-connected")
    judge(olivia.go(okta), "okta-not-connected")
    assert judge.found == []


def test_the_pages_of_an_admin_and_of_logins_that_go_wrong(world: World, judge: Judge, meet_open: Meet) -> None:
    adam = meet_open("adam@acme.example")
    judge(adam.log_in_by_password().go("/organizations/acme/integrations/okta"), "okta-admin")
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = meet_open("carol@globex.example")
    judge(carol.log_in_at_okta().at("You already have a POINT account"), "link-refused")
    carol.press("Log in").type("Password", POINT_PASSWORD).press("Log in")
    judge(carol.at("Connect your Okta account"), "link-confirm")
    ben = meet_open("ben@acme.example")
    judge(ben.log_in_at_okta().at("Okta does not let you into POINT yet"), "problem-not-assigned")
    world.sandbox.fault("discovery_500")
    world.services.providers.forget(world.okta)
    with ben.expecting(502, 503):
        judge(ben.go("/login/acme/okta").sees("Reference"), "problem-okta-away")
    assert judge.found == []


def test_the_styleguide_of_the_demo(world: World, judge: Judge, meet_open: Meet) -> None:
    world.stage.app = create_app(replace(world.settings, demo=True), clock=world.clock)
    try:
        judge(meet_open().go("/styleguide"), "styleguide")
    finally:
        world.stage.app.extensions["point"].door.close()
        world.stage.app.extensions["point"].db.close()
        world.stage.app = world.app
    assert judge.found == []


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
    assert stranger.page.evaluate(_WIDE) == []
