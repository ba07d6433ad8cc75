"""Connecting an Okta account to a POINT account: the button belongs to the offer shown, the proof comes after it."""

from __future__ import annotations

import pytest
import requests

from portal.store.members import add_member
from tests.pages import Page
from tests.web.steps import add_person, globex_okta, identities_of
from tests.world import Visitor, World


@pytest.fixture
def offered(world: World) -> Visitor:
    """Carol, of Globex, has come back from Acme's Okta and is asked to prove her account."""
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = world.carol
    assert carol.log_in().url == f"{world.base}/login/link"
    return carol


def press(visitor: Visitor, page: requests.Response, **fields: str) -> requests.Response:
    form = Page(page.text).form_with("mark")
    return visitor.step("/login/link", method="POST", data={**form.fields, **fields})


def test_a_login_from_before_the_offer_proves_nothing(world: World) -> None:
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = world.carol
    carol.log_in_by_password()
    world.clock.forward(5)
    page = carol.log_in()
    assert page.url == f"{world.base}/login/link"
    assert "Connect my Okta account" not in page.text
    carol.step("/login/link", method="POST")
    assert identities_of(world, "carol@globex.example") == set()


@pytest.mark.parametrize("mark", ["", "0" * 32])
def test_the_button_of_another_offer_links_nothing(world: World, offered: Visitor, mark: str) -> None:
    page = offered.log_in_by_password(next_="/login/link")
    assert press(offered, page, mark=mark).status_code == 409
    assert identities_of(world, "carol@globex.example") == set()


def test_the_button_of_a_page_made_for_another_session_links_nothing(world: World, offered: Visitor) -> None:
    page = offered.log_in_by_password(next_="/login/link")
    assert press(offered, page, form_stamp="0" * 32).status_code == 409
    assert identities_of(world, "carol@globex.example") == set()


def test_the_page_that_was_asked_for_is_kept_over_the_link(world: World) -> None:
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = world.carol
    carol.log_in(next_="/account")
    page = carol.log_in_by_password(next_="/login/link")
    done = carol.submit(page, button="Connect my Okta account")
    assert Page(done.text).find("a", href="/login/acme/okta?next=%2Faccount")


def test_somebody_without_a_password_is_led_to_their_own_okta(world: World) -> None:
    with globex_okta(world):
        with world.services.db.writing() as connection:
            add_member(connection, world.globex_id, "nan@globex.example", role="volunteer", now=world.services.now())
        add_person(world.sandbox, "nan@globex.example", "Nan")
        page = world.person("nan@globex.example").log_in()
        assert Page(page.text).find("a", href="/login/globex/okta?next=%2Flogin%2Flink").text == "Log in"
