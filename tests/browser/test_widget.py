"""Okta's real widget on our page: every way through it, and what it must never leave behind."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from portal.check_texts import TITLES
from portal.web import widget_assets
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.needs import need
from tests.web.steps import embed
from tests.world import OKTA_PASSWORD, World


@pytest.fixture(autouse=True)
def _installed() -> None:
    found = widget_assets.find_widget(widget_assets.FOLDER)
    need(found, "Okta's Sign-In Widget: install Node with npm, then `make node_modules/ready`")


@pytest.fixture
def world(world: World) -> World:
    """Acme signs in on POINT's page."""
    embed(world)
    return world


def enter(page: Page, identifier: str, password: str = OKTA_PASSWORD) -> None:
    page.locator("input[name=identifier]").fill(identifier)
    page.locator("input[type=submit]").click()
    enter_password(page, password)


def enter_password(page: Page, password: str) -> None:
    page.locator("input[name='credentials.passcode']").fill(password)
    page.locator("input[type=submit]").click()


def choose_email(page: Page) -> None:
    page.locator("a.select-factor, .authenticator-button a").first.click()


def wait_for_mail(page: Page, world: World, seen: int) -> Any:
    for _ in range(50):
        if len(world.sandbox.mailbox) > seen:
            return world.sandbox.mailbox[-1]
        page.wait_for_timeout(100)
    raise AssertionError("no mail came")


def test_somebody_signs_in_on_our_page_and_lands_where_they_wanted(alice: Person) -> None:
    alice.go("/login/acme?next=/account")
    expect(alice.page.get_by_role("link", name="Sign in on Okta's page instead")).to_be_visible()
    enter(alice.page, alice.email)
    alice.page.wait_for_url(alice.base + "/account")
    alice.assert_logged_in()


def test_a_wrong_password_can_be_put_right(alice: Person) -> None:
    alice.go("/login/acme")
    enter(alice.page, alice.email, "not the password")
    expect(alice.page.locator(".infobox-error")).to_be_visible()
    expect(alice.page.get_by_role("link", name="Sign in on Okta's page instead")).to_be_visible()
    alice.page.wait_for_timeout(1200)  # The widget draws its form anew, and what is typed meanwhile is lost.
    enter_password(alice.page, OKTA_PASSWORD)
    alice.page.wait_for_url(alice.base + "/")
    alice.assert_logged_in()


def test_somebody_who_is_not_assigned_is_told_so_and_stays_where_they_are(meet: Meet) -> None:
    ben = meet("ben@acme.example")
    ben.go("/login/acme")
    ben.page.locator("input[name=identifier]").fill(ben.email)
    ben.page.locator("input[type=submit]").click()
    expect(ben.page.locator(".infobox-error")).to_contain_text("assigned")
    ben.page.wait_for_timeout(1500)
    assert urlsplit(ben.page.url).path == "/login/acme"
    ben.assert_anonymous()


def test_a_code_by_e_mail_is_asked_for_and_typed(world: World, alice: Person) -> None:
    world.sandbox.require_email_code(alice.email)
    alice.go("/login/acme")
    seen = len(world.sandbox.mailbox)
    enter(alice.page, alice.email)
    choose_email(alice.page)
    mail = wait_for_mail(alice.page, world, seen)
    alice.page.get_by_text("Enter a verification code instead").click()
    enter_password(alice.page, mail.code)
    alice.page.wait_for_url(alice.base + "/")
    alice.assert_logged_in()


def test_the_link_of_the_e_mail_goes_on_in_the_same_browser(world: World, alice: Person) -> None:
    world.sandbox.require_email_code(alice.email)
    alice.go("/login/acme?next=/account")
    seen = len(world.sandbox.mailbox)
    enter(alice.page, alice.email)
    choose_email(alice.page)
    mail = wait_for_mail(alice.page, world, seen)
    tab = alice.context.new_page()
    tab.goto(mail.link)
    tab.wait_for_url(alice.base + "/account")
    alice.assert_logged_in()


def test_the_link_of_the_e_mail_in_another_browser_says_where_to_go_on(world: World, alice: Person, meet: Meet) -> None:
    world.sandbox.require_email_code(alice.email)
    alice.go("/login/acme")
    seen = len(world.sandbox.mailbox)
    enter(alice.page, alice.email)
    choose_email(alice.page)
    mail = wait_for_mail(alice.page, world, seen)
    other = meet()
    other.go(mail.link).at("Go on where you began").sees(mail.code)
    other.assert_anonymous()


@pytest.mark.parametrize("more_to_do", [False, True], ids=["at once", "with one more step at Okta"])
def test_an_external_provider_brings_people_back(world: World, alice: Person, more_to_do: bool) -> None:
    world.sandbox.fault("external_identity_provider")
    if more_to_do:
        world.sandbox.require_email_code(alice.email)
    alice.go("/login/acme?next=/account")
    alice.page.get_by_text("Acme Directory").first.click()
    alice.page.locator("input[name=identifier]").fill(alice.email)
    alice.page.locator("input[name=password]").fill(OKTA_PASSWORD)
    alice.page.get_by_role("button").first.click()
    if more_to_do:
        alice.page.wait_for_url(alice.base + "/login/callback?**")
        seen = len(world.sandbox.mailbox)
        choose_email(alice.page)
        alice.page.goto(wait_for_mail(alice.page, world, seen).link)
    alice.page.wait_for_url(alice.base + "/account")
    alice.assert_logged_in()


# The steps as the checks call them.
CAUSES = {
    "interaction_code_off": TITLES["interaction_code_setting"],
    "classic_engine": TITLES["engine"],
    "app_without_interaction_code": TITLES["spa.interaction_code"],
    "rule_without_interaction_code": TITLES["spa.access_policy"],
}


