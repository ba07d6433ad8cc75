"""The checks in a real browser: the result comes by itself, with and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.steps import embed
from tests.world import World

CHECKS = "/organizations/acme/integrations/okta/checks"


def break_a_lot(world: World) -> None:
    """Embedded sign-in is wanted, and much of what it needs is not there."""
    embed(world)
    app = world.sandbox.app(world.sandbox.client_id("spa"))
    app.oauth["redirect_uris"] = ["https://elsewhere.example/"]
    app.oauth["grant_types"].remove("refresh_token")
    world.sandbox.fault("app_without_interaction_code")


def wait_until_over(person: Person) -> None:
    expect(person.page.get_by_text("by olivia@acme.example.")).to_be_visible(timeout=15_000)


def test_the_result_comes_by_itself_and_nothing_is_lost_of_where_one_was(olivia: Person, world: World) -> None:
    break_a_lot(world)
    world.sandbox.delay_ms = 300
    world.sandbox.fault("slow_everything")
    olivia.log_in_by_password().go(CHECKS).press("Check now").sees("Checking with your Okta")
    marked = olivia.page.evaluate("document.body.dataset.kept = 'yes'")
    expect(olivia.page.get_by_role("progressbar")).to_be_visible()
    wait_until_over(olivia)
    assert marked == olivia.page.evaluate("document.body.dataset.kept"), "the page was not loaded anew"
    olivia.sees("4 steps to put right")
    assert olivia.page.locator("[aria-busy]").count() == 0
    olivia.page.get_by_role("link", name="Web app: Sign-in redirect URI", exact=True).click()
    expect(olivia.page.locator("#step-spa-redirect_uri")).to_be_in_viewport()
    # The rows came after the page, and have their buttons all the same.
    expect(olivia.page.locator("#step-spa-redirect_uri").get_by_role("button")).to_have_text("Copy")


def test_only_the_sentence_on_top_is_read_out(olivia: Person, world: World) -> None:
    olivia.log_in_by_password().go(CHECKS).press("Check now")
    wait_until_over(olivia)
    read = olivia.page.locator("[aria-live], [role=status], [role=alert]")
    texts = [text for text in read.all_inner_texts() if text]
    assert len(texts) == 1
    assert "Nothing to put right" in texts[0]


@pytest.mark.drives("okta_checks.run")
def test_without_javascript_the_page_refreshes_until_it_is_over(meet: Meet, world: World) -> None:
    world.sandbox.delay_ms = 300
    world.sandbox.fault("slow_everything")
    olivia = meet("olivia@acme.example", java_script_enabled=False)
    olivia.log_in_by_password().go(CHECKS).press("Check now").sees("Checking with your Okta")
    wait_until_over(olivia)
    assert olivia.page.locator("noscript").count() == 0
    olivia.page.locator("#step-domain summary").click()
    olivia.sees("In POINT's records")


def test_a_row_is_opened_and_the_checks_are_run_by_keyboard(olivia: Person) -> None:
    olivia.log_in_by_password().go(CHECKS)
    olivia.control("Check now").focus()
    olivia.page.keyboard.press("Enter")
    wait_until_over(olivia)
    olivia.page.locator("#step-domain summary").focus()
    olivia.page.keyboard.press("Enter")
    olivia.sees("In POINT's records")
