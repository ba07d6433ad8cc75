"""Drafts, versions, "Okta only" and recovery in a real browser: whole journeys."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.okta_only_steps import CODE, SECURITY, mark_trial
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"


def pass_trial(world: World, person: Person) -> None:
    """A test login counts in this browser."""
    value = "b" * 43
    person.context.add_cookies([{"name": "point_browser", "value": value, "url": world.base}])
    mark_trial(world, person.email, value)


def keep_a_draft(owner: Person) -> None:
    owner.go(OKTA).type("SPA: Okta Client ID", "0oaUnknown0000000001").press("Save")


def test_an_owner_tries_settings_out_and_switches_them_on(world: World, olivia: Person) -> None:
    olivia.log_in_by_password()
    keep_a_draft(olivia)
    olivia.sees("Kept as a draft; what is live has not changed: one thing to put right")
    expect(olivia.page.locator("[autofocus]")).to_be_focused()
    olivia.go(OKTA).type("SPA: Okta Client ID", world.sandbox.client_id("spa"))
    olivia.page.get_by_label("On POINT's page").check()
    olivia.press("Save as a draft").sees("Kept as a draft. What is live has not changed.")
    olivia.press("Switch on").sees("Switched on. People log in with these settings from now on.")
    olivia.press("Versions").at("Versions", OKTA + "/versions").sees("Draft switched on")
    olivia.page.get_by_role("button", name="Restore the settings of").first.click()
    olivia.sees("Restored. People log in with these settings from now on.")


def test_an_owner_switches_passwords_off_and_confirms_it(world: World, olivia: Person, meet: Meet) -> None:
    olivia.log_in_by_password().go(SECURITY).sees("First, a test login")
    pass_trial(world, olivia)
    olivia.go(SECURITY).press("Switch on Okta only").at("Your recovery codes")
    codes = CODE.findall(olivia.page.locator("code").inner_text())
    with olivia.page.expect_download() as saved:
        olivia.press("Save as a text file")
    assert saved.value.suggested_filename == "point-recovery-codes.txt"
    text = saved.value.path().read_text()
    assert CODE.findall(text) == codes
    assert f"{world.base}/login/recovery" in text
    olivia.press("I have kept them: go on").at("Security", SECURITY).sees("15 minutes left")
    world.clock.forward(2)
    olivia.page.locator("main").get_by_role("link", name="Log in with Okta").click()
    olivia.sign_in().at("Security", SECURITY)
    olivia.press("Confirm").sees("Confirmed. From now on people log in with Okta only")
    olivia.assert_logged_in("okta")
    other = meet("olivia@acme.example")
    other.go("/login/acme").press("Use a recovery code").at("Use a recovery code")
    other.type("E-mail address", other.email).type("Recovery code", codes[0].lower()).press("Log in")
    other.at("Security").sees("You have 7 codes left.")
    other.press("Switch off Okta only").sees("Passwords work again")
