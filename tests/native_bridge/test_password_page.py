"""Logging in to the app by the portal's own page: with a password, or by the web's app in Okta."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.native_bridge.steps import USED, Phone, delete_okta, link_on, said
from tests.pages import Page
from tests.web.steps import assert_turned_away, query_of
from tests.world import POINT_PASSWORD, Visitor, World

NOT_STARTED, USED_ALREADY, TOO_LONG = (
    "This login was not started here",
    "This login has already been used",
    "This login took too long",
)


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    """Olivia's; nothing has begun yet."""
    return Phone(world, "olivia@acme.example")


def open_page(phone: Phone, browser: Visitor | None = None, **wish: Any) -> requests.Response:
    """Begins a login by POINT's page and opens it."""
    assert phone.start(**{"method": "password", **wish}).status_code == 201
    return (browser or phone.browser).get(phone.begun["authorization_url"])


def give_password(browser: Visitor, page: requests.Response) -> requests.Response:
    return browser.submit(page, email=browser.email, password=POINT_PASSWORD)


def press(browser: Visitor, page: requests.Response, button: str, **more: str) -> requests.Response:
    """A button of the page that asks whether this person shall go on; `more` is what the button itself sends."""
    form = Page(page.text).form_with("state", button=button)
    return browser.follow(browser.step(form.action, method="POST", data={**form.fields, **more}))


# -- nobody is logged in -----------------------------------------------------------------------------------------------


def test_a_password_leads_to_the_app(world: World, phone: Phone) -> None:
    page = open_page(phone, login_hint="olivia@acme.example")
    assert page.url.startswith(f"{world.base}/login/acme?")
    assert Page(page.text).form_with("email", "password").fields["email"] == "olivia@acme.example"
    assert phone.attempt.status == "opened"
    opened = give_password(phone.browser, page)
    assert "Open POINT" in opened.text
    answer = phone.complete(link_on(opened))
    assert answer.json()["user"]["email"] == "olivia@acme.example"
    assert phone.attempt.status == "completed"
    assert world.sandbox.requests == []


def test_the_link_says_who_gave_the_code(world: World, phone: Phone) -> None:
    query = query_of(give_password(phone.browser, open_page(phone)).url)
    assert set(query) == {"code", "state", "iss"}
    assert (query["state"], query["iss"]) == (phone.begun["state"], world.base)
    assert len(query["code"]) == 43


def test_the_lost_answer_and_another_link_are_as_with_okta(world: World, phone: Phone) -> None:
    link = phone.come_back_by_password()
    answer = phone.complete(link)
    assert phone.complete(link).content == answer.content
    assert said(phone.complete(link + "&foo=bar")) == USED
    world.clock.forward(31)
    assert said(phone.complete(link)) == USED


def test_a_wrong_password_changes_nothing(phone: Phone) -> None:
    page = open_page(phone)
    wrong = phone.browser.submit(page, email=phone.browser.email, password="wrong")
    assert wrong.status_code == 422
    assert phone.complete(link_on(give_password(phone.browser, wrong))).status_code == 200


def test_without_an_organization_the_address_is_asked_for_first(phone: Phone) -> None:
    page = open_page(phone, organization=None)
    page = phone.browser.submit(page, email="olivia@acme.example")
    [way] = [each for each in Page(page.text).elements if each.tag == "a" and "password" in each.text.lower()]
    opened = give_password(phone.browser, phone.browser.get(way.attributes["href"]))
    assert phone.complete(link_on(opened)).json()["organization"]["slug"] == "acme"


def test_without_an_organization_anybody_may_come(world: World) -> None:
    carol = Phone(world, "carol@globex.example")
    page = open_page(carol, organization=None, login_hint="carol@globex.example")
    assert carol.complete(link_on(give_password(carol.browser, page))).json()["organization"]["slug"] == "globex"


def test_without_okta_the_organization_s_password_form_is_the_way(world: World) -> None:
    gus = Phone(world, "gus@globex.example")
    page = open_page(gus, organization="globex", method=None)
    assert gus.complete(link_on(give_password(gus.browser, page))).json()["user"]["role"] == "owner"


def test_without_an_app_for_phones_the_web_s_app_in_okta_is_the_way(world: World) -> None:
    alice = Phone(world)
    world.connect(native_client_id="", native_domain="")
    assert alice.complete(alice.come_back_by_the_web()).json()["user"]["email"] == "alice@acme.example"
    assert alice.ask("GET", "/me").json()["method"] == "okta"
    [call] = world.requests_to("/token")
    assert call.form["client_id"] == [world.sandbox.client_id("spa")]


