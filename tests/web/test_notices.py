"""What pages say to people, seen by those who meet it: in plain words, with a way on in place, and with a reference by
which the owner finds that very login, how far it came and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests

from portal.errors import Problem
from portal.login_stages import STAGES, stage_of
from portal.web.activity_repairs import explain_refusal
from tests.pages import Page
from tests.web.steps import add_person, change_query, come_back
from tests.web.test_guards import MAY, TABLE, person_with, routes
from tests.words import jargon_on
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"
ACTIVITY = "/organizations/acme/activity"
# Whoever sets Okta up has to know Okta's own labels; what is left must be on no page at all.
OKTAS_PAGES = ("integrations.okta", "okta_", "group_roles", "integrations.save_okta", "setup_link")
ALWAYS_WRONG = re.compile(
    r"^(?:exception|traceback|stack trace|null|undefined|(?:http|error|status|code) \d+|csrf|jwt|kid|uuid|iss|iss_sub)$"
)
NOTICES = [
    *(f"{OKTA}?{query}" for query in ("saved=okta", "done=switched_on", "done=undone", "done=restored", "done=draft",
                                      "done=same", "done=thrown_away")),
    *(f"/organizations/acme/members?done={done}" for done in ("invited", "role", "removed", "dropped")),
    *(f"/organizations/acme/domains?done={done}" for done in ("verified", "claimed", "removed", "dropped")),
    *(f"/organizations/acme/security?done={done}" for done in ("off", "sessions")),
    "/account/password?done=1", "/account/password?sent=1", f"{OKTA}/guide/spa?saved=1", f"{OKTA}/guide/spa?kept=draft",
]  # fmt: skip
FOR_EVERYBODY = (
    "/", "/login", "/login?email=alice@acme.example", "/login?email=gus@globex.example&with=password", "/login/acme",
    "/login/acme?with=password", "/login/globex", "/login/nowhere", "/login/globex/okta", "/login/forgot",
    "/login/forgot/sent", "/login/password", "/login/password/x", "/login/recovery", "/login/link",
    "/login/initiate?iss=x", "/login/callback?code=x&state=y", "/invitation/x", "/setup/x", "/native/login?state=x",
    "/native/open?missing=1", "/native/open?code=x", "/nowhere",
)  # fmt: skip


def words_on(page: requests.Response, name: str) -> set[str]:
    found = jargon_on(page.text)
    of_okta = name.startswith(OKTAS_PAGES)
    return {word for word in found if ALWAYS_WRONG.match(word)} if of_okta else found


@pytest.mark.parametrize("role", MAY)
def test_pages_of_members_speak_plainly(world: World, role: str) -> None:
    world.person("ben@acme.example").log_in()  # turned down, so that the activity has something to say
    visitor = person_with(world, role)
    mine = [each for each in routes(world) if each[1] == "GET" and TABLE[each[:2]] in MAY[role]]
    pages = [(endpoint, visitor.step(path)) for endpoint, _method, path in mine]
    shown = [each for each in pages if each[1].headers.get("Content-Type", "").startswith("text/html")]
    assert len(shown) > 4
    assert {page.url: found for endpoint, page in shown if (found := words_on(page, endpoint))} == {}
    if role == "owner":
        for path in NOTICES:
            page = visitor.step(path)
            assert 'role="status"' in page.text, path
            assert words_on(page, "okta_" if path.startswith(OKTA) else path) == set(), path


def test_pages_for_everybody_speak_plainly(quiet: World) -> None:
    pages = [(path, quiet.stranger.step(path)) for path in FOR_EVERYBODY]
    assert {path: found for path, page in pages if (found := jargon_on(page.text))} == {}
    for path, page in pages:
        main = re.search(r"<main.*?</main>", page.text, re.DOTALL)
        assert page.status_code in (302, 303) or (main and ("<a " in main[0] or "<button" in main[0])), path


def test_a_hand_over_link_shows_okta_s_words_and_none_of_ours(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    links = olivia.get(f"{OKTA}/guide/links")
    made = olivia.submit(links, "once", name="Pat from IT", days="7")
    address = re.search(r"http\S+/setup/[A-Za-z0-9_-]+", Page(made.text).text)
    assert address is not None
    pat = world.stranger
    start = address[0].removeprefix(world.base)
    for path in (start, f"{start}/spa", f"{start}/security", f"{start}/checks", f"{start}/print"):
        page = pat.step(path)
        assert words_on(page, "setup_link") == set(), path


# -- a way on, in place ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "way"),
    [
        ("GET", f"{OKTA}/guide/nothing", 404, f"{OKTA}/guide"),
        ("GET", f"{OKTA}/test/nothing", 404, f"{OKTA}/test"),
        ("GET", "/organizations/acme/members/999", 404, "/organizations/acme/members"),
        ("POST", "/organizations/acme/domains/nothing.example/check", 404, "/organizations/acme/domains"),
        ("POST", "/organizations/acme/security/sessions", 400, "/organizations/acme/security"),
    ],
)
def test_an_error_page_leads_back_to_the_page_it_belongs_to(
    quiet: World, method: str, path: str, status: int, way: str
) -> None:
    olivia = quiet.olivia
    olivia.log_in_by_password()
    page = olivia.step(path, method=method, data={"idle": "nonsense"} if method == "POST" else None)
    assert page.status_code == status
    assert Page(page.text).find("a", class_="button button-primary").attributes["href"] == way
    assert olivia.step(way).status_code == 200


def test_an_error_page_leads_nobody_to_a_page_that_is_not_for_them(quiet: World) -> None:
    adam, carol = quiet.person("adam@acme.example"), quiet.carol
    for visitor, path, way in (
        (adam, f"{OKTA}/guide/links", f"{OKTA}/guide"),
        (carol, f"{OKTA}/guide", "/"),
        (carol, "/organizations/globex/members/1", "/"),
    ):
        visitor.log_in_by_password()
        page = visitor.step(path)
        assert page.status_code in (403, 404)
        assert Page(page.text).find("a", class_="button button-primary").attributes["href"] == way


def test_whom_okta_does_not_let_in_is_shown_the_other_ways(world: World) -> None:
    """Okta is away on a Sunday: a password may still do."""
    world.sandbox.fault("discovery_500")
    page = world.alice.step("/login/acme/okta")
    assert page.status_code == 503
    assert Page(page.text).find("a", href="/login/acme").text == "Other ways to log in"


# -- from the reference on an error page to the repair -----------------------------------------------------------------


def by_fault(name: str) -> Callable[[World], requests.Response]:
    def fail(world: World) -> requests.Response:
        world.sandbox.fault(name)
        page = world.alice.log_in()
        world.sandbox.fault(name, False)
        return page

    return fail


def unassigned(world: World) -> requests.Response:
    return world.person("ben@acme.example").log_in()


def cancelled(world: World) -> requests.Response:
    alice = world.alice
    return alice.step(change_query(come_back(alice), code=None, error="access_denied"))


def kept_out_by_a_policy(world: World) -> requests.Response:
    world.connect(authorization_server="default")
    return by_fault("rule_without_authorization_code")(world)


def too_late(world: World) -> requests.Response:
    alice = world.alice
    address = come_back(alice)
    world.clock.forward(660)
    return alice.step(address)


def from_outside(world: World) -> requests.Response:
    add_person(world.sandbox, "zoe@elsewhere.example", "Zoe")
    return world.person("zoe@elsewhere.example").log_in()


def with_an_account(world: World) -> requests.Response:
    add_person(world.sandbox, "carol@globex.example", "Carol")
    return world.carol.log_in()


def ended_by_okta(world: World) -> requests.Response:
    """The page asks first, so that the end is told by a later one."""
    alice = world.alice
    alice.log_in()
    world.clock.forward(601)
    world.sandbox.deactivate("alice@acme.example")
    assert alice.session() == {"authenticated": False}
    return alice.step("/account")


def ended_by_an_owner(world: World) -> requests.Response:
    alice, olivia = world.alice, world.olivia
    alice.log_in()
    olivia.log_in_by_password()
    member = re.search(r"members/\d+\" aria-label=\"Manage Alice", olivia.get("/organizations/acme/members").text)
    assert member is not None
    sessions = f"/organizations/acme/{member[0].partition(chr(34))[0]}/sessions"
    olivia.submit(olivia.get(sessions), "end", button="End all sessions")
    return alice.step("/account")


# name: how it fails, the last stage but those not reached ("" for none), what the owner reads, and what they can do.
FAILURES = {
    "unassigned": (unassigned, "Signing in at Okta", "not assigned to the app", "Assign this person"),
    "cancelled": (cancelled, "Signing in at Okta", "pressed Cancel at Okta", "they can log in again"),
    "policy": (kept_out_by_a_policy, "Signing in at Okta", "A policy in Okta", "Let a rule of the access policy"),
    "clock": (by_fault("future_id_token"), "POINT checks the proof", "By Okta's clock", "run a test login"),
    "audience": (by_fault("wrong_audience"), "POINT checks the proof", "for another app", "Compare the Client ID"),
    "away": (by_fault("token_500"), "Okta's proof of who it is", "Okta did not answer", "status.okta.com"),
    "late": (too_late, "Coming back to POINT", "took longer at Okta", "they can log in again"),
    "outside": (from_outside, "POINT lets the person in", "outside the domains", "Invite this person"),
    "account": (with_an_account, "POINT lets the person in", "has a POINT account", "log in to it once"),
    "ended": (ended_by_okta, "", "Okta said no when POINT asked", "Nothing has to be done if that was meant"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_reference_finds_that_very_attempt_with_its_stages_and_the_repair(shared: World, name: str) -> None:
    fail, stage, meaning, repair = FAILURES[name]
    told = fail(shared)
    shown = Page(told.text)
    reference = re.search(r"Reference ([2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4})", shown.text)
    assert reference is not None
    assert jargon_on(told.text) == set()
    link = next(each for each in shown.elements if each.text == "Look it up in the activity").attributes["href"]
    assert link == f"{ACTIVITY}?reference={reference[1]}"

    olivia = shared.olivia
    page = olivia.follow(olivia.step(link))  # who is not logged in comes back to it
    assert page.url.startswith(shared.base + "/login")
    page = olivia.log_in_by_password(next_=link)
    assert page.url == shared.base + link
    events = re.findall(r"<li>\n<p class=\"event-head\">.*?</details>", page.text, re.DOTALL)
    assert len(events) == 1
    found = Page(events[0]).text
    assert meaning in found
    assert repair in found
    assert jargon_on(events[0]) <= {"grant type"}
    if stage:
        assert f"{stage}: Ended here" in found
        assert "What the person was told" in found
    assert "<details class=\"disclosure\" open" in events[0]


def test_a_session_that_an_owner_ended_is_found_by_its_reference(shared: World) -> None:
    told = Page(ended_by_an_owner(shared).text)
    assert "An owner of your organization ended your login" in told.text
    link = next(each for each in told.elements if each.text == "Look it up in the activity").attributes["href"]
    olivia = shared.olivia
    olivia.log_in_by_password()
    assert "A session was ended: alice@acme.example" in Page(olivia.get(link).text).text


def test_whom_it_was_about_is_in_the_activity_once_okta_has_vouched_for_them(shared: World) -> None:
    from_outside(shared)
    assert shared.activity()[0].who == "zoe@elsewhere.example"
    unassigned(shared)
    assert shared.activity()[0].who == ""


def test_a_reference_that_is_not_found_says_what_to_do(quiet: World) -> None:
    olivia = quiet.olivia
    olivia.log_in_by_password()
    page = olivia.get(ACTIVITY, params={"reference": "ab2c-d3ef"})
    assert "Nothing with this reference" in page.text
    assert "mailto:support@pointapp.org?subject=POINT%2C%20reference%20ab2c-d3ef" in page.text


def test_the_activity_says_with_which_device_somebody_logged_in_or_was_turned_down(shared: World) -> None:
    firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    for email in ("alice@acme.example", "ben@acme.example"):
        visitor = shared.person(email)
        visitor.http.headers["User-Agent"] = firefox
        visitor.log_in()
    olivia = shared.olivia
    olivia.http.headers["User-Agent"] = firefox
    olivia.log_in_by_password()
    for what, rows in (("logins", 2), ("refused", 1)):
        page = Page(olivia.get(ACTIVITY, params={"kind": what}).text).text
        assert page.count("· Firefox, Windows") == rows, what


def test_a_login_of_the_app_that_could_not_begin_is_found_by_the_reference_that_the_app_shows(shared: World) -> None:
    shared.sandbox.fault("discovery_500")
    wish = {"organization": "acme", "code_challenge": "x" * 43, "code_challenge_method": "S256"}
    answer = shared.stranger.step("/native/v1/login", method="POST", json=wish)
    assert answer.status_code == 503
    olivia = shared.olivia
    olivia.log_in_by_password()
    page = Page(olivia.get(ACTIVITY, params={"reference": answer.json()["reference"]}).text).text
    assert "Okta did not answer." in page
    assert "POINT leads to Okta: Ended here" in page


ENDINGS = [
    problem
    for problem in Problem
    if problem.name.startswith(("LOGIN_", "EMAIL_", "ACCOUNT_"))
    and problem not in (Problem.LOGIN_AGAIN, Problem.LOGIN_UNDER_WAY, Problem.EMAIL_FORM)
] + [
    Problem.ATTEMPT_EXPIRED, Problem.ISSUER_CONFUSED, Problem.SETTINGS_CHANGED, Problem.OKTA_MISCONFIGURED,
    Problem.OKTA_ERROR, Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY, Problem.OKTA_ANSWER_INVALID, Problem.CODE_REFUSED,
    Problem.ID_TOKEN_REFUSED, Problem.REFRESH_REFUSED,
]  # fmt: skip


def test_whatever_a_login_can_end_with_has_a_meaning_and_a_repair_for_owners(quiet: World) -> None:
    with quiet.app.test_request_context("/", environ_overrides={"point.reference": ""}):
        for problem in ENDINGS:
            stage = stage_of(problem, problem.code, claimed=True)
            explained = explain_refusal({"code": problem.code, "stage": stage}, {}, slug="acme")
            assert explained is not None, problem
            assert explained.repair is not None, problem
            assert explained.repair.text, problem
            assert [title for title, word in explained.stages if word == "Ended here"], problem
            assert len(explained.stages) == len(STAGES)
            assert not re.search(r"\byou\b", explained.meaning), "said to the person, not to the owner"


def test_who_has_been_removed_is_told_so_and_the_reference_finds_by_whom(shared: World) -> None:
    alice, olivia = shared.alice, shared.olivia
    alice.log_in()
    olivia.log_in_by_password()
    number = re.search(r"members/(\d+)\" aria-label=\"Manage Alice", olivia.get("/organizations/acme/members").text)
    assert number is not None
    olivia.step(f"/organizations/acme/members/{number[1]}/remove", method="POST")
    told = Page(alice.step("/account").text)
    assert "You are no longer a member of this organization" in told.text
    link = next(each for each in told.elements if each.text == "Look it up in the activity").attributes["href"]
    assert "A member was removed: alice@acme.example" in Page(olivia.get(link).text).text


def test_whoever_has_tried_too_often_is_told_how_long_to_wait_and_led_back_to_the_form(quiet: World) -> None:
    visitor = quiet.stranger
    form = {"email": "nobody@globex.example", "password": "wrong"}
    pages = [visitor.step("/login/globex", method="POST", data=form) for _ in range(11)]
    assert [page.status_code for page in pages] == [422] * 10 + [429]
    page = Page(pages[-1].text)
    assert "It works again in about 10 minutes." in page.text
    assert page.find("a", class_="button button-primary").attributes["href"] == "/login/globex"
