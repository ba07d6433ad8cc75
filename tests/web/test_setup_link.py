"""Hand-over links: the set-up and no more, for somebody without an account, until it ends; its token is nowhere."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator

import pytest
import requests

from portal import guide
from portal.store.drafts import find_draft
from portal.store.guide import list_ticks
from portal.store.integrations import find_integration
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.test_logs import Heard, heard, log
from tests.world import Visitor, World

__all__ = ["log"]
GUIDE = "/organizations/acme/integrations/okta/guide"
LINKS = GUIDE + "/links"
DAY = 86400
GONE = "This set-up link does not work"
SECRET = "secret-canary-" + "x" * 34


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture(autouse=True)
def _no_tries() -> None:
    forget_tries()


@pytest.fixture
def olivia(world: World) -> Visitor:
    visitor = world.olivia
    visitor.log_in_by_password()
    return visitor


def make_link(visitor: Visitor, name: str = "Pat Admin", days: str = "7") -> str:
    """The path of a new link, as its page shows it."""
    answer = visitor.submit(visitor.get(LINKS), "name", name=name, days=days)
    assert answer.status_code == 200
    found = re.search(rf"{re.escape(visitor.base)}(/setup/[A-Za-z0-9_-]{{43}})", answer.text)
    assert found
    return found[1]


@pytest.fixture
def link(olivia: Visitor) -> str:
    return make_link(olivia)


@pytest.fixture
def pat(world: World) -> Iterator[Visitor]:
    """Somebody with nothing but the link."""
    visitor = world.stranger
    yield visitor
    assert visitor.http.cookies.get_dict() == {}


def assert_gone(answer: requests.Response) -> None:
    assert answer.status_code == 404
    assert GONE in answer.text
    assert "Ask the person who sent it to you" in answer.text
    assert "Acme" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


def draft_of(world: World) -> dict[str, str] | None:
    with world.services.db.reading() as connection:
        draft = find_draft(connection, world.acme_id)
        return dict(draft.entries) if draft else None


# -- making one, and taking it back ------------------------------------------------------------------------------------


def test_a_link_is_shown_once_and_listed_without_its_token(world: World, olivia: Visitor) -> None:
    link = make_link(olivia, "  Pat\tfrom  IT ")
    page = Page(olivia.get(LINKS).text)
    assert link.rpartition("/")[2] not in olivia.get(LINKS).text
    assert "Pat from IT" in page.text
    assert "Not yet" in page.text
    event = world.activity()[0]
    assert (event.what, event.who) == ("setup_link.created", "olivia@acme.example")
    assert event.about == {"setup_link": 1, "name": "Pat from IT", "days": 7}


def test_the_second_click_shows_the_same_link(world: World, olivia: Visitor) -> None:
    form = Page(olivia.get(LINKS).text).form_with("name", "once")
    data = {**form.fields, "name": "Pat"}
    texts = [olivia.step(LINKS, method="POST", data=data).text for _ in range(2)]
    first, second = (re.search(r"/setup/[A-Za-z0-9_-]{43}", text) for text in texts)
    assert first
    assert second
    assert first[0] == second[0]
    assert [event.what for event in world.activity()].count("setup_link.created") == 1


def test_a_link_needs_a_name(world: World, olivia: Visitor) -> None:
    answer = olivia.submit(olivia.get(LINKS), "name", name=" \t ")
    assert answer.status_code == 422
    assert Page(answer.text).problem_at("name")
    assert "/setup/" not in answer.text


@pytest.mark.parametrize("once", ["", "x", "A" * 120])
def test_a_token_that_somebody_else_chose_makes_no_link(olivia: Visitor, once: str) -> None:
    answer = olivia.step(LINKS, method="POST", data={"name": "Pat", "once": once})
    assert answer.status_code == 422
    assert "/setup/" not in answer.text


def test_a_form_of_another_organization_or_of_yesterday_makes_no_link(world: World, olivia: Visitor) -> None:
    gus = world.gus
    gus.log_in_by_password()
    theirs = Page(gus.get("/organizations/globex/integrations/okta/guide/links").text).form_with("once").fields["once"]
    assert olivia.step(LINKS, method="POST", data={"name": "Pat", "once": theirs}).status_code == 422
    old = Page(olivia.get(LINKS).text).form_with("once").fields["once"]
    world.clock.forward(3700)
    olivia.log_in_by_password()
    assert olivia.step(LINKS, method="POST", data={"name": "Pat", "once": old}).status_code == 409


@pytest.mark.parametrize(("days", "lasts"), [("1", 1), ("7", 7), ("30", 30), ("3650", 7), ("-1", 7), ("x", 7)])
def test_a_link_lasts_as_long_as_was_chosen(world: World, olivia: Visitor, pat: Visitor, days: str, lasts: int) -> None:
    link = make_link(olivia, days=days)
    world.clock.forward(lasts * DAY - 60)
    assert pat.get(link).status_code == 200
    world.clock.forward(61)
    assert_gone(pat.get(link))


def test_a_revoked_link_ends_at_once_and_saves_nothing_any_more(
    world: World, olivia: Visitor, pat: Visitor, link: str
) -> None:
    page = pat.get(link)
    answer = olivia.submit(olivia.get(LINKS), "link")
    assert "Revoked. The link does not work any more." in answer.text
    assert "Pat Admin" in answer.text
    for path in ("", "/spa", "/print", "/checks"):
        assert_gone(pat.get(link + path))
    assert_gone(pat.submit(page, "spa_client_id", spa_client_id="0oaOther000000000001"))
    assert_gone(pat.step(f"{link}/spa", method="POST", data={"was": "", "done": "spa.navigate"}))
    assert_gone(pat.step(f"{link}/checks", method="POST"))
    assert draft_of(world) is None
    event = world.activity()[0]
    assert (event.what, event.who, event.about["name"]) == ("setup_link.revoked", "olivia@acme.example", "Pat Admin")
    assert olivia.step(LINKS + "/revoke", method="POST", data={"link": "1"}).status_code == 303


def test_another_organization_cannot_revoke_it(world: World, pat: Visitor, link: str) -> None:
    gus = world.gus
    gus.log_in_by_password()
    theirs = "/organizations/globex/integrations/okta/guide/links"
    assert gus.step(theirs + "/revoke", method="POST", data={"link": "1"}).status_code == 303
    assert "Pat" not in gus.get(theirs).text
    assert pat.get(link).status_code == 200


@pytest.mark.parametrize("number", ["", "x", "-1", "²", "9" * 40])
def test_what_is_no_link_is_not_revoked(olivia: Visitor, link: str, number: str) -> None:
    assert olivia.step(LINKS + "/revoke", method="POST", data={"link": number}).status_code == 422


# -- what it opens -----------------------------------------------------------------------------------------------------


def test_the_link_opens_every_part_but_deleting(world: World, pat: Visitor, link: str) -> None:
    page = pat.get(link)
    assert "Set up Okta for Acme Volunteers" in page.text
    assert "olivia@acme.example" in page.text
    for part in guide.PARTS:
        answer = pat.get(f"{link}/{part.id}")
        assert answer.status_code == (404 if part.later else 200)
    spa = Page(pat.get(f"{link}/spa").text)
    assert f"{world.base}/login/callback" in spa.text
    assert any(element.attributes.get("href", "").startswith(world.okta) for element in spa.elements)
    assert "org.pointapp.point:/logout" in Page(pat.get(f"{link}/print").text).text


def test_its_pages_lead_nowhere_else_in_the_portal(world: World, pat: Visitor, link: str) -> None:
    """Everything that can be pressed stays under the link; around it is the welcome page."""
    for path in ("", "/checks", "/print", *(f"/{part.id}" for part in guide.PARTS if not part.later)):
        answer = pat.get(link + path)
        page = Page(answer.text)
        led = [element.attributes.get("href", "") for element in page.elements if element.tag in ("a", "link")]
        led += [form.action for form in page.forms]
        ours = [address for address in led if address.startswith("/") and not address.startswith("/static/")]
        assert {address for address in ours if not address.startswith(link)} <= {"/"}
        for stranger in ("alice", "adam", "/organizations", "Log out"):
            assert stranger not in answer.text, path


@pytest.mark.parametrize(
    "path",
    ["/organizations/acme/integrations/okta", GUIDE, LINKS, "/organizations/acme/activity", "/account", "/session"],
)
def test_the_link_is_no_login(pat: Visitor, link: str, path: str) -> None:
    pat.get(link)
    answer = pat.step(path, headers={"Referer": pat.base + link})
    assert answer.status_code == 303 or answer.json() == {"authenticated": False}


@pytest.mark.parametrize("path", ["/delete", "/switch-on", "/members", "/links", "/okta/delete", "/okta", "/test"])
def test_there_is_nothing_else_behind_the_link(pat: Visitor, link: str, path: str) -> None:
    assert pat.step(link + path).status_code in (404, 405)
    if path != "/okta":
        assert pat.step(link + path, method="POST", data={"was": ""}).status_code in (404, 405)


def test_what_is_ticked_off_names_the_link_and_tells_it_no_names(
    world: World, olivia: Visitor, pat: Visitor, link: str
) -> None:
    olivia.step(f"{GUIDE}/spa", method="POST", data={"was": "", "done": "spa.navigate"})
    page = Page(pat.get(f"{link}/spa").text)
    assert "Ticked off" in page.text
    assert "Ticked off by" not in page.text
    pat.step(f"{link}/spa", method="POST", data={"was": "spa.navigate", "done": ["spa.navigate", "spa.create"]})
    with world.services.db.reading() as connection:
        assert list_ticks(connection, world.acme_id)["spa.create"].who == "Pat Admin"
    assert "Ticked off by Pat Admin" in olivia.get(f"{GUIDE}/spa").text
    event = world.activity()[0]
    assert (event.who, event.what, event.about["setup_link"]) == ("Pat Admin", "guide.progress", 1)
    assert pat.step(f"{link}/delete", method="POST", data={"was": "", "done": "delete.open"}).status_code == 404


# -- the draft ---------------------------------------------------------------------------------------------------------


def test_the_fields_become_a_draft_and_nothing_of_what_is_live_changes(world: World, pat: Visitor, link: str) -> None:
    with world.services.db.reading() as connection:
        before = find_integration(connection, world.acme_id)
    saved = pat.submit(pat.get(link), "spa_client_id", spa_client_id="0oaOther000000000001")
    assert "Saved as a draft." in saved.text
    assert draft_of(world)["spa_client_id"] == "0oaOther000000000001"  # type: ignore[index]
    with world.services.db.reading() as connection:
        assert find_integration(connection, world.acme_id) == before
    event = world.activity()[0]
    assert (event.who, event.what) == ("Pat Admin", "okta.draft_kept")


@pytest.mark.parametrize("action", ["", "save", "switch_on"])
def test_no_button_of_any_name_switches_it_on(world: World, pat: Visitor, link: str, action: str) -> None:
    version = Page(pat.get(link).text).form_with("spa_client_id").fields["version"]
    data = {"spa_client_id": world.sandbox.client_id("spa"), "spa_domain": world.okta, "version": version}
    pat.step(f"{link}/okta", method="POST", data={**data, "sign_in": "embedded", "action": action})
    with world.services.db.reading() as connection:
        live = find_integration(connection, world.acme_id)
    assert live is not None
    assert set(live.apps) == {"spa", "native"}
    # What the page does not ask stays: where people sign in is the owner's to say.
    assert draft_of(world)["sign_in"] == "redirect"  # type: ignore[index]


@pytest.mark.parametrize(
    ("field", "typed"),
    [("spa_client_id", SECRET), ("native_client_id", "00" + "canary-token" * 3 + "x" * 4), ("spa_domain", "canary")],
)
def test_what_cannot_be_an_entry_is_refused_beside_its_field_and_kept_nowhere(
    world: World, pat: Visitor, link: str, field: str, typed: str
) -> None:
    answer = pat.submit(pat.get(link), "spa_client_id", **{field: typed})
    assert answer.status_code == 422
    assert Page(answer.text).problem_at(field)
    assert draft_of(world) is None
    assert "canary" not in str([event.about for event in world.activity()])


def test_two_who_save_do_not_overwrite_each_other(world: World, olivia: Visitor, pat: Visitor, link: str) -> None:
    page = pat.get(link)
    olivia.submit(olivia.get(GUIDE), "spa_client_id", spa_client_id="0oaOlivia00000000001")
    answer = pat.submit(page, "spa_client_id", spa_client_id="0oaPat00000000000001")
    assert answer.status_code == 409
    assert "Somebody else saved meanwhile" in answer.text
    assert "0oaPat00000000000001" in answer.text
    assert draft_of(world)["spa_client_id"] == "0oaOlivia00000000001"  # type: ignore[index]


def test_a_form_from_another_site_is_turned_away(world: World, pat: Visitor, link: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/okta", "/spa", "/checks"):
        assert pat.step(link + path, method="POST", data={"was": ""}, headers=headers).status_code == 403
    assert draft_of(world) is None


def test_the_checks_run_and_are_shown(world: World, pat: Visitor, link: str) -> None:
    assert "Nothing has been checked" in pat.get(f"{link}/checks").text
    assert pat.step(f"{link}/checks", method="POST").headers["Location"] == f"{link}/checks"
    until = time.monotonic() + 15
    while 'http-equiv="refresh"' in (page := pat.get(f"{link}/checks")).text:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert "Web app: Sign-in redirect URI" in page.text
    assert "Right" in page.text
    assert "Checked: right" in pat.get(f"{link}/spa").text


# -- the token ---------------------------------------------------------------------------------------------------------


def test_the_token_is_in_no_row_of_the_database(world: World, pat: Visitor, link: str) -> None:
    pat.get(link)
    token = link.rpartition("/")[2]
    file = sqlite3.connect(world.settings.database_url.removeprefix("sqlite:///"))
    assert token not in "\n".join(file.iterdump())
    file.close()


def test_the_token_is_in_no_log_line(
    world: World, olivia: Visitor, log: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    link = make_link(olivia)
    pat = world.stranger
    page = pat.get(link)
    pat.submit(page, "spa_client_id", spa_client_id=SECRET)
    pat.get(f"{link}/nope")
    pat.get(link[:-1])
    written = log.getvalue()
    assert '"route": "/setup/<token>"' in written
    for secret in (link.rpartition("/")[2][:-1], SECRET):
        assert secret not in written
        assert secret not in heard(caplog)


def test_its_pages_are_kept_from_searches_caches_and_other_sites(pat: Visitor, link: str) -> None:
    for path in ("", "/spa", "/print", "/checks", "/nope"):
        answer = pat.get(link + path)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 42 + "é", "A" * 5000, "..", "' OR 1=1 --"])
def test_a_link_that_never_was_looks_like_one_that_has_expired(world: World, pat: Visitor, token: str) -> None:
    assert_gone(pat.get(f"/setup/{token}")) if "." not in token else None
    assert [event.what for event in world.activity()].count("setup_link.used") == 0


def test_guessing_links_is_slowed_down_and_does_not_lock_the_real_one(pat: Visitor, link: str) -> None:
    answers = [pat.get("/setup/" + f"{number:043}").status_code for number in range(32)]
    assert answers == [404] * 30 + [429] * 2
    assert pat.get(link).status_code == 200


@pytest.mark.parametrize(("path", "most"), [("/okta", 30), ("/checks", 6)])
def test_a_link_that_is_used_too_much_takes_nothing_from_the_owner_nor_from_another_link(
    world: World, olivia: Visitor, pat: Visitor, link: str, path: str, most: int
) -> None:
    other = make_link(olivia, "Somebody else")
    wrong = {"spa_client_id": "0oa12345678901234567", "spa_domain": "nope"}
    answers = [pat.step(link + path, method="POST", data=wrong).status_code for _ in range(most + 1)]
    assert [answer == 429 for answer in answers] == [False] * most + [True]
    assert pat.step(other + path, method="POST", data=wrong).status_code != 429
    right = {"spa_client_id": world.sandbox.client_id("spa"), "spa_domain": world.okta}
    address = "/organizations/acme/integrations/okta" + path.removeprefix("/okta")
    assert olivia.step(address, method="POST", data=right).status_code == 303


def test_a_visit_is_told_once(world: World, olivia: Visitor, pat: Visitor, link: str) -> None:
    for path in ("", "/spa", "/native"):
        pat.get(link + path)
    used = [event for event in world.activity() if event.what == "setup_link.used"]
    assert [(event.who, event.about) for event in used] == [("Pat Admin", {"setup_link": 1})]
    assert "Not yet" not in olivia.get(LINKS).text
