"""The pages of an organization's Okta, judged as all pages are: settings and drafts, versions, deleting, checks, test
logins and the one-click set-up."""

from __future__ import annotations

from playwright.sync_api import expect

from portal.watching import watch
from portal.web import widget_assets
from tests.browser.conftest import Meet
from tests.browser.judge import Judge
from tests.browser.person import Person
from tests.browser.visitors import by_okta, by_password
from tests.needs import need
from tests.web.one_click import SETUP, Empty, empty_okta, wait_for_checks
from tests.web.steps import connect, embed
from tests.web.test_okta_checks import CHECKS, a_host_that_says_nothing, check, draft
from tests.web.test_watching import break_redirect_uri, look_again
from tests.web.trial_steps import TEST
from tests.world import Visitor, World

OKTA = "/organizations/acme/integrations/okta"
TOKEN = "sandbox-token-short-lived"


def globex(path: str) -> str:
    return path.replace("acme", "globex")


def test_the_pages_of_the_settings(world: World, judge: Judge, meet_open: Meet) -> None:
    eye = meet_open().become(by_password(world.olivia))
    judge(eye.go("/organizations/acme/integrations"), "integrations.index: connected")
    judge(eye.go(OKTA), "integrations.okta: connected")
    eye.page.get_by_text("Advanced").click()
    eye.type("Authorization server", "no such").type("SPA: Okta Domain", "acme").type("SPA: Okta Client ID", "")
    judge(eye.press("Save").sees("things to put right"), "integrations.save_okta: refused")
    judge(eye.go(OKTA).press("Save").sees("Saved."), "integrations.okta: saved")
    eye.go(OKTA).type("SPA: Okta Client ID", "0oaUnknown0000000001").press("Save")
    judge(eye, "integrations.save_okta: kept as a draft")
    judge(eye.go(OKTA), "integrations.okta: a draft")
    judge(eye.go("/organizations/acme/integrations"), "integrations.index: connected, and a draft")
    judge(eye.go(OKTA + "/versions"), "okta_versions.show: two")
    eye.become(by_password(world.person("adam@acme.example")))
    judge(eye.go(OKTA), "integrations.okta: admin")
    eye.become(by_password(world.gus))
    judge(eye.go(globex("/organizations/acme/integrations")), "integrations.index: not connected")
    judge(eye.go(globex(OKTA)), "integrations.okta: not connected")
    judge(eye.go(globex(OKTA + "/versions")), "okta_versions.show: none")


def test_the_pages_of_what_turned_wrong_and_of_signing_in_on_our_page(
    world: World, judge: Judge, meet_open: Meet
) -> None:
    need(widget_assets.find_widget(widget_assets.FOLDER), "Okta's Sign-In Widget: `make node_modules/ready`")
    embed(world)
    watch(world.services)
    eye = meet_open().become(by_password(world.olivia)).go(OKTA + "/preview")
    expect(eye.page.locator("input[name=identifier]")).to_be_visible()
    judge(eye, "integrations.okta_preview: the form", without="#okta-sign-in")
    eye.become(world.stranger).go("/login/acme")
    expect(eye.page.locator("input[name=identifier]")).to_be_visible()
    judge(eye, "login.organization: with Okta's form", without="#okta-sign-in")
    world.sandbox.origins.clear()
    break_redirect_uri(world)
    look_again(world)
    judge(eye.become(by_password(world.olivia)).go(OKTA).sees("changed in Okta"), "integrations.okta: turned wrong")


def test_the_pages_of_deleting(world: World, judge: Judge, meet_open: Meet) -> None:
    by_okta(world.alice)
    eye = meet_open().become(by_okta(world.olivia))
    judge(eye.go(OKTA + "/delete"), "integrations.okta_delete: logs oneself out")
    eye.press("Delete Integration").sees("you are logged out now")
    judge(eye, "login.organization: Okta is deleted")
    judge(eye.become(by_password(world.olivia)).go(OKTA + "/deleted"), "integrations.okta_deleted: just now")
    judge(eye.go(OKTA), "integrations.okta: deleted")
    judge(eye.go("/"), "home.index: Okta is deleted")
    judge(eye.go(OKTA + "/versions"), "okta_versions.show: deleted")
    judge(eye.go(OKTA).press("Undo").sees("Undone."), "integrations.okta: undone")
    judge(eye.go(OKTA + "/delete"), "integrations.okta_delete: with a password")
    eye.become(by_password(world.person("adam@acme.example")))


def break_a_lot(world: World) -> None:
    """Embedded sign-in is wanted, and much of what it needs is not there."""
    embed(world)
    app = world.sandbox.app(world.sandbox.client_id("spa"))
    app.oauth["redirect_uris"] = ["https://elsewhere.example/"]
    app.oauth["grant_types"].remove("refresh_token")
    world.sandbox.fault("app_without_interaction_code")