@pytest.mark.parametrize("cause", CAUSES)
def test_where_okta_has_it_off_people_go_to_okta_by_themselves_and_the_owner_sees_why(
    world: World, alice: Person, meet: Meet, cause: str
) -> None:
    world.sandbox.fault(cause)
    alice.go("/login/acme")
    alice.page.wait_for_url(re.compile(re.escape(world.okta)), timeout=2000)
    alice.at_okta()
    owner = meet("olivia@acme.example")
    owner.log_in_by_password()
    owner.go("/organizations/acme/integrations/okta/checks?subject=live").press("Check now")
    owner.page.get_by_role("button", name="Check again").wait_for()
    expect(owner.page.get_by_text("Checking with your Okta")).to_have_count(0)
    owner.go("/organizations/acme/integrations/okta")
    row = owner.page.locator("#embedded dt", has_text=CAUSES[cause]).locator("xpath=following-sibling::dd[1]")
    expect(row).to_contain_text("To put right")
    assert owner.page.locator("#embedded dd", has_text="To put right").count() == 1


def test_an_okta_that_does_not_trust_our_origin_gets_its_own_page(world: World, alice: Person) -> None:
    world.sandbox.origins.clear()
    alice.go("/login/acme")
    alice.page.wait_for_url(re.compile(re.escape(world.okta)), timeout=2000)


def test_a_blocked_script_leads_to_okta_by_itself(alice: Person) -> None:
    alice.page.route("**/okta-sign-in.oie.min.js*", lambda route: route.abort())
    alice.go("/login/acme")
    alice.at_okta()
    alice.faults[:] = [fault for fault in alice.faults if "ERR_FAILED" not in fault]


def test_without_javascript_the_way_to_okta_is_on_the_page(meet: Meet) -> None:
    alice = meet("alice@acme.example", java_script_enabled=False)
    alice.go("/login/acme").press("Sign in on Okta's page instead").at_okta()


def test_a_password_is_still_taken_on_the_same_page(meet: Meet) -> None:
    olivia = meet("olivia@acme.example")
    olivia.go("/login/acme")
    olivia.page.get_by_text("Log in with a password").click()
    form = olivia.page.locator("form[action='/login/acme']", has=olivia.page.locator("input[name=password]"))
    form.locator("input[name=email]").fill(olivia.email)
    form.locator("input[name=password]").fill("demo-owner-password")
    form.get_by_role("button", name="Log in").click()
    olivia.page.wait_for_url(olivia.base + "/")
    olivia.assert_logged_in("password")


@pytest.fixture
def traffic(alice: Person) -> list[str]:
    """Everything that this browser sends, with its bodies."""
    sent: list[str] = []
    alice.context.on("request", lambda asked: sent.append(f"{asked.url} {asked.post_data or ''} {asked.headers}"))
    return sent


def test_no_token_and_no_verifier_is_ever_in_the_browser(world: World, alice: Person, traffic: list[str]) -> None:
    alice.go("/login/acme?next=/account")
    page = alice.page.content()
    enter(alice.page, alice.email)
    alice.page.wait_for_url(alice.base + "/account")
    [call] = [request for request in world.sandbox.requests if request.path.endswith("/token")]
    verifier = call.form["code_verifier"][0]
    tokens = [*world.sandbox.grants.access_tokens, *world.sandbox.grants.refresh_tokens]
    kept = alice.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    cookies = json.dumps(alice.context.cookies(), default=str)
    everything = "\n".join([*traffic, page, alice.page.content(), kept, cookies])
    assert [secret for secret in (verifier, *map(str, tokens)) if secret in everything] == []
    assert re.findall(r"eyJ[\w-]{10,}\.eyJ[\w-]+\.[\w-]+", everything) == []


def test_the_policy_names_this_okta_alone_and_nothing_unsafe(world: World, alice: Person) -> None:
    answer = alice.page.goto(alice.base + "/login/acme")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert f"connect-src 'self' {world.okta};" in policy
    assert f"form-action 'self' {world.okta};" in policy
    nonces = re.findall(r"'nonce-([\w-]+)'", policy)
    assert len(set(nonces)) == 1
    again = alice.page.goto(alice.base + "/login/acme")
    assert again is not None
    assert nonces[0] not in again.headers["content-security-policy"]


def test_the_owner_looks_at_a_preview_that_logs_nobody_in(meet: Meet) -> None:
    owner = meet("olivia@acme.example")
    owner.log_in_by_password()
    owner.go("/organizations/acme/integrations/okta").press("Preview of the login page")
    owner.sees("This is a preview")
    expect(owner.page.locator("input[name=identifier]")).to_be_visible()
    assert [name for name in (cookie["name"] for cookie in owner.context.cookies()) if "attempt" in name] == []


def test_the_widget_keeps_to_its_parameters(world: World, alice: Person) -> None:
    """What it sends to interact is what the attempt says: our state, nonce and challenge, our redirect URI."""
    alice.go("/login/acme")
    expect(alice.page.locator("input[name=identifier]")).to_be_visible()
    asked = world.requests_to("/interact")[-1]
    form = {name: values[0] for name, values in asked.form.items()}
    settings = json.loads(alice.page.locator("[data-module=sign-in-widget]").get_attribute("data-settings") or "")
    assert (form["state"], form["nonce"], form["code_challenge"]) == (
        settings["state"], settings["nonce"], settings["codeChallenge"]
    )
    assert form["redirect_uri"] == f"{world.base}/login/callback"
    assert parse_qs(urlsplit(alice.page.url).query) == {}
