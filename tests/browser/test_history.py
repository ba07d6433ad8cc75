"""Two tabs, Back, reload, an old link, a late return: each ends at home or at a page that says what happened."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from portal.store.members import add_member
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.test_modes import begin
from tests.world import _HASH, OKTA_PASSWORD, World

UNKNOWN = "This login was not started here"


def sign_in_at(tab: Page, email: str) -> None:
    tab.get_by_label("Username").fill(email)
    tab.get_by_label("Password").fill(OKTA_PASSWORD)
    tab.get_by_role("button", name="Sign in").click()


def listen_for_the_callback(person: Person) -> list[str]:
    """The addresses of the callback that this browser comes by."""
    seen: list[str] = []
    person.context.on("request", lambda request: seen.append(request.url) if "/callback?" in request.url else None)
    return seen


def test_two_tabs_that_log_in_at_once_both_land(alice: Person) -> None:
    other = alice.new_tab()
    alice.go("/login/acme/okta?next=%2Faccount").at_okta()
    other.goto(alice.base + "/login/acme/okta")
    sign_in_at(other, alice.email)
    expect(other.get_by_role("heading", level=1)).to_have_text("Hello Alice Andersson")
    alice.sign_in().at("Your account", "/account")
    other.reload()
    expect(other.get_by_role("heading", level=1)).to_have_text("Hello Alice Andersson")


def test_six_logins_begun_in_one_browser_leave_the_last_ones_good(alice: Person) -> None:
    first = begin(alice)
    for _ in range(5):
        last = begin(alice)
    alice.go(last).sign_in().at("Hello Alice Andersson", "/")
    alice.go(first).at("Hello Alice Andersson", "/")


def test_a_form_left_open_while_another_tab_logs_in_as_somebody_else_changes_nothing(
    world: World, olivia: Person
) -> None:
    with world.services.db.writing() as connection:
        now = world.services.now()
        add_member(connection, world.acme_id, "oscar@acme.example", role="owner", now=now, password_hash=_HASH)
    olivia.log_in_by_password().go("/organizations/acme/integrations/okta/delete").at("Delete the Okta integration?")
    other = olivia.new_tab()
    other.goto(olivia.base + "/")
    other.get_by_role("button", name="Log out", exact=True).click()
    other.goto(olivia.base + "/login/acme?with=password")
    other.get_by_label("E-mail address").fill("oscar@acme.example")
    other.get_by_label("Password").fill("demo-owner-password")
    other.get_by_role("button", name="Log in", exact=True).click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Hello Oscar")
    olivia.press("Delete Integration").at("You are logged in differently now").sees("Nothing was changed.")
    olivia.picture("problem-session-changed")
    olivia.go("/login/acme/okta").at_okta()


def test_back_to_okta_after_the_login_comes_home_again(alice: Person) -> None:
    alice.go("/login/acme").press("Log in with Okta").sign_in().at("Hello Alice Andersson", "/")
    alice.page.go_back()
    alice.page.wait_for_load_state()
    if alice.page.url.startswith(alice.okta):
        alice.sign_in()
    alice.at("Hello Alice Andersson", "/").assert_logged_in()


def test_back_to_okta_before_signing_in_and_forward_again_goes_through(alice: Person) -> None:
    alice.go("/login/acme").press("Log in with Okta").at_okta()
    alice.page.go_back()
    alice.at("Log in to Acme Volunteers").press("Log in with Okta").sign_in().at("Hello Alice Andersson", "/")


def test_the_callback_s_address_opened_again_goes_home(alice: Person) -> None:
    seen = listen_for_the_callback(alice)
    alice.log_in().go(seen[0]).at("Hello Alice Andersson", "/")
    assert len(seen) == 2


def test_the_callback_s_address_after_the_logout_or_in_another_browser_opens_nothing(alice: Person, meet: Meet) -> None:
    seen = listen_for_the_callback(alice)
    alice.log_in().press("Log out").at("Welcome to POINT")
    alice.go(seen[0]).at(UNKNOWN).assert_anonymous()
    alice.page.reload()
    alice.at(UNKNOWN).picture("problem-not-started-here")
    mallory = meet()
    mallory.go(seen[0]).at(UNKNOWN).assert_anonymous()
    mallory.press("Try again").at("Log in", "/login")


def test_a_link_with_a_stranger_s_code_cannot_log_me_in_as_him(alice: Person, meet: Meet) -> None:
    """Login forgery: Olivia stops before the callback and gives Alice the link."""
    olivia = meet("olivia@acme.example")
    seen = listen_for_the_callback(olivia)
    olivia.context.route("**/login/callback?*", lambda route: route.abort())
    address = begin(olivia)
    olivia.go(address).at_okta()
    answer = olivia.context.request.post(
        olivia.okta + "/login/login.htm",
        form={
            "stateToken": olivia.page.locator("[name=stateToken]").input_value(),
            "identifier": olivia.email,
            "password": OKTA_PASSWORD,
        },
        max_redirects=0,
    )
    assert seen == []
    alice.go(answer.headers["location"]).at(UNKNOWN).assert_anonymous()
    olivia.context.unroute_all()
    olivia.go(answer.headers["location"]).at("Hello Olivia", "/")


def test_a_login_that_took_too_long_is_told_so_and_begins_again(world: World, alice: Person) -> None:
    alice.go("/login/acme/okta?next=%2Faccount").at_okta()
    world.clock.forward(world.settings.attempt_seconds + 1)
    alice.sign_in().at("This login took too long").picture("problem-expired")
    alice.assert_anonymous()
    alice.press("Try again").at("Your account", "/account").assert_logged_in()


def test_a_login_that_was_cancelled_at_okta_is_told_so_and_begins_again(alice: Person) -> None:
    state = begin(alice).split("state=")[1].split("&")[0]
    alice.go(f"/login/callback?state={state}&error=access_denied&error_description=The+resource+owner+denied")
    alice.at("The sign-in at Okta was cancelled").picture("problem-cancelled")
    alice.page.reload()
    alice.at(UNKNOWN).assert_anonymous()
    alice.press("Try again").enter_email().sign_in().at("Hello Alice Andersson", "/")


def test_settings_saved_while_somebody_is_at_okta_let_nobody_half_in(world: World, alice: Person) -> None:
    alice.go("/login/acme/okta").at_okta()
    world.connect(native_client_id="", native_domain="")
    alice.sign_in().at("Your organization's Okta settings changed meanwhile").assert_anonymous()
    alice.press("Try again").at("Hello Alice Andersson", "/")
