"""One-click set-up before a real browser: from an empty Okta to a checked connection, with and without JavaScript."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.one_click import SETUP, Empty, empty_okta, wait_for_checks
from tests.web.steps import connect
from tests.world import World

TOKEN = "sandbox-token-short-lived"


@pytest.fixture
def empty(world: World) -> Iterator[Empty]:
    with empty_okta(world) as found:
        yield Empty(found.sandbox, found.okta.replace("localhost", "127.0.0.1"))
    wait_for_checks(world)


def fill_in(gus: Person, empty: Empty, token: str = TOKEN) -> Person:
    gus.go(SETUP).type("Okta domain", empty.okta)
    return gus.type("Okta API token", token)


@pytest.mark.drives("okta_setup.start")
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_an_empty_okta_is_connected_by_one_click(world: World, empty: Empty, meet: Meet, javascript: bool) -> None:
    gus = meet("gus@globex.example", okta=empty.okta, java_script_enabled=javascript).log_in_by_password("globex")
    begun = time.monotonic()
    fill_in(gus, empty).press("Set up now")
    expect(gus.page.get_by_text("Done: Okta is set up, and POINT is connected.")).to_be_visible(timeout=30_000)
    assert time.monotonic() - begun < 60
    assert len(empty.sandbox.apps) == 2
    gus.press("See the checks").at("Checks")
    expect(gus.page.get_by_text("Nothing to put right")).to_be_visible(timeout=15_000)
    gus.press("Go on to a test login").press("Test login on the web").sees("Still to come")
    person = empty.sandbox.person("alice@acme.example")
    person.email = "alice@globex.example"
    alice = meet("alice@globex.example", okta=empty.okta, java_script_enabled=javascript)
    alice.go("/login/globex/okta").sign_in()
    alice.page.wait_for_url(world.base + "/")
    assert alice.session()["organization"] == "globex"


def test_a_rate_limit_is_counted_down_before_ones_eyes_and_stop_stops(world: World, empty: Empty, meet: Meet) -> None:
    empty.sandbox.fault("management_rate_limited")
    gus = meet("gus@globex.example", okta=empty.okta).log_in_by_password("globex")
    fill_in(gus, empty).press("Set up now")
    expect(gus.page.get_by_role("timer")).to_contain_text("asks us to wait", timeout=20_000)
    gus.press("Stop")
    expect(gus.page.get_by_text("Stopped half-way.")).to_be_visible(timeout=10_000)
    empty.sandbox.fault("management_rate_limited", on=False)
    gus.type("Okta API token to go on", TOKEN).press("Resume")
    expect(gus.page.get_by_text("Done: Okta is set up, and POINT is connected.")).to_be_visible(timeout=30_000)
    assert len(empty.sandbox.apps) == 2


def test_another_okta_waits_as_a_draft_that_is_switched_on_from_its_page(
    world: World, empty: Empty, meet: Meet
) -> None:
    connect(world, world.globex_id, world.sandbox, world.okta)
    gus = meet("gus@globex.example", okta=empty.okta).log_in_by_password("globex")
    fill_in(gus, empty, "sandbox-token").press("Set up now")
    expect(gus.page.get_by_text("Other settings are live and stay so")).to_be_visible(timeout=30_000)
    gus.sees("What would change").press("Switch on").sees("Switched on. People log in with these settings from now on.")
