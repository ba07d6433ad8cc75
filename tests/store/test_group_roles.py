"""Which role somebody's groups give, and what a changed role ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.errors import Problem, Refused
from portal.store.activity import Event, list_events
from portal.store.group_roles import (
    MOST,
    Groups,
    decide_role,
    follow_groups,
    foresee_role,
    read_group_roles,
    remove_group_role,
    set_group_role,
    set_groups_claim,
)
from portal.store.invitations import add_invitation
from portal.store.members import Profile, add_member, find_role
from tests.store.conftest import NOW, House, count

ALICE = Profile("https://acme.okta.com", "00uAlice", "alice@acme.example", "Alice Andersson")


@pytest.mark.parametrize(
    ("names", "role", "by"),
    [
        ((), "volunteer", []),
        (("Everyone",), "volunteer", []),
        (("POINT admins",), "admin", ["POINT admins"]),
        (("POINT admins", "Board", "Helpers"), "owner", ["Board"]),
        (("Helpers", "POINT admins"), "admin", ["POINT admins"]),
        (("Helpers",), "volunteer", ["Helpers"]),
        (("Board", "Chair"), "owner", ["Board", "Chair"]),
        (("point admins", "POINT Admins", "POINT admins "), "volunteer", []),
        (("Büro",), "admin", ["Büro"]),
        (("Bu\u0308ro",), "volunteer", []),
    ],
)
def test_the_highest_role_of_all_groups_counts_and_names_are_compared_exactly(
    names: tuple[str, ...], role: str, by: list[str]
) -> None:
    roles = {"Board": "owner", "Chair": "owner", "POINT admins": "admin", "Büro": "admin", "Helpers": "volunteer"}
    assert decide_role(roles, names) == (role, by)


def follow(house: House, user: int, *names: str, missing: bool = False, **how: bool) -> str | None:
    with house.db.writing() as connection:
        who = {"who": "alice@acme.example", "now": NOW, "reference": "R"}
        return follow_groups(connection, house.acme, user, Groups(names, missing), **who, **how)  # type: ignore[arg-type]


def add(house: House, email: str, role: str) -> int:
    with house.db.writing() as connection:
        return add_member(connection, house.acme, email, role=role, now=NOW)


def give(house: House, **roles: str) -> None:
    with house.db.writing() as connection:
        for group, role in roles.items():
            set_group_role(connection, house.acme, group, role)


def role(house: House, user: int) -> str | None:
    with house.db.reading() as connection:
        return find_role(connection, house.acme, user)


def told(house: House) -> list[Event]:
    with house.db.reading() as connection:
        return list_events(connection, house.acme)


@pytest.mark.parametrize(
    ("before", "groups", "names", "after"),
    [
        ("volunteer", {}, ("A",), "volunteer"),
        ("admin", {}, (), "admin"),
        ("owner", {}, (), "owner"),
        ("volunteer", {"A": "admin"}, ("A",), "admin"),
        ("volunteer", {"A": "admin"}, (), "volunteer"),
        ("admin", {"A": "admin"}, ("A",), "admin"),
        ("admin", {"A": "admin"}, (), "volunteer"),
        ("owner", {"A": "admin"}, ("A",), "owner"),
        ("owner", {"A": "admin"}, (), "owner"),
        ("owner", {"A": "owner"}, ("A",), "owner"),
        ("owner", {"A": "owner"}, (), "volunteer"),
        ("owner", {"A": "owner", "B": "admin"}, ("B",), "admin"),
        ("volunteer", {"A": "owner"}, ("A",), "owner"),
    ],
)
def test_a_role_follows_and_owners_only_where_a_group_makes_them(
    house: House, before: str, groups: dict[str, str], names: tuple[str, ...], after: str
) -> None:
    """There is another owner, who stays."""
    add(house, "olivia@acme.example", "owner")
    alice = add(house, "alice@acme.example", before)
    give(house, **groups)
    changed = follow(house, alice, *names)
    assert role(house, alice) == after
    assert changed == (after if after != before else None)
    assert [event.about for event in told(house)] == (
        [{"old": before, "new": after, "groups": [name for name in names if groups[name] == after]}] if changed else []
    )
    assert follow(house, alice, *names) is None


def test_the_last_owner_stays_and_that_is_written_down(house: House) -> None:
    alice = add(house, "alice@acme.example", "owner")
    give(house, Board="owner")
    assert follow(house, alice, missing=True) is None
    assert role(house, alice) == "owner"
    [event] = told(house)
    assert (event.what, event.who) == ("member.owner_stayed", "alice@acme.example")
    assert event.about == {"code": "last_owner", "groups_give": "volunteer", "claim": "missing"}
    assert follow(house, alice, told=False) is None
    assert len(told(house)) == 1


def test_an_owner_who_is_one_no_more_leaves_no_invitation(house: House) -> None:
    add(house, "olivia@acme.example", "owner")
    alice = add(house, "alice@acme.example", "owner")
    give(house, Board="owner")
    with house.db.writing() as connection:
        add_invitation(
            connection, house.acme, "ben@acme.example", role="owner", token="t", who="alice", user_id=alice, now=NOW
        )
    assert follow(house, alice, held=False) is None
    assert role(house, alice) == "owner"
    assert follow(house, alice) == "volunteer"
    with house.db.reading() as connection:
        assert count(connection, "invitations") == 0


def test_of_two_owners_who_lose_the_role_at_once_one_stays(house: House) -> None:
    owners = [add(house, f"{name}@acme.example", "owner") for name in ("alice", "olivia")]
    give(house, Board="owner")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda user: follow(house, user), owners))
    assert sorted(str(role(house, user)) for user in owners) == ["owner", "volunteer"]


def test_a_claim_that_did_not_come_counts_as_no_group_and_says_so(house: House) -> None:
    alice = add(house, "alice@acme.example", "admin")
    give(house, Board="admin")
    assert follow(house, alice, missing=True) == "volunteer"
    assert told(house)[0].about == {"old": "admin", "new": "volunteer", "groups": [], "claim": "missing"}


def test_somebody_who_is_no_member_and_another_organization_stay_as_they_are(house: House) -> None:
    give(house, A="admin")
    with house.db.writing() as connection:
        carol = add_member(connection, house.globex, "carol@globex.example", role="volunteer", now=NOW)
    assert follow(house, carol, "A") is None
    with house.db.reading() as connection:
        assert find_role(connection, house.globex, carol) == "volunteer"
        assert read_group_roles(connection, house.globex).claim is None


def test_foreseeing_a_role_changes_nothing(house: House) -> None:
    add(house, "olivia@acme.example", "owner")
    give(house, A="admin")
    with house.db.writing() as connection:
        assert foresee_role(connection, house.acme, ALICE, Groups(("A",)), now=NOW) == "admin"
        assert foresee_role(connection, house.acme, ALICE, Groups(()), now=NOW) == "volunteer"
        assert count(connection, "identities") == 0
    assert told(house) == []


def test_the_first_group_switches_it_on_and_the_last_one_off(house: House) -> None:
    with house.db.writing() as connection:
        assert set_groups_claim(connection, house.acme, "roles") is None
        assert read_group_roles(connection, house.acme).claim is None
        assert set_group_role(connection, house.acme, "A", "admin", claim="roles") is None
        assert set_group_role(connection, house.acme, "A", "owner", claim="other") == "admin"
        assert set_group_role(connection, house.acme, "B", "admin") is None
        assert read_group_roles(connection, house.acme).claim == "roles"
        assert dict(read_group_roles(connection, house.acme).roles) == {"A": "owner", "B": "admin"}
        assert set_groups_claim(connection, house.acme, "teams") == "roles"
        assert remove_group_role(connection, house.acme, "A") == "owner"
        assert remove_group_role(connection, house.acme, "A") is None
        assert read_group_roles(connection, house.acme).claim == "teams"
        assert remove_group_role(connection, house.acme, "B") == "admin"
        assert read_group_roles(connection, house.acme).claim is None


def test_there_are_no_more_groups_than_fifty(house: House) -> None:
    with house.db.writing() as connection:
        for number in range(MOST):
            set_group_role(connection, house.acme, f"G{number}", "admin")
        with pytest.raises(Refused) as caught:
            set_group_role(connection, house.acme, "one more", "admin")
        assert caught.value.problem is Problem.GROUPS_TOO_MANY
        assert set_group_role(connection, house.acme, "G7", "owner") == "admin"
        with pytest.raises(ValueError, match="boss"):
            set_group_role(connection, house.acme, "G7", "boss")
