"""The answer that is posted instead of linked to, from Okta's site and from a stranger's: 405, and nothing changes."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route, expect

from tests.browser.conftest import Meet
from tests.browser.person import Person

STRANGER = "http://stranger.example"


def begin(person: Person) -> str:
    """Begins a login in this browser; answers Okta's address, not gone to yet."""
    answer = person.context.request.get(person.base + "/login/acme/okta", max_redirects=0)
    assert answer.status == 302
    return answer.headers["location"]


def test_an_answer_that_okta_posts_is_turned_away_and_the_login_still_finishes(alice: Person) -> None:
    address = begin(alice)
    posted = address.replace("response_mode=query", "response_mode=form_post")
    assert posted != address
    alice.go(posted).sign_in().at("That does not work here", "/login/callback")
    alice.sees("Reference").assert_anonymous()
    alice.picture("problem-posted-answer")
    alice.go(address).at("Hello Alice Andersson", "/").assert_logged_in()


def test_a_form_of_another_site_with_code_and_state_changes_nothing(alice: Person) -> None:
    """The stranger even has the real state; the code is one of his own."""
    address = begin(alice)
    state = parse_qs(urlsplit(address).query)["state"][0]
    form = f'<form method="post" action="{alice.base}/login/callback"><input name="code" value="stolen">'
    html = f'<!doctype html><title>Win</title>{form}<input name="state" value="{state}"><button>Win</button></form>'
    alice.hosts.add(urlsplit(STRANGER).netloc)

    def answer(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html")

    alice.context.route(STRANGER + "/**", answer)
    alice.go(STRANGER + "/win").press("Win").at("That does not work here", "/login/callback").assert_anonymous()
    alice.go(address).sign_in().at("Hello Alice Andersson", "/").assert_logged_in()


def test_a_form_of_another_site_cannot_log_anybody_out(alice: Person) -> None:
    alice.log_in()
    alice.hosts.add(urlsplit(STRANGER).netloc)
    html = f'<!doctype html><form method="post" action="{alice.base}/logout"><button>Win</button></form>'
    alice.context.route(STRANGER + "/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    alice.go(STRANGER + "/win").press("Win").at("This form was sent from another site", "/logout")
    alice.picture("problem-cross-site")
    alice.assert_logged_in()


def test_a_page_of_another_site_cannot_show_ours_in_a_frame(meet: Meet) -> None:
    stranger = meet()
    stranger.hosts.add(urlsplit(STRANGER).netloc)
    html = f'<!doctype html><iframe src="{stranger.base}/login"></iframe>'
    stranger.context.route(STRANGER + "/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    stranger.go(STRANGER + "/frame")
    expect(stranger.page.frame_locator("iframe").get_by_label("E-mail address")).to_have_count(0)
    assert stranger.page.frames[1].url == "chrome-error://chromewebdata/"
    stranger.faults = [fault for fault in stranger.faults if "frame" not in fault]
