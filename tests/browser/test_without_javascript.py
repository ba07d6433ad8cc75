"""Everything people do for themselves, in a browser that runs no scripts; what owners do is in
test_owner_without_javascript.py. Apart from where they start and what comes by mail, nobody types an address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.mailbox import Mailbox
from tests.browser.person import Person
from tests.browser.visitors import by_okta
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"
NEW, NEWER, NEWEST = (f"four otters climb a {colour} ladder" for colour in ("violet", "green", "silver"))


@pytest.fixture
def alice(meet: Meet) -> Person:
    return meet("alice@acme.example", java_script_enabled=False)


@pytest.fixture
def olivia(meet: Meet) -> Person:
    return meet("olivia@acme.example", java_script_enabled=False)


@pytest.mark.drives("login.continue_", "login.logout")
def test_logging_in_by_the_address_and_out_again_needs_no_javascript(alice: Person) -> None:
    alice.go("/").press("Log in").enter_email().sign_in().at("Hello Alice Andersson", "/").assert_logged_in()
    alice.press("Log out").at("Welcome to POINT").sees("You are logged out of POINT and of Okta.").assert_anonymous()
    alice.go("/account").enter_email().sign_in().at("Your account", "/account")


def test_the_organization_s_page_and_the_silent_login_need_no_javascript(alice: Person) -> None:
    alice.go("/login/acme").press("Log in with Okta").sign_in().at("Hello Alice Andersson", "/")
    alice.context.clear_cookies(name="point_session")
    alice.go("/account").enter_email().at("Your account", "/account").assert_logged_in()


@pytest.mark.drives("login.organization_password", "login.logout")
def test_the_password_behind_its_disclosure_needs_no_javascript(olivia: Person) -> None:
    olivia.go("/login/acme")
    expect(olivia.page.get_by_label("Password")).to_be_hidden()
    olivia.page.get_by_text("Log in with a password").click()
    olivia.type("E-mail address", olivia.email).type("Password", "demo-owner-password").press("Log in")
    olivia.at("Hello Olivia", "/").assert_logged_in("password")
    olivia.press("Log out").at("Welcome to POINT", "/").sees("You are logged out of POINT.").assert_anonymous()


@pytest.mark.drives("integrations.save_okta", "integrations.okta_delete_now")
def test_saving_and_deleting_the_integration_need_no_javascript(world: World, olivia: Person) -> None:
    olivia.log_in_by_password().press("Integrations").press("Manage Okta").at("Okta", OKTA)
    olivia.type("SPA: Okta Domain", "acme").press("Save")
    olivia.sees("Nothing was saved yet: one thing to put right")
    olivia.type("SPA: Okta Domain", world.okta).press("Save").sees("Saved.")
    olivia.press("Delete Integration").at("Delete the Okta integration?", OKTA + "/delete")
    olivia.press("Delete Integration").at("Okta is deleted").sees("It can be undone until")
    olivia.go("/login/acme/okta").at("This organization does not use Okta at POINT")


def enter_new(person: Person, password: str, again: str = "") -> Person:
    return person.type("New password", password).type("New password again", again or password)


@pytest.mark.drives(
    "passwords.change_now", "passwords.send_own_link", "passwords.set_by_link_now", "sessions.end_own", "login.logout"
)
def test_one_s_own_password_and_sessions_need_no_javascript(world: World, alice: Person, meet: Meet) -> None:
    mailbox, phone = Mailbox(world), meet(java_script_enabled=False).become(by_okta(world.alice))
    alice.go("/").press("Log in").enter_email().sign_in().at("Hello Alice Andersson", "/")
    alice.press("Account").press("Set a password").at("Set a password")
    enter_new(alice, NEW, again=NEWER).press("Set the password").sees("exactly as above")
    enter_new(alice, NEW).press("Set the password").sees("Your password is set.")
    phone.go("/account").at("Your password has changed").press("Log in again").at("Log in to Acme Volunteers")
    enter_new(alice.type("Your password so far", "wrong"), NEWER).press("Change the password")
    alice.sees("This is not the password you have now.").type("Your password so far", NEW)
    enter_new(alice, NEWER).press("Change the password").sees("Your password is set.")
    alice.press("Send the link").sees("A link is on its way to alice@acme.example.")
    alice.go(mailbox.link_to(alice.email, "Set a new password for POINT")).at("Set a new password")
    enter_new(alice, "short").press("Set the password").sees("Use 12 characters or more.")
    enter_new(alice, NEWEST).press("Set the password").at("Your password is set").press("Log in").at("Log in")
    alice.enter_email().at("Hello Alice Andersson", "/").assert_logged_in()  # Okta still knows her.

    phone.page.get_by_text("Log in with a password").click()
    phone.type("E-mail address", alice.email).type("Password", NEWEST).press("Log in").at("Your account", "/account")
    for visitor in (world.alice, world.alice):
        by_okta(visitor)
    alice.press("Account").press("See your sessions").at("Where you are logged in")
    button = alice.page.get_by_role("button", name=re.compile("End this session"))
    expect(button).to_have_count(3)
    button.first.click()
    alice.sees("1 session has ended.").press("End all other sessions").sees("2 sessions have ended.")
    alice.sees("You are logged in nowhere else.")
    phone.press("Home").at("You ended this login elsewhere").press("Go to the home page").at("Welcome to POINT")
    alice.press("Your account").press("Log out of POINT only").sees("You are still signed in at Okta")
    alice.assert_anonymous()
