"""A test login shows which groups Okta names and which role they give, where roles follow groups."""

from __future__ import annotations

import pytest

from okta_sandbox.group_claims import make_claim
from tests.web.group_steps import ADMINS, ALICE, OWNERS, events, give, name_all, role_of
from tests.web.steps import connect
from tests.web.trial_steps import Made, make, run
from tests.world import World


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


def rows(made: Made) -> list[tuple[str, str, str]]:
    """What the stage of the groups says: name, what came, verdict."""
    return [(row.name, row.received, row.verdict) for row in made.stages["groups"].rows]


@pytest.mark.parametrize("server", ["org", "default"])
def test_it_shows_each_name_to_be_copied_and_the_role_they_give(world: World, server: str) -> None:
    world.connect(authorization_server=server)
    name_all(world)
    give(world, **{ADMINS: "admin", OWNERS: "owner"})
    world.sandbox.put_in_group(ALICE, ADMINS)
    made = make(world)
    assert "And they see which role your groups would give you" in world.alice.get(made.link).text
    assert run(world.alice, made).passed
    assert made.verdicts["groups"] == "right"
    assert rows(made) == [
        ("claim", "~in_id_token", "noted"),
        ("groups", ADMINS, "right"),
        ("groups", "Everyone", "noted"),
        ("groups: role", "~role_admin", "noted"),
    ]
    said = made.text()
    assert "Role from Okta's groups" in said
    assert f"groups Right Received {ADMINS}" in said
    assert "none yet: it would be created" in said
    assert "as Volunteer" not in said
    assert role_of(world) is None
    assert events(world) == []


@pytest.mark.parametrize(
    ("server", "where", "link"),
    [
        ("org", "Sign On > OpenID Connect ID Token > Edit > Groups claim filter", "#apps"),
        ("default", "Authorization Servers > your server > Claims > Add Claim", "#faults"),
    ],
)
def test_a_claim_that_does_not_come_has_its_repair_and_fails_no_test_login(
    world: World, server: str, where: str, link: str
) -> None:
    """A login would go on as well; whether the claim should have come, nobody can tell from here."""
    world.connect(authorization_server=server)
    give(world, **{ADMINS: "admin"})
    made = make(world)
    assert run(world.alice, made).passed
    assert made.verdicts["groups"] == "unknown"
    assert rows(made) == [("groups", "~missing", "noted"), ("groups: role", "~role_volunteer", "noted")]
    said = made.text()
    assert "Okta named no groups" in said
    assert where in said
    assert f"{world.okta}/sandbox{link}" in made.owner.get(made.page).text


def test_without_a_mapping_there_is_no_such_stage(world: World) -> None:
    name_all(world)
    made = make(world)
    assert run(world.alice, made).passed
    assert "groups" not in made.stages
    assert "Role from Okta's groups" not in made.text()


def test_a_claim_of_another_name_at_userinfo_is_found_and_an_owner_who_would_stay_is_shown_as_one(world: World) -> None:
    world.connect(authorization_server="default")
    world.sandbox.servers["default"].claims = {"c": make_claim(name="teams", always=False)}
    give(world, claim="teams", **{ADMINS: "admin"})
    made = make(world)
    run(world.olivia, made)
    assert rows(made) == [
        ("claim", "~at_userinfo", "noted"),
        ("groups (teams)", "Everyone", "noted"),
        ("groups: role", "~role_owner", "noted"),
    ]


def test_groups_of_people_whom_another_organization_answers_for_are_not_shown(world: World) -> None:
    """As with all that Okta tells of them: Globex logs in with the same app in Okta."""
    connect(world, world.globex_id, world.sandbox, world.okta)
    name_all(world)
    give(world, **{ADMINS: "admin"})
    made = make(world)
    run(world.alice, made)
    assert rows(made) == [
        ("claim", "~in_id_token", "noted"), ("groups", "~withheld", "noted"), ("groups: role", "~withheld", "noted"),
    ]  # fmt: skip
    assert "Everyone" not in made.owner.get(made.page).text
