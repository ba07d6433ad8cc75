"""Delete Integration, its undo, and passwords by mail, in a real browser, with and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.mailbox import Mailbox
from tests.browser.person import Person
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"
NEW = "four otters climb a violet ladder"


@pytest.fixture
def mailbox(world: World) -> Mailbox:
    return Mailbox(world)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def script(request: pytest.FixtureRequest) -> bool:
    found: bool = request.param
    return found


@pytest.mark.drives("integrations.okta_delete_now", "integrations.okta_undo", "passwords.set_by_link_now")
def test_an_owner_deletes_okta_and_undoes_it_and_somebody_without_a_password_gets_in_meanwhile(
    world: World, meet: Meet, mailbox: Mailbox, script: bool
) -> None:
    alice, olivia = (meet(f"{name}@acme.example", java_script_enabled=script) for name in ("alice", "olivia"))
    alice.log_in()
    olivia.log_in_by_password().go(OKTA).press("Delete Integration").at("Delete the Okta integration?")
    olivia.sees("1 person has no password and no other way in.").sees("alice@acme.example")
    olivia.press("Delete Integration").at("Okta is deleted", OKTA + "/deleted")
    olivia.sees("1 login in a browser has ended.")
    alice.assert_anonymous()
    link = mailbox.link_to("alice@acme.example", "You need a password for POINT now")
    alice.go(link).at("Set a password").type("New password", "short").type("New password again", "short")
    alice.press("Set the password").sees("Use 12 characters or more.")
    alice.type("New password", NEW).type("New password again", NEW).press("Set the password")
    alice.at("Your password is set", "/login/password")
    alice.log_in_by_password(password=NEW).assert_logged_in("password")
    olivia.go(OKTA).sees("It can be undone until").press("Undo").sees("Undone.")
    alice.press("Log out").sees("You are logged out")
    # Alice is still signed in at Okta.
    alice.go("/login/acme/okta").sees("Hello Alice").assert_logged_in("okta")


@pytest.mark.drives("passwords.send_link", "passwords.set_by_link_now", "passwords.change_now")
def test_who_has_forgotten_the_password_gets_in_by_mail(meet: Meet, mailbox: Mailbox, script: bool) -> None:
    gus = meet("gus@globex.example", java_script_enabled=script)
    gus.go("/login").enter_email().at("Enter your password").press("Forgot your password?")
    expect(gus.page.get_by_label("E-mail address")).to_have_value("gus@globex.example")
    gus.press("Send the link").at("Look into your mailbox", "/login/forgot/sent")
    gus.go(mailbox.link_to("gus@globex.example", "Set a new password for POINT")).at("Set a new password")
    gus.type("New password", NEW).type("New password again", NEW + "s").press("Set the password")
    gus.sees("exactly as above").type("New password", NEW).type("New password again", NEW).press("Set the password")
    gus.at("Your password is set").press("Log in").at("Log in")
    gus.log_in_by_password(slug="globex", password=NEW).assert_logged_in("password")
    gus.go("/account").press("Change your password").at("Change your password", "/account/password")
    gus.type("Your password so far", "wrong").type("New password", NEW).type("New password again", NEW)
    gus.press("Change the password").sees("This is not the password you have now.")


def test_the_way_back_leads_nowhere_wrong(olivia: Person) -> None:
    olivia.log_in_by_password().go(OKTA + "/delete").press("Delete Integration").at("Okta is deleted")
    olivia.page.go_back()
    olivia.page.wait_for_load_state()
    heading = olivia.page.get_by_role("heading", level=1).inner_text()
    assert heading in ("Okta is deleted", "Delete the Okta integration?")
    if heading == "Delete the Okta integration?":
        olivia.press("Delete Integration")
    olivia.at("Okta is deleted")
