"""The guide in a real browser: by keyboard, without scripts, on paper, handed over."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from portal import guide
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"
GUIDE = OKTA + "/guide"


def hand_over(olivia: Person) -> str:
    """Makes a link; answers its address."""
    olivia.go(GUIDE).press("Hand over to an Okta administrator").type("Who is it for?", "Pat").press("Make the link")
    olivia.sees("The link for Pat is ready.")
    return olivia.page.locator(".copy code").first.inner_text()


def press_key_until(page: Page, key: str, label: str) -> None:
    """Moves on by `key` until the control with this name has the focus."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText").startswith(label):
            return
    raise AssertionError(f"{label} cannot be reached by {key}")


@pytest.mark.drives("okta_guide.save_progress")
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_what_is_ticked_off_is_counted_and_can_be_taken_back(world: World, meet: Meet, javascript: bool) -> None:
    """The whole guide is gone through in test_setup_journey.py."""
    olivia = meet("olivia@acme.example", java_script_enabled=javascript).log_in_by_password()
    olivia.press("Integrations").press("Manage Okta").press("Guide").at("Set-up guide", GUIDE).sees("0 of 39 done")
    olivia.press(guide.PARTS[1].title).at(guide.PARTS[1].title)
    for box in olivia.page.get_by_role("checkbox").all():
        box.check()
    olivia.press(f"Next: {guide.PARTS[2].title}").at(guide.PARTS[2].title)
    olivia.press(f"Previous: {guide.PARTS[1].title}").sees("11 of 11 done").sees("Ticked off by olivia@acme.example")
    olivia.page.get_by_label("Done: Create a new app integration").uncheck()
    olivia.press("Save progress").sees("Progress saved.").sees("10 of 11 done")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_the_fields_beside_the_guide_save_what_was_copied(world: World, meet: Meet, javascript: bool) -> None:
    olivia = meet("olivia@acme.example", java_script_enabled=javascript).log_in_by_password()
    olivia.go(f"{GUIDE}/find-spa").type("SPA: Okta Domain", world.okta).press("Save").sees("Saved.")
    assert olivia.page.url.startswith(olivia.base + OKTA)


def test_what_is_typed_beside_the_guide_goes_along_until_it_is_saved(world: World, meet: Meet) -> None:
    olivia = meet("olivia@acme.example").log_in_by_password().go(f"{GUIDE}/spa")
    field, hint = olivia.page.get_by_label("SPA: Okta Client ID"), olivia.page.get_by_text("Not saved yet.")
    expect(hint).to_be_hidden()
    olivia.type("SPA: Okta Client ID", "0oaTyped000000000001")
    expect(hint).to_be_visible()
    olivia.press("Next: Add POINT to Okta (Native App)").at("Add POINT to Okta (Native App)")
    expect(field).to_have_value("0oaTyped000000000001")
    expect(hint).to_be_visible()
    olivia.press("Save as a draft").sees("Kept as a draft.")
    expect(field).to_have_value("0oaTyped000000000001")
    expect(hint).to_be_hidden()
    olivia.go(OKTA).press("Throw the draft away").go(GUIDE)
    expect(field).to_have_value(world.sandbox.client_id("spa"))


def test_a_secret_that_is_pasted_beside_the_guide_goes_nowhere(meet: Meet) -> None:
    secret = "Zk3" + "x" * 61
    olivia = meet("olivia@acme.example").log_in_by_password().go(f"{GUIDE}/spa")
    olivia.type("SPA: Okta Client ID", secret).type("SPA: Okta Domain", "00" + "y" * 40)
    assert olivia.page.evaluate("Object.values(sessionStorage)") == ["{}"]
    olivia.press("Next: Add POINT to Okta (Native App)").at("Add POINT to Okta (Native App)")
    assert olivia.page.get_by_label("SPA: Okta Client ID").input_value() != secret


