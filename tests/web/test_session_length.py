"""An organization's own limits on sessions, set on the Security page."""

from __future__ import annotations

import pytest

from tests.world import Visitor, World

PAGE = "/organizations/acme/security"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture
def olivia(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def test_a_shorter_limit_counts_for_those_who_are_logged_in_already(world: World, olivia: Visitor) -> None:
    alice = world.alice
    alice.log_in()
    done = olivia.submit(olivia.get(PAGE), idle="900", most="28800")
    assert "It counts for everybody who is logged in now, too." in done.text
    assert '<option value="900" selected>15 minutes</option>' in done.text
    world.clock.forward(901)
    assert alice.session() == {"authenticated": False}
    event = next(event for event in world.activity() if event.what == "security.sessions_changed")
    assert event.about == {
        "old": {"idle_seconds": None, "most_seconds": None}, "new": {"idle_seconds": 900, "most_seconds": 28800}
    }  # fmt: skip


def test_a_session_ends_after_the_longest_time_however_it_is_used(world: World, olivia: Visitor) -> None:
    olivia.submit(olivia.get(PAGE), idle="", most="28800")
    alice = world.person("adam@acme.example")
    alice.log_in_by_password()
    for _ in range(8):
        world.clock.forward(3590)
        assert alice.session()["authenticated"]
    world.clock.forward(100)
    assert alice.session() == {"authenticated": False}


def test_the_usual_limits_come_back(world: World, olivia: Visitor) -> None:
    olivia.submit(olivia.get(PAGE), idle="900", most="")
    done = olivia.submit(olivia.get(PAGE), idle="", most="")
    assert '<option value="" selected>12 hours (usual)</option>' in done.text
    world.clock.forward(3600)
    assert olivia.session()["authenticated"]


@pytest.mark.parametrize("idle", ["1", "99999999999999", "x", "-900", "900.0"])
def test_what_is_not_offered_is_not_taken(world: World, olivia: Visitor, idle: str) -> None:
    answer = olivia.step(f"{PAGE}/sessions", method="POST", data={"idle": idle, "most": ""})
    assert answer.status_code == 400
    assert '<option value="" selected>12 hours (usual)</option>' in olivia.get(PAGE).text


def test_an_admin_sees_the_limits(world: World, olivia: Visitor) -> None:
    olivia.submit(olivia.get(PAGE), idle="1800", most="")
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = adam.get(PAGE).text
    assert "30 minutes" in page
    assert "Save these limits" not in page
