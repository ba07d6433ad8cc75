"""Okta is away, broken or slow: a page that says so in time, and a way on that works once Okta is back."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.steps import when_asked
from tests.world import OKTA_PASSWORD, World

AWAY = "Your organization's sign-in service cannot be reached"


def test_an_okta_that_is_away_gets_a_page_whose_try_again_works_when_it_is_back(world: World, alice: Person) -> None:
    world.services.providers.forget(world.okta)
    world.sandbox.fault("discovery_500")
    with alice.expecting(502, 503):
        alice.go("/login/acme?next=%2Faccount").press("Log in with Okta")
        expect(alice.page.get_by_role("link", name="Try again")).to_be_visible()
        alice.sees("Reference").picture("problem-okta-away")
        alice.assert_anonymous()
        alice.press("Try again").sees("Reference")
    world.sandbox.clear_faults()
    world.clock.forward(61)
    alice.press("Try again").sign_in().at("Your account", "/account").assert_logged_in()


def test_a_broken_token_endpoint_logs_nobody_in_and_the_next_try_does(world: World, alice: Person) -> None:
    world.sandbox.fault("token_500")
    with alice.expecting(502, 503):
        alice.go("/login/acme/okta?next=%2Faccount").sign_in()
        expect(alice.page.get_by_role("link", name="Try again")).to_be_visible()
        alice.assert_anonymous()
    world.sandbox.clear_faults()
    alice.press("Try again").at("Your account", "/account").assert_logged_in()


def test_a_token_endpoint_that_hangs_gets_its_page_within_eleven_seconds(world: World, alice: Person) -> None:
    world.sandbox.fault("token_slow")
    alice.go("/login/acme/okta").at_okta()
    with alice.expecting(503):
        with alice.page.expect_response("**/login/callback?*", timeout=15_000) as answer:
            alice.sign_in()
        alice.at(AWAY)
    assert 2000 < answer.value.request.timing["responseStart"] < 11_000
    alice.picture("problem-okta-hangs")
    alice.assert_anonymous()
    world.sandbox.clear_faults()
    alice.press("Try again").at("Hello Alice Andersson", "/").assert_logged_in()


def test_a_reload_while_okta_takes_its_time_goes_on_by_itself(world: World, alice: Person) -> None:
    alice.go("/login/acme/okta").at_okta()
    world.sandbox.delay_ms = 3000
    addresses, statuses = [], []
    alice.context.on("request", lambda request: addresses.append(request.url) if "/callback?" in request.url else None)
    alice.context.on("response", lambda answer: statuses.append(answer.status) if "/callback?" in answer.url else None)
    when_asked(world.sandbox, "/token", lambda: world.sandbox.fault("slow_everything"))
    alice.type("Username", alice.email).type("Password", OKTA_PASSWORD)
    alice.control("Sign in").click(no_wait_after=True)
    while not (world.requests_to("/token") and addresses):  # The browser tells of its requests a little later.
        alice.page.wait_for_timeout(20)
    alice.page.goto(addresses[0], wait_until="commit")
    alice.at("Hello Alice Andersson", "/").assert_logged_in()
    assert (statuses[0], statuses[-1]) == (202, 303)
    assert len(world.requests_to("/token")) == 1


def test_okta_away_at_the_logout_keeps_nobody_logged_in(world: World, alice: Person, meet: Meet) -> None:
    alice.log_in()
    world.sandbox.fault("logout_500")
    with alice.expecting(500):
        alice.press("Log out")
        alice.page.wait_for_url(alice.okta + "/**")
    alice.assert_anonymous()
    world.services.providers.forget(world.okta)
    olivia = meet("olivia@acme.example")
    world.sandbox.clear_faults()
    olivia.log_in()
    world.services.providers.forget(world.okta)
    world.sandbox.fault("discovery_500")
    olivia.press("Log out").at("Welcome to POINT").sees("You are logged out of POINT.").assert_anonymous()