def test_the_pages_of_the_checks(world: World, judge: Judge, meet_open: Meet) -> None:
    olivia = by_password(world.olivia)
    eye = meet_open().become(olivia)
    judge(eye.go(CHECKS), "okta_checks.show: none yet")
    check(world, olivia)
    judge(eye.go(CHECKS), "okta_checks.show: right")
    break_a_lot(world)
    judge(eye.go(CHECKS).sees("have changed since"), "okta_checks.show: changed since")
    check(world, olivia)
    for summary in eye.go(CHECKS).page.locator("summary").all():
        summary.click()
    judge(eye, "okta_checks.show: wrong")
    with a_host_that_says_nothing() as dead:
        draft(world, spa_domain=dead)
        judge(eye.go(CHECKS).press("Check now").sees("Checking with your Okta"), "okta_checks.show: running")
        expect(eye.page.get_by_text("by olivia@acme.example.")).to_be_visible(timeout=15_000)
    judge(eye.sees("could not be asked"), "okta_checks.show: silent")
    judge(eye.become(by_password(world.person("adam@acme.example"))).go(CHECKS), "okta_checks.show: admin")
    judge(eye.become(by_password(world.gus)).go(globex(CHECKS)).at("Checks"), "okta_checks.show: nothing to check")


def link_of(owner: Person) -> str:
    return owner.page.locator(".copy code").first.inner_text()


def test_the_pages_of_test_logins(world: World, judge: Judge, meet_open: Meet) -> None:
    eye, ben = meet_open("olivia@acme.example").become(by_password(world.olivia)), meet_open("ben@acme.example")
    judge(eye.go(TEST).at("Test login"), "okta_test.index: none yet")
    judge(eye.press("Test login on the web").at("Test login on the web"), "okta_test.show: to begin")
    judge(ben.go(link_of(eye)).at("Test login for Acme Volunteers"), "trial_login.show: to begin")
    ben.press("Begin the test at Okta").sign_in().at("It does not work yet")
    judge(ben, "trial_login.show: failed")
    eye.sees("Assign this person")
    for summary in eye.page.locator(".stage summary").all():
        summary.click()
    judge(eye, "okta_test.show: failed, all open")
    eye.press("Test again").at("Test login on the web").press("Begin in this browser")
    eye.press("Begin the test at Okta").sign_in().at("It works")
    judge(eye, "trial_login.show: works")
    judge(eye.press("See every step").at("Test login on the web"), "okta_test.show: passed")
    judge(eye.go(TEST), "okta_test.index: earlier ones")
    judge(eye.press("Test login on the phone").at("Test login on the phone"), "okta_test.show: on the phone")
    judge(ben.go(link_of(eye)).at("Test login for Acme Volunteers"), "trial_login.show: on the phone")
    judge(ben.go("/test-login/nothing").at("This link to a test login is over"), "trial_login.show: over")
    judge(eye.become(by_password(world.gus)).go(globex(TEST)), "okta_test.index: nothing to test")


def begin(eye: Person, empty: Empty, button: str, token: str = TOKEN) -> Person:
    eye.go(SETUP).type("Okta domain", empty.okta)
    return eye.type("Okta API token", token).press(button)


def wait_for(eye: Person, text: str) -> Person:
    expect(eye.page.get_by_text(text).first).to_be_visible(timeout=30_000)
    return eye


def test_the_pages_of_the_one_click_set_up(world: World, judge: Judge, meet_open: Meet) -> None:
    gus: Visitor = by_password(world.gus)
    with empty_okta(world) as found:
        empty = Empty(found.sandbox, found.okta.replace("localhost", "127.0.0.1"))
        eye = meet_open("gus@globex.example", okta=empty.okta).become(gus)
        judge(eye.go(SETUP), "okta_setup.show: first")
        begin(eye, empty, "Set up now", "0oaAbcdefghij1234567")
        judge(eye.sees("That is a Client ID"), "okta_setup.start: refused")
        judge(wait_for(begin(eye, empty, "Look first"), "Nothing has been changed yet."), "okta_setup.show: looked")
        empty.sandbox.fault("management_rate_limited")
        wait_for(begin(eye, empty, "Set up now"), "asks us to wait")
        judge(eye, "okta_setup.show: running")
        empty.sandbox.fault("management_rate_limited", on=False)
        empty.sandbox.fault("management_origins_500")
        judge(wait_for(eye, "Stopped half-way."), "okta_setup.show: stopped")
        empty.sandbox.clear_faults()
        empty.sandbox.settings.interaction_code = False
        wait_for(begin(eye, empty, "Set up now"), "One step is left")
        eye.page.get_by_text("Undo this set-up").click()
        judge(eye, "okta_setup.show: done")
        wait_for_checks(world)
        eye.type("Okta API token to undo it", "sandbox-token").press("Undo")
        judge(wait_for(eye, "Taken back:"), "okta_setup.show: undone")
        connect(world, world.globex_id, world.sandbox, world.okta)
        judge(eye.go(SETUP).sees("kept as a draft"), "okta_setup.show: first beside what is live")
        wait_for(begin(eye, empty, "Set up now", "sandbox-token"), "Other settings are live and stay so")
        judge(eye.sees("What would change"), "okta_setup.show: a draft")
        wait_for_checks(world)
