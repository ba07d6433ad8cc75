"""Logging in with Okta, from every place where one can begin."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.world import World


def test_a_work_address_and_okta_s_page_lead_home(world: World, alice: Person) -> None:
    alice.go("/").at("Welcome to POINT").press("Log in").at("Log in", "/login").enter_email()
    alice.at_okta()
    expect(alice.page.get_by_label("Username")).to_have_value("alice@acme.example")
    expect(alice.page.get_by_label("Password")).to_be_focused()
    alice.sign_in().at("Hello Alice Andersson", "/")
    session = alice.session()
    assert session.pop("expires_at") > world.clock()
    assert session == {
        "authenticated": True, "email": "alice@acme.example", "organization": "acme", "role": "volunteer",
        "method": "okta",
    }  # fmt: skip
    kept = {cookie["name"]: cookie for cookie in alice.context.cookies() if cookie["name"].startswith("point_")}
    assert set(kept) == {"point_session"}
    assert (kept["point_session"]["httpOnly"], kept["point_session"]["sameSite"]) == (True, "Lax")


def test_the_organization_s_own_page_leads_home(alice: Person) -> None:
    alice.go("/login/acme").at("Log in to Acme Volunteers").press("Log in with Okta").sign_in()
    alice.at("Hello Alice Andersson", "/").assert_logged_in()


def test_the_page_that_was_asked_for_is_where_one_lands(alice: Person) -> None:
    alice.go("/account").at("Log in").enter_email().sign_in().at("Your account", "/account").sees("With Okta")


def test_the_way_by_an_organization_s_own_page_keeps_the_page_that_was_asked_for(alice: Person) -> None:
    alice.go("/login/acme?next=%2Faccount").press("Log in with Okta").sign_in().at("Your account", "/account")


def test_a_wrong_password_at_okta_is_okta_s_business_and_the_next_one_goes_through(alice: Person) -> None:
    alice.go("/login/acme/okta").sign_in("wrong")
    alice.sees("Unable to sign in").assert_anonymous()
    alice.sign_in().at("Hello Alice Andersson", "/")


def test_while_okta_s_session_lives_the_second_login_asks_for_nothing(alice: Person) -> None:
    """The silent mode: one chain of redirects, from our page to our page."""
    alice.log_in()
    alice.context.clear_cookies(name="point_session")
    alice.assert_anonymous()
    seen: list[str] = []
    alice.page.on("response", lambda response: seen.append(f"{response.status} {response.url.partition('?')[0]}"))
    alice.go("/account").enter_email().at("Your account", "/account").assert_logged_in()
    assert not any(line.endswith("/login/login.htm") for line in seen)
    assert f"303 {alice.base}/login/callback" in seen


def test_the_tile_in_okta_s_dashboard_logs_in(alice: Person) -> None:
    """A login that another site starts: nothing of ours is in the browser yet."""
    alice.go(f"/login/initiate?iss={alice.okta}&login_hint=alice@acme.example").sign_in()
    alice.at("Hello Alice Andersson", "/").assert_logged_in()


def test_an_address_without_okta_gets_the_password_step(meet: Meet) -> None:
    gus = meet("gus@globex.example")
    gus.go("/login").enter_email().at("Enter your password")
    expect(gus.page.get_by_label("Password")).to_be_focused()
    gus.picture("login-password")
    gus.type("Password", "wrong").press("Log in").at("Enter your password")
    gus.sees("That e-mail address and password do not fit together").picture("login-password-refused")
    gus.type("Password", "demo-owner-password").press("Log in").at("Hello Gus", "/")
    gus.assert_logged_in("password")


def test_somebody_okta_has_not_assigned_is_told_so_and_not_sent_round_in_circles(meet: Meet) -> None:
    ben = meet("ben@acme.example")
    ben.go("/login").enter_email().sign_in().at("Okta does not let you into POINT yet").sees("Reference")
    ben.picture("problem-not-assigned")
    ben.assert_anonymous()
    ben.press("Try again").at("Okta does not let you into POINT yet")
    ben.press("Go to the home page").at("Welcome to POINT", "/")


@pytest.mark.parametrize("path", ["/account", "/organizations/acme/integrations/okta"])
def test_a_page_for_members_first_asks_who_it_is(meet: Meet, path: str) -> None:
    stranger = meet()
    stranger.go(path).at("Log in")
    assert "next=" in stranger.page.url


def test_a_volunteer_gets_no_way_to_the_organization_s_pages(alice: Person) -> None:
    alice.log_in()
    expect(alice.page.get_by_role("link", name="Integrations")).to_have_count(0)
    alice.go("/organizations/acme/integrations").at("Your role does not allow this").picture("problem-forbidden")
    alice.go("/organizations/globex/integrations").at("This page does not exist")
