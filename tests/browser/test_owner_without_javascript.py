"""Everything that owners do, in a browser that runs no scripts. Each journey is led on by links and buttons alone: an
address is typed where it starts, and where it came by mail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.visitors import by_okta, by_password
from tests.dns_server import NameServer
from tests.web.okta_only_steps import CODE
from tests.web.one_click import Empty, empty_okta, wait_for_checks
from tests.web.test_members import NEW, mailed
from tests.world import OKTA_PASSWORD, POINT_PASSWORD, World

OTHER_ID = "0oaUnknown0000000001"


@pytest.fixture
def world(named_world: World) -> World:
    return named_world


@pytest.fixture
def olivia(world: World, meet: Meet) -> Person:
    """At home, logged in with her password."""
    return meet(java_script_enabled=False).become(by_password(world.olivia)).go("/")


def choose(person: Person, label: str, option: str) -> Person:
    person.page.locator("select").and_(person.page.get_by_label(label, exact=True)).first.select_option(option)
    return person


def log_in_there(person: Person, password: str = POINT_PASSWORD) -> Person:
    """On the organization's own page, with the password."""
    person.page.get_by_text("Log in with a password").click()
    return person.type("E-mail address", person.email).type("Password", password).press("Log in")


@pytest.mark.drives(
    "members.invite", "members.drop", "invitation.accept_now", "members.index", "members.role", "members.remove",
    "sessions.end_of_member", "login.continue_", "login.organization_password", "organizations.switch",
)  # fmt: skip
def test_members_from_their_invitation_to_their_end_need_no_javascript(
    world: World, olivia: Person, meet: Meet
) -> None:
    olivia.press("Members").type("E-mail address", "nina").press("Send invitation").sees("whole work e-mail")
    for email, role in (("wrong@elsewhere.example", "Volunteer"), ("nina@elsewhere.example", "Admin"),
                        ("gus@globex.example", "Volunteer")):  # fmt: skip
        olivia.type("E-mail address", email).page.locator("#invited-role").select_option(role)
        olivia.press("Send invitation").sees("The invitation is on its way.")
    olivia.press("Take back the invitation of wrong@elsewhere.example").sees("The invitation is taken back.")

    nina = meet("nina@elsewhere.example", java_script_enabled=False)
    nina.go(mailed(world, "wrong@elsewhere.example")).at("This invitation is not good any more")
    nina.press("Go to the home page").at("Welcome to POINT")
    nina.go(mailed(world, nina.email)).at("Join Acme Volunteers")
    nina.type("Your name", "Nina New").type("New password", NEW).type("New password again", NEW + "s")
    nina.press("Join Acme Volunteers").sees("exactly as above")
    nina.type("New password", NEW).type("New password again", NEW).press("Join Acme Volunteers")
    nina.at("Log in to Acme Volunteers").type("E-mail address", nina.email).type("Password", NEW).press("Log in")
    nina.at("Hello Nina New").press("Members").sees("You")

    gus = meet("gus@globex.example", java_script_enabled=False)
    invited = mailed(world, gus.email)
    olivia.go(invited).sees("You are logged in as olivia@acme.example. Log out first")
    gus.go(invited).press("Log in to join").enter_email().type("Password", POINT_PASSWORD).press("Log in")
    gus.at("Join Acme Volunteers").press("Join Acme Volunteers").sees("You are a member of Acme Volunteers now.")
    gus.press("Go to Acme Volunteers").at("Hello Gus", "/")
    assert gus.session()["organization"] == "acme"

    olivia.go("/").press("Members").type("Name or e-mail address", "nina").press("Search").sees("1 member")
    olivia.press("Manage Nina New").page.get_by_label("Volunteer").check()
    olivia.press("Change role").sees("The role is changed.")
    nina.press("Members").at("Your role does not allow this").press("Go to the home page").at("Hello Nina New")
    olivia.press("Manage Nina New").press("Sessions of Nina New").at("Sessions of Nina New")
    olivia.page.get_by_role("button", name=re.compile("End this session")).click()
    olivia.sees("1 session has ended.").sees("Not logged in anywhere")
    nina.press("Account").at("An owner of your organization ended your login").press("Log in again")
    log_in_there(nina, NEW).at("Your account")
    olivia.press("Nina New").press("Sessions of Nina New").press("End all sessions").sees("1 session has ended.")
    olivia.press("Nina New").press("Remove Nina New").at("Remove Nina New?").press("Cancel and keep them")
    olivia.press("Remove Nina New").at("Remove Nina New?").press("Remove Nina New")
    olivia.sees("Removed. Their sessions here have ended.")
    nina.press("Home").at("An owner of your organization ended your login").press("Log in again")
    log_in_there(nina, NEW).sees("That e-mail address and password do not fit together").assert_anonymous()


