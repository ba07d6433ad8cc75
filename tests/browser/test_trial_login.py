"""Test logins in a real browser: the owner's screen follows, with JavaScript and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from portal.web import widget_assets
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.test_widget import enter
from tests.needs import need
from tests.web.steps import embed
from tests.web.trial_steps import TEST
from tests.world import World


def link_of(owner: Person) -> str:
    """What the owner copies from the page."""
    found = owner.page.locator(".copy code").first.inner_text()
    assert "/test-login/" in found
    return found


def test_somebody_tests_in_another_browser_and_the_owner_s_screen_follows(
    world: World, olivia: Person, alice: Person
) -> None:
    olivia.log_in_by_password().go(TEST).at("Test login").sees("None yet").picture("test-login-empty")
    olivia.press("Test login on the web").at("Test login on the web").sees("Still to come").picture("test-login-made")
    alice.go(link_of(olivia)).at("Test login for Acme Volunteers").picture("test-login-start")
    alice.sees("What Okta says about you will be shown").press("Begin the test at Okta").sign_in()
    alice.at("It works").sees("Okta vouched for alice@acme.example").picture("test-login-result")
    # Nobody has touched the owner's browser.
    olivia.sees("Logging in with these settings works").sees("Okta vouched for alice@acme.example")
    expect(olivia.page.locator(".stage .badge-good").first).to_be_visible()
    alice.assert_anonymous()
    alice.press("Finish: sign out at Okta").at("It works").sees("You are signed out at Okta.")
    olivia.sees("Somebody signed out at Okta and was sent back here.")
    olivia.page.get_by_text("Sent, received, expected: ID token").click()
    expect(olivia.page.locator("#stage-id_token").get_by_text("at_hash")).to_be_visible()
    olivia.picture("test-login-passed")
    olivia.press("All test logins").sees("Passed").picture("test-login-list")
    olivia.assert_logged_in("password")


def test_an_owner_tests_in_their_own_browser_and_stays_who_they_are(olivia: Person) -> None:
    olivia.log_in_by_password().go(TEST).press("Test login on the web").press("Begin in this browser")
    olivia.at("Test login for Acme Volunteers").press("Begin the test at Okta").sign_in().at("It works")
    olivia.press("See every step").at("Test login on the web").sees("Okta vouched for olivia@acme.example")
    olivia.assert_logged_in("password")


def test_what_is_wrong_is_shown_with_its_way_into_okta(world: World, olivia: Person, meet: Meet) -> None:
    ben = meet("ben@acme.example")
    olivia.log_in_by_password().go(TEST).press("Test login on the web")
    ben.go(link_of(olivia)).press("Begin the test at Okta").sign_in()
    ben.at("It does not work yet").sees("Okta does not let you into POINT yet").picture("test-login-failed-result")
    olivia.sees("Assign this person").picture("test-login-failed")
    expect(olivia.page.get_by_role("link", name="Open the place in Okta")).to_have_attribute(
        "href", world.okta + "/sandbox#people"
    )
    olivia.press("Test again").at("Test login on the web").sees("Still to come")


@pytest.mark.drives("okta_test.start", "trial_login.go", "trial_login.sign_out")
def test_all_of_it_works_without_javascript(world: World, meet: Meet) -> None:
    olivia = meet("olivia@acme.example", java_script_enabled=False)
    alice = meet("alice@acme.example", java_script_enabled=False)
    olivia.log_in_by_password().go(TEST).press("Test login on the web").at("Test login on the web")
    alice.go(link_of(olivia)).press("Begin the test at Okta").sign_in().at("It works")
    expect(olivia.page.get_by_text("Logging in with these settings works")).to_be_visible(timeout=15_000)
    alice.press("Finish: sign out at Okta").at("It works").sees("You are signed out at Okta.")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_the_phone_s_page_has_its_code_to_scan(meet: Meet, javascript: bool) -> None:
    olivia = meet("olivia@acme.example", java_script_enabled=javascript)
    olivia.log_in_by_password().go(TEST).press("Test login on the phone").at("Test login on the phone")
    expect(olivia.page.get_by_role("img", name="QR code that opens the test login on a phone")).to_be_visible()
    link_of(olivia)


def test_where_people_sign_in_on_our_page_the_form_is_tried_there(world: World, olivia: Person, alice: Person) -> None:
    need(widget_assets.find_widget(widget_assets.FOLDER), "Okta's Sign-In Widget: `make node_modules/ready`")
    embed(world)
    olivia.log_in_by_password().go(TEST).press("Test login on the web")
    alice.go(link_of(olivia)).press("Begin the test with Okta's form here").sees("This is a test login.")
    enter(alice.page, alice.email)
    alice.at("It works").sees("Okta vouched for alice@acme.example").assert_anonymous()
    olivia.sees("Logging in with these settings works")
    olivia.page.get_by_text("Sent, received, expected: Tokens for the code").click()
    olivia.sees("interaction_code")
