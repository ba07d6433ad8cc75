"""Everything people do, in a browser that runs no scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"


@pytest.fixture
def alice(meet: Meet) -> Person:
    return meet("alice@acme.example", java_script_enabled=False)


@pytest.fixture
def olivia(meet: Meet) -> Person:
    return meet("olivia@acme.example", java_script_enabled=False)


def test_logging_in_by_the_address_and_out_again_needs_no_javascript(alice: Person) -> None:
    alice.go("/").press("Log in").enter_email().sign_in().at("Hello Alice Andersson", "/").assert_logged_in()
    alice.press("Log out").at("Welcome to POINT").sees("You are logged out of POINT and of Okta.").assert_anonymous()
    alice.go("/account").enter_email().sign_in().at("Your account", "/account")


def test_the_organization_s_page_and_the_silent_login_need_no_javascript(alice: Person) -> None:
    alice.go("/login/acme").press("Log in with Okta").sign_in().at("Hello Alice Andersson", "/")
    alice.context.clear_cookies(name="point_session")
    alice.go("/account").enter_email().at("Your account", "/account").assert_logged_in()


def test_the_password_behind_its_disclosure_needs_no_javascript(olivia: Person) -> None:
    olivia.go("/login/acme")
    expect(olivia.page.get_by_label("Password")).to_be_hidden()
    olivia.page.get_by_text("Log in with a password").click()
    olivia.type("E-mail address", olivia.email).type("Password", "demo-owner-password").press("Log in")
    olivia.at("Hello Olivia", "/").assert_logged_in("password")
    olivia.press("Log out").at("Welcome to POINT", "/").sees("You are logged out of POINT.").assert_anonymous()


def test_saving_and_deleting_the_integration_need_no_javascript(world: World, olivia: Person) -> None:
    olivia.log_in_by_password().press("Integrations").press("Manage Okta").at("Okta", OKTA)
    olivia.type("SPA: Okta Domain", "acme").press("Save")
    olivia.sees("Nothing was saved yet: one thing to put right")
    olivia.type("SPA: Okta Domain", world.okta).press("Save").sees("Saved.")
    olivia.press("Delete Integration").at("Delete the Okta integration?", OKTA + "/delete")
    olivia.press("Delete Integration").at("Okta is deleted").sees("It can be undone until")
    olivia.go("/login/acme/okta").at("This organization does not use Okta at POINT")
