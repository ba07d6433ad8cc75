"""What the Okta page says of the sign-in on POINT's own page: what the checks have found last, asking nobody for it."""

from __future__ import annotations

import pytest

from portal.check_texts import TITLES
from portal.web import widget_assets
from tests.needs import forget_tries, need
from tests.pages import Page
from tests.web.steps import embed
from tests.web.test_okta_checks import check
from tests.world import Visitor, World

OKTA = "/organizations/acme/integrations/okta"


@pytest.fixture
def world(world: World) -> World:
    found = widget_assets.find_widget(widget_assets.FOLDER)
    need(found, "Okta's Sign-In Widget: install Node with npm, then `make node_modules/ready`")
    forget_tries()
    embed(world)
    return world


@pytest.fixture
def olivia(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def card(world: World, visitor: Visitor) -> Page:
    """The page, for which that Okta has not been asked."""
    asked = len(world.sandbox.requests)
    page = Page(visitor.get(OKTA).text)
    assert len(world.sandbox.requests) == asked
    return page


def test_it_says_what_the_checks_have_found_and_asks_nobody(world: World, olivia: Visitor) -> None:
    page = card(world, olivia)
    assert "Not checked yet" in page.text
    way = next(each for each in page.elements if (each.tag, each.text) == ("a", "Check now"))
    assert way.attributes["href"] == f"{OKTA}/checks?subject=live"
    check(world, olivia, "live")
    page = card(world, olivia)
    assert "Found by the checks, " in page.text
    assert "People sign in with Okta's own form" in page.text
    world.sandbox.fault("app_without_interaction_code")
    # Nobody has looked since: it says what was found, and when.
    assert "People sign in with Okta's own form" in card(world, olivia).text
    check(world, olivia, "live")
    page = card(world, olivia)
    assert "Until this is changed" in page.text
    assert TITLES["spa.interaction_code"] in page.text
    repair = next(each for each in page.elements if (each.tag, each.text) == ("a", "What to do about it"))
    assert repair.attributes["href"] == f"{OKTA}/checks?subject=live#step-spa-interaction_code"
    assert 'id="step-spa-interaction_code"' in olivia.get(f"{OKTA}/checks?subject=live").text


def test_what_was_found_with_other_settings_counts_no_more(world: World, olivia: Visitor) -> None:
    check(world, olivia, "live")
    embed(world, authorization_server="org")
    assert "Not checked yet" in card(world, olivia).text
    world.connect()
    assert "Switched off: people sign in on Okta's page." in card(world, olivia).text


def test_an_admin_sees_it_too(world: World, olivia: Visitor) -> None:
    check(world, olivia, "live")
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = card(world, adam)
    assert "Found by the checks, " in page.text
    assert any((each.tag, each.text) == ("a", "Look at the checks") for each in page.elements)
