"""Logging out: POINT's session is dead before the answer, then Okta's, whatever Okta does."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.needs import forget_tries
from tests.world import Visitor, World


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


def log_out(visitor: Visitor, **fields: str) -> requests.Response:
    """Presses "Log out" on a page; the answer, not followed."""
    return visitor.submit(visitor.get("/account"), button="Log out", follow=False, **fields)


def way_on(visitor: Visitor, page: requests.Response) -> str:
    """The address at Okta that the page leads on to."""
    return visitor.page(page).find("a", class_="button button-primary").attributes["href"]


def logged_in(world: World) -> Visitor:
    alice = world.alice
    alice.log_in()
    assert alice.session()["authenticated"]
    return alice


def alive(world: World, cookie: str | None) -> bool:
    answer = requests.get(world.base + "/session", headers={"Cookie": f"point_session={cookie}"}, timeout=5)
    return bool(answer.json()["authenticated"])


def test_the_session_is_dead_before_the_answer(world: World) -> None:
    alice = logged_in(world)
    old = alice.http.cookies["point_session"]
    assert alive(world, old)
    answer = log_out(alice)
    assert answer.status_code == 200
    assert not alive(world, old)
    assert "point_session" not in alice.http.cookies
    assert alice.session() == {"authenticated": False}


def test_the_page_leads_on_to_okta_by_itself_and_back_home(world: World) -> None:
    alice = logged_in(world)
    page = log_out(alice)
    okta = way_on(alice, page)
    assert okta.startswith(world.okta + "/oauth2/v1/logout?")
    refresh = alice.page(page).find("meta", http_equiv="refresh").attributes["content"]
    assert refresh == f"0;url={okta}"
    home = alice.get(okta)
    assert urlsplit(home.url).path == "/"
    assert home.url.startswith(world.base)
    assert "logged out of POINT and of Okta" in alice.page(home).find("div", role="status").text
    assert world.sandbox.sessions == []
    assert "Log in" in alice.page(home).text


def test_the_next_login_asks_for_the_password_at_okta_again(world: World) -> None:
    alice = logged_in(world)
    assert "identifier" not in alice.get("/login/acme/okta").text
    log_out(alice)
    alice.log_in()
    alice.get(way_on(alice, log_out(alice)))
    assert "identifier" in alice.get("/login/acme/okta").text


def test_okta_is_told_by_the_id_token_and_where_to_lead_back(world: World) -> None:
    alice = logged_in(world)
    query = parse_qs(urlsplit(way_on(alice, log_out(alice))).query)
    assert query.keys() == {"id_token_hint", "post_logout_redirect_uri", "state"}
    assert query["post_logout_redirect_uri"] == [world.base]
    assert query["id_token_hint"][0].count(".") == 2
    assert len(query["state"][0]) >= 20


def test_the_refresh_token_is_revoked_before_the_answer(world: World) -> None:
    alice = logged_in(world)
    log_out(alice)
    (revoked,) = world.requests_to("/revoke")
    assert revoked.form["token_type_hint"] == ["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "refresh_token": revoked.form["token"][0],
        "client_id": world.sandbox.client_id("spa"),
        "scope": "openid",
    }
    answer = requests.post(world.okta + "/oauth2/v1/token", data=form, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_second_click_is_no_error(world: World) -> None:
    alice = logged_in(world)
    page = alice.get("/account")
    alice.submit(page, button="Log out", follow=False)
    again = alice.submit(page, button="Log out", follow=False)
    assert (again.status_code, again.headers["Location"]) == (303, "/")
    assert len([event for event in world.activity() if event.what == "logout"]) == 1


def test_somebody_who_is_not_logged_in_may_log_out(world: World) -> None:
    answer = world.stranger.step("/logout", method="POST")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_okta_no_leaves_the_session_at_okta(world: World) -> None:
    alice = logged_in(world)
    answer = alice.step("/logout", method="POST", data={"okta": "no"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert not alice.session()["authenticated"]
    assert len(world.sandbox.sessions) == 1
    assert "logged out of POINT." in alice.page(alice.get("/")).text


def test_the_message_is_shown_once(world: World) -> None:
    alice = logged_in(world)
    alice.step("/logout", method="POST", data={"okta": "no"})
    assert "logged out" in alice.get("/").text
    assert "logged out" not in alice.get("/").text


def test_a_password_session_never_goes_to_okta(world: World) -> None:
    gus = world.gus
    gus.log_in_by_password()
    asked = len(world.sandbox.requests)
    answer = log_out(gus)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert not gus.session()["authenticated"]
    assert len(world.sandbox.requests) == asked


@pytest.mark.parametrize("fault", ["discovery_500", "rate_limited"])
def test_an_okta_that_fails_does_not_keep_anybody_in(world: World, fault: str) -> None:
    alice = logged_in(world)
    world.clock.forward(2 * 3600)
    world.sandbox.fault(fault)
    answer = log_out(alice)
    assert answer.status_code in (200, 303)
    assert not alice.session()["authenticated"]


def test_an_okta_that_hangs_costs_a_few_seconds_at_most(world: World) -> None:
    alice = logged_in(world)
    old = alice.http.cookies["point_session"]
    page = alice.get("/account")
    world.sandbox.delay_ms = 30_000
    world.sandbox.fault("slow_everything")
    began = time.monotonic()
    answer = alice.submit(page, button="Log out", follow=False)
    assert time.monotonic() - began < 5
    assert answer.status_code in (200, 303)
    assert not alive(world, old)


def test_a_session_that_okta_has_forgotten_still_leads_home(world: World) -> None:
    alice = logged_in(world)
    world.sandbox.sessions_by_id.clear()
    home = alice.get(way_on(alice, log_out(alice)))
    assert (home.status_code, urlsplit(home.url).path) == (200, "/")


@pytest.mark.parametrize("query", ["", "?state=", "?state=somebody-elses", "?error=x&state=1", "?state=1&state=2"])
def test_the_return_is_home_whatever_state_it_brings(world: World, query: str) -> None:
    home = world.stranger.get("/" + query)
    assert home.status_code == 200
    assert "Welcome" in home.text
    assert "logged out" not in home.text


def test_a_return_to_somebody_who_has_logged_in_again_changes_nothing(world: World) -> None:
    alice = logged_in(world)
    okta = way_on(alice, log_out(alice))
    alice.step("/login/acme/okta")
    alice.log_in()
    alice.get(okta)
    assert alice.session()["authenticated"]


def test_one_browser_logs_out_and_the_other_stays(world: World) -> None:
    here, there = logged_in(world), logged_in(world)
    log_out(here)
    assert there.session()["authenticated"]


def test_get_does_not_log_out(world: World) -> None:
    alice = logged_in(world)
    assert alice.step("/logout").status_code == 405
    assert alice.session()["authenticated"]


def test_every_page_of_somebody_logged_in_has_the_button(world: World) -> None:
    olivia = world.olivia
    olivia.log_in()
    for path in ("/", "/account", "/organizations/acme/integrations", "/organizations/acme/integrations/okta",
                 "/organizations/acme/integrations/okta/delete"):  # fmt: skip
        form = olivia.page(olivia.get(path)).form_with(button="Log out")
        assert (form.action, form.method) == ("/logout", "post"), path
