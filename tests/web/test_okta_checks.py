"""The page of the checks: what it shows before, while and after they run, who may do what, and how often."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from portal.background import MOST
from portal.check_texts import CAUSES, TITLES, explain
from portal.okta.connect import Entries
from portal.okta.steps import STEPS
from portal.store.check_runs import LIFE_SECONDS, find_latest_run, finish_run, save_rows, start_run
from portal.store.drafts import save_draft
from portal.store.setup_tables import check_runs
from portal.subjects import find_subject
from tests.pages import Page
from tests.web.steps import embed
from tests.world import Visitor, World

CHECKS = "/organizations/acme/integrations/okta/checks"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


def press(visitor: Visitor, subject: str = "") -> requests.Response:
    """The button of the page, whatever it says."""
    page = visitor.get(CHECKS + (f"?subject={subject}" if subject else ""))
    return visitor.submit(page, "subject", follow=False)


def wait_until_over(world: World, seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with world.services.db.reading() as connection:
            run = find_latest_run(connection, world.acme_id)
        if run is not None and run.finished_at is not None:
            return
        time.sleep(0.05)
    raise AssertionError("the checks did not end")


def check(world: World, visitor: Visitor, subject: str = "") -> Page:
    """The page after a whole run."""
    answer = press(visitor, subject)
    assert answer.status_code == 303
    wait_until_over(world)
    return Page(visitor.follow(answer).text)


def count_runs(world: World) -> int:
    with world.services.db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(check_runs)).scalar_one())


def draft(world: World, **changes: str) -> None:
    """Acme's owner has entered this and not switched it on."""
    known = {"spa_client_id": world.sandbox.client_id("spa"), "spa_domain": world.okta}
    entries = {**asdict(Entries(**{**known, **changes})), "sign_in": "redirect"}
    with world.services.db.writing() as connection:
        save_draft(
            connection, world.acme_id, entries=entries, apps=[], problems={}, who="olivia@acme.example",
            now=world.services.now(),
        )  # fmt: skip


def keep_run(world: World, *rows: dict[str, Any], over: bool = True, who: str = "olivia@acme.example") -> None:
    """A run of what is live, as if it had found this."""
    now = world.services.now()
    with world.services.db.writing() as connection:
        live = find_subject(connection, world.acme_id, "live")
        assert live is not None
        run_id, _ = start_run(
            connection, world.acme_id, subject="live", fingerprint=live.fingerprint, who=who, now=now
        )
        known = {"cause": "", "found": "", "expected": "", "at": now}
        save_rows(connection, world.acme_id, run_id, [{**known, **row} for row in rows], now=now)
        if over:
            finish_run(connection, world.acme_id, run_id, okta_host="acme.okta.com", server_id="default", now=now)


def open_links(page: Page) -> list[dict[str, str]]:
    return [each.attributes for each in page.elements if each.tag == "a" and each.text == "Open in Okta"]