def test_everything_is_reached_by_keyboard(meet: Meet) -> None:
    olivia = meet("olivia@acme.example").log_in_by_password().go(f"{GUIDE}/origins")
    page = olivia.page
    press_key_until(page, "Tab", "Open in Okta")
    press_key_until(page, "Tab", "Done: Check whether POINT is already listed")
    page.keyboard.press("Space")
    press_key_until(page, "Tab", "The sign-in form on POINT's page says")
    page.keyboard.press("Enter")
    olivia.sees("is not ticked at this origin")
    press_key_until(page, "Tab", "Next: Access Policies")
    page.keyboard.press("Enter")
    olivia.at("Access Policies")
    olivia.go(f"{GUIDE}/origins").sees("1 of 2 done")


def test_a_value_is_copied_by_its_button(world: World, meet: Meet) -> None:
    olivia = meet("olivia@acme.example", permissions=["clipboard-read", "clipboard-write"]).log_in_by_password()
    olivia.go(f"{GUIDE}/spa").press("Copy: Sign-in redirect URIs")
    expect(olivia.page.get_by_text("Copied")).to_be_visible()
    assert olivia.page.evaluate("navigator.clipboard.readText()") == f"{world.base}/login/callback"


def test_headings_go_down_one_at_a_time_and_steps_are_lists(meet: Meet) -> None:
    olivia = meet("olivia@acme.example").log_in_by_password()
    for path in ("", "/spa", "/policies", "/print", "/links"):
        olivia.go(GUIDE + path)
        levels = olivia.page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), (path, levels)
    olivia.go(f"{GUIDE}/spa")
    assert olivia.page.locator("ol.tasks > li").count() == 11


def test_on_paper_there_are_boxes_and_values_and_no_menu(world: World, meet: Meet) -> None:
    olivia = meet("olivia@acme.example").log_in_by_password().go(GUIDE).press("Print as a hand-over sheet")
    olivia.at("Okta set-up for Acme Volunteers", f"{GUIDE}/print")
    page = olivia.page
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    for hidden in ("header.top", "footer.bottom", ".handover-way"):
        expect(page.locator(hidden)).to_be_hidden()
    assert page.locator(".sheet-box").count() == 39
    expect(page.get_by_text(f"{world.base}/login/callback")).to_be_visible()
    assert len(page.pdf()) > 20_000


def test_the_printed_guide_page_leaves_the_menus_out(meet: Meet) -> None:
    olivia = meet("olivia@acme.example").log_in_by_password().go(f"{GUIDE}/spa")
    olivia.page.emulate_media(media="print")
    for hidden in (".menu", ".parts", "footer.bottom"):
        expect(olivia.page.locator(hidden)).to_be_hidden()


@pytest.mark.drives(
    "okta_guide.make_link", "okta_guide.take_link_back", "setup_link.save_progress", "setup_link.save_draft",
    "setup_link.check",
)  # fmt: skip
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_the_link_is_handed_over_used_and_taken_back(world: World, meet: Meet, javascript: bool) -> None:
    olivia = meet("olivia@acme.example", java_script_enabled=javascript).log_in_by_password()
    address = hand_over(olivia)
    pat = meet(java_script_enabled=javascript).go(address).at("Set up Okta for Acme Volunteers")
    pat.press("Add POINT to Okta (SPA)").at("Add POINT to Okta (SPA)")
    pat.page.get_by_label("Done: Navigate to Applications").check()
    pat.press("Next: Add POINT to Okta (Native App)").at("Add POINT to Okta (Native App)")
    pat.type("SPA: Okta Client ID", "0oaOther000000000001").press("Save as a draft").sees("Saved as a draft.")
    pat.type("SPA: Okta Domain", "acme").press("Save as a draft").sees("Nothing was saved.")
    expect(pat.page.get_by_label("SPA: Okta Domain")).to_have_attribute("aria-invalid", "true")
    pat.press("Checks").press("Check now").sees("What was found")
    with pat.page.expect_response(re.compile("/print")):
        pat.press("Print")
    olivia.go(OKTA).sees("0oaOther000000000001").sees("Pat")
    olivia.go(f"{GUIDE}/links").press("Revoke: Pat").sees("The link does not work any more.")
    pat.go(address).at("This set-up link does not work").sees("Ask the person who sent it to you")