def test_what_okta_says_of_its_end_holds_for_the_app_too(world: World) -> None:
    alice, ends_at = Phone(world), world.services.now() + 3600
    world.connect(native_client_id="", native_domain="")
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": ends_at})
    alice.complete(alice.come_back_by_the_web())
    assert alice.ask("GET", "/me").json()["expires_at"] <= ends_at + 2


def test_who_came_by_the_web_s_app_goes_with_it(world: World) -> None:
    alice = Phone(world)
    world.connect(native_client_id="", native_domain="")
    alice.complete(alice.come_back_by_the_web())
    world.connect(native_client_id="", native_domain="", spa_client_id="0oaAnother4567890abc")
    assert said(alice.refresh()) == (401, "token_refused", "settings_changed")


def test_an_okta_that_was_deleted_before_the_code_came_back_lets_nobody_in(world: World) -> None:
    alice = Phone(world)
    world.connect(native_client_id="", native_domain="")
    link = alice.come_back_by_the_web()
    delete_okta(world)
    assert said(alice.complete(link)) == (400, "code_refused", "session_ended")


# -- somebody is logged in already -------------------------------------------------------------------------------------


@pytest.fixture
def known(world: World, phone: Phone) -> Visitor:
    """Olivia's browser, in which she was logged in before the app asked."""
    phone.browser.log_in_by_password()
    world.clock.forward(60)
    return phone.browser


def test_whoever_was_logged_in_before_is_asked_first(phone: Phone, known: Visitor) -> None:
    page = open_page(phone)
    assert "You are about to log in to the POINT app on your phone as" in page.text
    assert "olivia@acme.example" in page.text
    assert phone.attempt.code_hash is None
    link = link_on(press(known, page, "Continue"))
    assert phone.complete(link).json()["user"]["email"] == "olivia@acme.example"


def test_another_account_may_be_used(world: World, phone: Phone, known: Visitor) -> None:
    page = press(known, open_page(phone), "Use another account", another="1")
    assert page.url.startswith(f"{world.base}/login/acme?")
    assert known.session() == {"authenticated": False}
    known.email = "adam@acme.example"
    assert phone.complete(link_on(give_password(known, page))).json()["user"]["email"] == "adam@acme.example"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_other_site_can_press_the_button(phone: Phone, known: Visitor, headers: dict[str, str]) -> None:
    open_page(phone)
    sent = {"state": phone.begun["state"]}
    answer = known.step("/native/login", method="POST", data=sent, headers=headers)
    assert (answer.status_code, phone.attempt.code_hash) == (403, None)


def test_a_page_of_an_earlier_login_does_not_go_on(world: World, phone: Phone, known: Visitor) -> None:
    page = open_page(phone)
    known.email = "adam@acme.example"
    known.log_in_by_password()
    assert press(known, page, "Continue").status_code == 409
    assert phone.attempt.code_hash is None


def test_who_logged_out_meanwhile_is_asked_to_log_in(world: World, phone: Phone, known: Visitor) -> None:
    page = open_page(phone)
    known.http.cookies.clear()
    assert press(known, page, "Continue").url.startswith(f"{world.base}/login/acme?")


def test_somebody_of_another_organization_has_to_log_in_to_this_one(world: World, phone: Phone) -> None:
    carol = world.carol
    carol.log_in_by_password()
    page = open_page(phone, carol)
    assert page.url.startswith(f"{world.base}/login/acme?")
    assert give_password(carol, page).status_code == 422
    sent = {"state": phone.begun["state"]}
    answer = carol.step("/native/login", method="POST", data=sent)
    assert answer.headers["Location"].startswith("/login/acme?")
    assert phone.attempt.code_hash is None


# -- pages of a login that is over -------------------------------------------------------------------------------------


def test_an_unknown_login_has_its_page(world: World, phone: Phone) -> None:
    phone.start()
    link = phone.begun["state"]
    for state in ("", "x", "native-" + "x" * 44, link):  # The last is one that goes to Okta.
        for method in ("GET", "POST"):
            page = phone.browser.step("/native/login", method=method, params={"state": state}, data={"state": state})
            assert_turned_away(page, NOT_STARTED, 400)


def test_a_used_login_has_its_page(phone: Phone) -> None:
    phone.log_in_by_password()
    assert_turned_away(phone.browser.get(phone.begun["authorization_url"]), USED_ALREADY, 409)


def test_a_login_that_took_too_long_has_its_page(world: World, phone: Phone) -> None:
    open_page(phone)
    world.clock.forward(600)
    assert_turned_away(phone.browser.get(phone.begun["authorization_url"]), TOO_LONG, 400)


def test_a_state_of_a_logout_has_no_page(world: World) -> None:
    alice = Phone(world)
    alice.log_in()
    state = alice.log_out(okta=True).json()["state"]
    assert_turned_away(alice.browser.get(f"/native/login?state={state}"), NOT_STARTED, 400)