@pytest.mark.drives("domains.claim", "domains.check", "domains.drop", "domains.remove", "activity.index")
def test_domains_and_the_search_in_the_activity_need_no_javascript(
    world: World, names: NameServer, olivia: Person
) -> None:
    olivia.press("Domains").press("Remove acme.example").sees("This is the last domain, and Okta login is on")
    olivia.press("Back to Domains").type("E-mail domain", "gmail.com").press("Add domain")
    olivia.sees("Anybody can have an address there.").type("E-mail domain", "mistyped.test").press("Add domain")
    olivia.sees("add a record of type TXT").press("Give up mistyped.test").sees("You can take the record out")
    olivia.type("E-mail domain", "acme.test").press("Add domain").press("Check now").sees("The record is not there yet")
    names.records["_point.acme.test"] = [olivia.page.locator(".copy code").last.inner_text()]
    olivia.press("Check now").sees("Verified. People").press("Remove acme.test").at("Remove acme.test?")
    olivia.press("Cancel and keep it").press("Remove acme.test").press("Remove domain").sees("Removed.")
    expect(olivia.page.get_by_text("acme.test")).to_have_count(0)
    choose(olivia.press("Activity"), "What", "People and domains").press("Search")
    expect(olivia.page.locator(".event-text").first).to_contain_text("acme.test")
    olivia.press("Show everything").sees("Logged in")


@pytest.mark.drives(
    "session_length.save", "okta_test.start", "trial_login.go", "security.switch_on", "security.confirm",
    "security.make_codes", "security.switch_off", "login.recover",
)  # fmt: skip
def test_okta_only_recovery_and_session_limits_need_no_javascript(world: World, olivia: Person, meet: Meet) -> None:
    choose(olivia.press("Security"), "Logged out in any case after", "7 days").press("Save these limits")
    olivia.sees("Saved. It counts for everybody who is logged in now, too.")
    olivia.press("Go to the test login").press("Test login on the web").press("Begin in this browser")
    olivia.press("Begin the test at Okta").sign_in(username="olivia@acme.example").at("It works")
    olivia.press("See every step").press("Security").press("Switch on Okta only").at("Your recovery codes")
    codes = CODE.findall(olivia.page.locator("code").inner_text())
    with olivia.page.expect_download() as saved:
        olivia.press("Save as a text file")
    assert CODE.findall(saved.value.path().read_text()) == codes
    olivia.press("I have kept them: go on").at("Security").sees("15 minutes left")
    world.clock.forward(2)
    olivia.page.locator("main").get_by_role("link", name="Log in with Okta").click()
    olivia.at("Security").press("Confirm").sees("Confirmed. From now on people log in with Okta only")

    lost = meet("olivia@acme.example", java_script_enabled=False).go("/login/acme").press("Use a recovery code")
    lost.type("E-mail address", lost.email).type("Recovery code", "x").press("Log in").sees("do not fit together")
    lost.type("Recovery code", codes[0].lower()).press("Log in").sees("You have 7 codes left.")
    olivia.press("Make new codes").at("Your recovery codes").press("I have kept them: go on").at("Security")
    lost.press("Home").at("New recovery codes have been made").press("Log in again").at("Log in to Acme Volunteers")
    olivia.press("Switch off Okta only").sees("Okta only is off. Passwords work again.")


@pytest.mark.drives(
    "integrations.save_okta", "integrations.okta_throw_away", "integrations.okta_switch_on", "okta_versions.restore"
)
def test_drafts_and_earlier_settings_need_no_javascript(world: World, olivia: Person) -> None:
    olivia.press("Integrations").press("Manage Okta").type("SPA: Okta Client ID", OTHER_ID).press("Save")
    olivia.sees("Kept as a draft; what is live has not changed").press("Throw the draft away").sees("The draft is gone")
    olivia.type("Native App: Okta Client ID (Native App)", "").type("Native App: Okta Domain (Native App)", "")
    olivia.press("Save as a draft").sees("Kept as a draft. What is live has not changed.")
    olivia.press("Switch on").sees("Switched on. People log in with these settings from now on.")
    olivia.press("Versions").at("Versions").sees("Draft switched on")
    olivia.page.get_by_role("button", name="Restore the settings of").first.click()
    olivia.sees("Restored. People log in with these settings from now on.")


