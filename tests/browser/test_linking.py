"""Somebody with a POINT account in one organization comes with the Okta account of another."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.steps import add_person
from tests.world import POINT_PASSWORD, World

HAS_ONE = "You already have a POINT account"
CONNECT = "Connect my Okta account"


@pytest.fixture
def carol(world: World, meet: Meet) -> Person:
    """Carol of Globex, who has an account at Acme's Okta too."""
    add_person(world.sandbox, "carol@globex.example", "Carol")
    return meet("carol@globex.example")


@pytest.mark.drives("login.link_account_now")
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_the_account_is_proved_once_and_then_okta_is_enough(
    world: World, carol: Person, meet: Meet, javascript: bool
) -> None:
    carol = carol if javascript else meet(carol.email, java_script_enabled=False)
    carol.go("/login/acme").press("Log in with Okta").sign_in().at(HAS_ONE, "/login/link").assert_anonymous()
    carol.picture("link-refused")
    carol.press("Log in").at("Enter your password").type("Password", POINT_PASSWORD).press("Log in")
    carol.at("Connect your Okta account", "/login/link").picture("link-confirm")
    assert carol.session()["organization"] == "globex"
    carol.press(CONNECT).at("Hello Carol", "/").assert_logged_in()
    assert carol.session()["organization"] == "acme"
    carol.press("Log out").at("Welcome to POINT")
    carol.go("/login/acme/okta?next=%2Faccount").sign_in().at("Your account", "/account").assert_logged_in()


def test_somebody_who_does_not_know_the_account_s_password_gets_nothing(carol: Person) -> None:
    carol.log_in_at_okta().at(HAS_ONE).press("Log in").type("Password", "guess").press("Log in")
    carol.sees("That e-mail address and password do not fit together").go("/login/link").at(HAS_ONE)
    expect(carol.page.get_by_role("button", name=CONNECT)).to_have_count(0)
    carol.press("Cancel").at("Welcome to POINT").assert_anonymous()


def test_the_offer_is_over_after_a_while(world: World, carol: Person) -> None:
    carol.log_in_at_okta().at(HAS_ONE)
    world.clock.forward(world.settings.attempt_seconds + 1)
    carol.page.reload()
    carol.at("This login took too long").assert_anonymous()
