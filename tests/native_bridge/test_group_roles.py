"""Roles follow Okta's groups on the phone as they do on the web."""

from __future__ import annotations

import pytest

from tests.native_bridge.steps import Phone
from tests.web.group_steps import ADMINS, ALICE, events, give, name_all, role_of
from tests.world import World

ROW = {ADMINS: "admin"}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.mark.parametrize("embedded", [False, True], ids=["at Okta", "in the app's own form"])
def test_a_login_of_the_app_takes_the_role_from_the_groups(world: World, embedded: bool) -> None:
    give(world, **ROW)
    world.sandbox.put_in_group(ALICE, ADMINS)
    phone = Phone(world)
    link = phone.come_back_embedded() if embedded else phone.come_back()
    assert phone.complete(link).status_code == 200
    assert phone.ask("GET", "/me").json()["user"]["role"] == "admin"
    assert events(world)[0].about == {"old": "volunteer", "new": "admin", "groups": [ADMINS]}
    if embedded:
        assert "groups" in phone.begun["scopes"]
    world.sandbox.put_in_group(ALICE, ADMINS, on=False)
    other = Phone(world)
    assert other.complete(other.come_back_embedded() if embedded else other.come_back()).status_code == 200
    assert role_of(world) == "volunteer"
    assert phone.ask("GET", "/me").json()["user"]["role"] == "volunteer"


def test_without_a_mapping_the_app_is_asked_for_no_groups(world: World) -> None:
    phone = Phone(world)
    phone.complete(phone.come_back_embedded())
    assert "groups" not in phone.begun["scopes"]


def test_a_refresh_of_the_app_takes_the_role_up_and_down(world: World) -> None:
    world.connect(authorization_server="default")
    name_all(world)
    give(world, **ROW)
    phone = Phone(world)
    phone.log_in()
    for on, role in ((True, "admin"), (False, "volunteer")):
        world.sandbox.put_in_group(ALICE, ADMINS, on=on)
        world.clock.forward(601)
        assert phone.refresh().status_code == 200
        assert phone.ask("GET", "/me").json()["user"]["role"] == role


def test_a_session_of_the_app_from_before_a_mapping_refreshes_with_its_own_scope(world: World) -> None:
    phone = Phone(world)
    phone.log_in()
    give(world, **ROW)
    world.clock.forward(601)
    assert phone.refresh().status_code == 200
    assert phone.is_logged_in()
    [asked] = [call for call in world.requests_to("/token") if "refresh_token" in call.form]
    assert "groups" not in asked.form["scope"][0]