@contextmanager
def a_host_that_says_nothing() -> Iterator[str]:
    """Takes every connection and answers none."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        yield f"http://localhost:{silent.getsockname()[1]}"


@pytest.fixture
def olivia(world: World) -> Visitor:
    visitor = world.olivia
    visitor.log_in_by_password()
    return visitor


def test_where_nothing_is_entered_the_page_leads_to_the_form_and_the_guide(world: World) -> None:
    gus = world.gus
    gus.log_in_by_password()
    page = Page(gus.get(CHECKS.replace("acme", "globex")).text)
    assert "Nothing to check yet" in page.text
    links = {each.attributes.get("href") for each in page.elements if each.tag == "a"}
    okta = "/organizations/globex/integrations/okta"
    assert {okta, okta + "/guide"} <= links
    assert gus.step(CHECKS.replace("acme", "globex"), method="POST").headers["Location"].endswith("/okta/checks")
    assert count_runs(world) == 0


def test_a_right_okta_has_nothing_to_put_right(world: World, olivia: Visitor) -> None:
    embed(world)
    page = check(world, olivia)
    assert "Nothing to put right" in page.text
    assert "4 that only a test login can tell." in page.text
    assert "olivia@acme.example" in page.find("div", aria_live="polite").text
    ids = {each.attributes.get("id") for each in page.elements}
    assert {"step-" + step.id.replace(".", "-") for step in STEPS} <= ids
    assert open_links(page) == []
    ways = [each for each in page.elements if each.tag == "a" and each.text == "Run a test login"]
    assert [each.attributes["href"] for each in ways] == ["/organizations/acme/integrations/okta/test"] * 4


def test_a_wrong_step_says_what_it_should_be_and_where_to_change_it(world: World, olivia: Visitor) -> None:
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"] = ["https://elsewhere.example/"]
    page = check(world, olivia)
    assert "1 step to put right" in page.text
    jump = page.find("a", href="#step-spa-redirect_uri")
    assert jump.text == "Web app: Sign-in redirect URI"
    assert "Sign-in redirect URIs > Add URI." in page.text
    assert page.find("code", translate="no").text == world.base + "/login/callback"
    (link,) = open_links(page)
    assert link["href"].startswith(world.okta)
    assert (link["target"], link["rel"]) == ("_blank", "noopener noreferrer")
    assert link["aria-label"] == "Open in Okta: Web app: Sign-in redirect URI"


def test_at_okta_itself_the_link_leads_into_the_admin_console(world: World, olivia: Visitor) -> None:
    keep_run(world, {"step": "spa.redirect_uri", "verdict": "wrong", "cause": "redirect_uri_missing"})
    (link,) = open_links(Page(olivia.get(CHECKS).text))
    client_id = world.sandbox.client_id("spa")
    assert link["href"] == f"https://acme-admin.okta.com/admin/app/oidc_client/instance/{client_id}#tab-general"


def test_what_is_entered_in_point_is_put_right_in_point(world: World, olivia: Visitor) -> None:
    keep_run(world, {"step": "pair", "verdict": "wrong", "cause": "swapped", "found": "x, y"})
    link = Page(olivia.get(CHECKS).text).find("a", aria_label="Change POINT's settings: The two apps belong together")
    assert link.attributes["href"] == "/organizations/acme/integrations/okta"


def test_the_draft_is_checked_and_what_is_live_can_be_chosen(world: World, olivia: Visitor) -> None:
    draft(world, spa_client_id="0oaUnknown0000000001")
    page = check(world, olivia)
    assert "about your draft" in page.text
    assert page.find("a", href="#step-spa-client")
    live = Page(olivia.get(CHECKS + "?subject=live").text)
    assert "settings that are live" in live.text
    assert "step-spa-client" not in olivia.get(CHECKS + "?subject=live").text
    assert page.find("a", href=CHECKS + "?subject=live")
    assert press(olivia, "live").headers["Location"].endswith("?subject=live")


def test_the_page_says_when_the_settings_have_changed_since(world: World, olivia: Visitor) -> None:
    draft(world)
    assert "have changed since" not in check(world, olivia).text
    draft(world, spa_client_id=world.sandbox.client_id("native"))
    assert "have changed since" in olivia.get(CHECKS).text


def test_a_draft_that_went_live_keeps_its_result(world: World, olivia: Visitor) -> None:
    native = {"native_client_id": world.sandbox.client_id("native"), "native_domain": world.okta}
    draft(world, **native, authorization_server="org")
    page = check(world, olivia)
    assert "about your draft" in page.text
    live = Page(olivia.get(CHECKS + "?subject=live").text)
    assert "that only a test login can tell" in live.text
    assert "have changed since" not in live.text


def test_while_the_checks_run_the_page_shows_how_far_they_are(world: World, olivia: Visitor) -> None:
    world.sandbox.delay_ms = 400
    world.sandbox.fault("slow_everything")
    answer = press(olivia)
    html = olivia.follow(answer).text
    page = Page(html)
    assert "Checking with your Okta" in page.text
    assert "Checking..." in page.text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in html
    urls = [each.attributes["data-url"] for each in page.elements if each.attributes.get("data-module") == "live"]
    assert len(urls) == 2
    seen = set()
    while (state := Page(olivia.get(urls[1]).text)).elements[0].attributes.get("data-module") == "live":
        seen.add(int(state.find("progress").attributes["value"]))
        time.sleep(0.05)
    assert len(seen) > 2
    assert "Right" in state.text
    over = Page(olivia.get(urls[0]).text)
    assert "data-module" not in over.elements[0].attributes
    assert "Checked " in over.text
    assert "http-equiv" not in olivia.get(CHECKS).text


def test_a_second_press_finds_the_run_under_way_and_counts_for_nothing(world: World, olivia: Visitor) -> None:
    world.sandbox.delay_ms = 300
    world.sandbox.fault("slow_everything")
    for _ in range(8):
        assert press(olivia).headers["Location"] == CHECKS + "?subject=live"
    assert count_runs(world) == 1
    wait_until_over(world)


def test_a_seventh_run_within_a_minute_has_to_wait(world: World, olivia: Visitor) -> None:
    for _ in range(6):
        assert press(olivia).status_code == 303
        wait_until_over(world)
    refused = press(olivia)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert Page(refused.text).find("a", href=CHECKS + "?subject=live").text == "Back to the checks"
    assert count_runs(world) == 6


def test_a_process_that_has_too_much_to_do_says_so_and_begins_nothing(world: World, olivia: Visitor) -> None:
    background, go_on = world.services.background, Event()
    busy = [background.start("busy", lambda: go_on.wait(20) and None, owner=n) for n in range(-MOST, 0)]
    refused = press(olivia)
    assert refused.status_code == 503
    assert count_runs(world) == 0
    go_on.set()
    for each in busy:
        each.result(5)
    assert "that only a test login can tell" in check(world, olivia).text


def test_a_dead_host_keeps_nobody_else_waiting(world: World, olivia: Visitor) -> None:
    with a_host_that_says_nothing() as dead:
        draft(world, spa_domain=dead)
        began = time.monotonic()
        assert press(olivia).status_code == 303
        while time.monotonic() < began + 1.5:
            for path in ("/", "/login/acme", CHECKS, "/organizations/acme/integrations", "/healthz"):
                asked = time.monotonic()
                assert olivia.get(path).status_code == 200
                assert time.monotonic() - asked < 2
        alice = world.alice
        alice.log_in()
        assert alice.session()["authenticated"]
        wait_until_over(world)
        assert time.monotonic() - began < 11
    page = Page(olivia.get(CHECKS).text)
    assert "Your Okta could not be asked." in page.text
    assert "Nothing to put right" not in page.text


def test_an_admin_may_look_and_not_check(world: World, olivia: Visitor) -> None:
    check(world, olivia)
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = Page(adam.get(CHECKS).text)
    assert "Okta domain" in page.text
    assert "An owner of your organization can check again." in page.text
    assert not [each for each in page.elements if each.tag == "button" and "Check" in each.text]
    assert adam.step(CHECKS, method="POST").status_code == 403


@pytest.mark.parametrize("part", ["", "/progress", "/rows"])
def test_nobody_else_finds_anything(world: World, part: str) -> None:
    carol, alice = world.carol, world.alice
    carol.log_in_by_password()
    alice.log_in()
    assert carol.step(CHECKS + part).status_code == 404
    assert alice.step(CHECKS + part).status_code == 403


def test_a_run_whose_process_has_gone_says_so_and_is_in_nobodys_way(world: World, olivia: Visitor) -> None:
    keep_run(world, {"step": "domain", "verdict": "right"}, over=False)
    assert "Checking with your Okta" in olivia.get(CHECKS).text
    world.clock.forward(LIFE_SECONDS)
    page = Page(olivia.get(CHECKS).text)
    assert "stopped before they were done" in page.text
    assert page.find("details", id="step-domain")
    assert "Checking..." not in page.text
    assert "that only a test login can tell" in check(world, olivia).text


def test_what_the_watch_found_is_shown_as_its(world: World, olivia: Visitor) -> None:
    keep_run(world, {"step": "domain", "verdict": "right"}, who="maintenance")
    assert "by POINT, which looks by itself once a day" in olivia.get(CHECKS).text


@pytest.mark.parametrize("verdict", ["wrong", "unknown", "login", "right", "a new one"])
def test_a_cause_and_a_step_of_a_newer_version_still_make_a_page(world: World, olivia: Visitor, verdict: str) -> None:
    row = {"verdict": verdict, "cause": "never_heard_of", "found": "<b>x</b>", "expected": "y" * 300}
    keep_run(world, {"step": "domain", **row}, {"step": "spa.brand_new", **row}, {"step": "brand_new", **row})
    page = Page(olivia.get(CHECKS).text)
    assert "Okta domain" in page.text
    assert "brand_new" in page.text
    assert not [each for each in page.elements if each.tag == "b" and each.text == "x"]


def test_a_subject_that_is_not_there_is_the_other_one(world: World, olivia: Visitor) -> None:
    for name in ("draft", "nonsense", "live", ""):
        assert "settings that are live" in olivia.get(f"{CHECKS}?subject={name}").text


def test_every_step_has_a_name_and_every_cause_a_sentence() -> None:
    from portal.okta import checks

    assert set(TITLES) == {step.id for step in STEPS}
    plain = {explain("domain", verdict, "") for verdict in ("right", "wrong", "unknown", "login")}
    assert set(checks.CAUSES)
    assert [cause for cause in checks.CAUSES if explain("domain", "wrong", cause) in plain] == []
    assert [text for text in CAUSES.values() if not text.endswith((".", ")"))] == []


def test_what_is_kept_of_a_run_is_what_was_found(world: World, olivia: Visitor) -> None:
    check(world, olivia)
    with world.services.db.reading() as connection:
        run = find_latest_run(connection, world.acme_id)
    assert run is not None
    assert (run.okta_host.removeprefix("http://"), run.server_id) == (world.okta.removeprefix("http://"), "org")
    assert all(row.keys() == {"step", "verdict", "cause", "found", "expected", "at"} for row in run.rows)
    assert "olivia" not in json.dumps(run.rows)