@pytest.mark.drives("integrations.save_okta", "login.again_by_password")
def test_logging_in_once_more_before_a_change_needs_no_javascript(world: World, olivia: Person, meet: Meet) -> None:
    by_her_okta = meet("olivia@acme.example", java_script_enabled=False).become(by_okta(world.olivia)).go("/")
    for person in (olivia, by_her_okta):
        person.press("Integrations").press("Manage Okta")
        person.type("Native App: Okta Client ID (Native App)", "").type("Native App: Okta Domain (Native App)", "")
    world.clock.forward(16 * 60)
    olivia.press("Save").at("Please log in once more").type("Password", "wrong").press("Log in and send")
    olivia.sees("do not fit together").type("Password", POINT_PASSWORD).press("Log in and send").sees("Saved.")

    person = by_her_okta.press("Save").at("Please log in once more")
    with person.context.expect_page() as opened:
        person.press("Sign in at Okta")
    tab = opened.value
    tab.get_by_text("Use a password instead").click()
    tab.get_by_label("Password of").fill(POINT_PASSWORD)
    tab.get_by_role("button", name="Log in again").click()
    tab.get_by_text("You have logged in just now").wait_for()
    tab.get_by_role("link", name="Sign in at Okta").click()
    tab.get_by_label("Username").fill("olivia@acme.example")
    tab.get_by_label("Password").fill(OKTA_PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.get_by_text("You have logged in just now").wait_for()
    # Somebody else has saved meanwhile, and is not overwritten.
    person.press("Send again").sees("Somebody else changed this meanwhile").press("See what is stored now").at("Okta")


@pytest.mark.drives("okta_guide.show", "okta_setup.terraform")
def test_the_guide_s_links_and_the_files_need_no_javascript(world: World, meet: Meet) -> None:
    gus = meet(java_script_enabled=False).become(by_password(world.gus)).go("/")
    gus.press("Connect Okta").press("Follow the guide").type("Your Okta domain", "acme.okta.com")
    gus.press("Show the links").press("Start: Get an Okta account").press("Next: Add POINT to Okta (SPA)")
    link = gus.page.get_by_role("link", name="Open in Okta").first
    assert (link.get_attribute("href") or "").startswith("https://acme-admin.okta.com/")
    gus.press("One-click set-up").type("Okta domain for the file", "hilltop.okta.com")
    for kind in ("Terraform", "a curl script"):
        with gus.page.expect_download() as saved:
            gus.press(f"Download as {kind}")
        assert "hilltop" in saved.value.path().read_text()


@pytest.mark.drives("okta_setup.start", "okta_setup.stop", "okta_setup.resume", "okta_setup.undo")
def test_a_set_up_that_is_stopped_resumed_and_undone_needs_no_javascript(world: World, meet: Meet) -> None:
    with empty_okta(world) as found:
        empty = Empty(found.sandbox, found.okta.replace("localhost", "127.0.0.1"))
        gus = meet(okta=empty.okta, java_script_enabled=False).become(by_password(world.gus)).go("/")
        gus.press("Connect Okta").press("Set up by one click").type("Okta domain", empty.okta)
        gus.type("Okta API token", "nonsense").press("Set up now").sees("Nothing was done yet: one thing to put right")
        gus.type("Okta API token", "sandbox-token").press("Look first")
        wait_for(gus, "Nothing has been changed yet.")
        empty.sandbox.fault("management_rate_limited")
        gus.type("Okta domain", empty.okta).type("Okta API token", "sandbox-token").press("Set up now")
        wait_for(gus, "asks us to wait")
        gus.press("Stop")
        wait_for(gus, "Stopped half-way.")
        empty.sandbox.fault("management_rate_limited", on=False)
        gus.type("Okta API token to go on", "sandbox-token").press("Resume")
        wait_for(gus, "Done: Okta is set up, and POINT is connected.")
        assert len(empty.sandbox.apps) == 2
        wait_for_checks(world)
        gus.page.get_by_text("Undo this set-up").click()
        gus.type("Okta API token to undo it", "sandbox-token").press("Undo")
        wait_for(gus, "Taken back:")
        assert len(empty.sandbox.apps) == 0


def wait_for(person: Person, text: str) -> None:
    """The page follows by itself."""
    expect(person.page.get_by_text(text).first).to_be_visible(timeout=30_000)
