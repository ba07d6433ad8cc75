"""The page on which an owner says which group in Okta gives which role, and where else that is said."""

from __future__ import annotations

import pytest
import requests

from portal.store.members import add_member
from tests.pages import Page
from tests.web.group_steps import ADMINS, ALICE, OWNERS, PAGE, events, give, role_of, save
from tests.web.test_members import member_id
from tests.world import Visitor, World

MEMBERS = "/organizations/acme/members"
CHANGES = ("okta.group_role_set", "okta.group_role_removed", "okta.groups_claim_changed")


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def olivia(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def rows(visitor: Visitor) -> list[tuple[str, ...]]:
    """The table, as it is shown."""
    page = Page(visitor.get(PAGE).text)
    cells = [each.text.strip() for each in page.elements if each.tag in ("th", "td") and each.text.strip()]
    found = [cell for cell in cells if cell not in ("Group in Okta", "Role at POINT", "Remove")]
    return list(zip(found[::2], found[1::2], strict=True))


def take_out(visitor: Visitor, page: requests.Response, group: str) -> requests.Response:
    """The button in that group's row."""
    [form] = [each for each in Page(page.text).forms if each.fields.get("group") == group and "Remove" in each.buttons]
    return visitor.follow(visitor.step(form.action, method="POST", data=form.fields))


def test_an_owner_adds_changes_and_removes_groups_by_the_forms_alone(world: World, olivia: Visitor) -> None:
    page = olivia.get(PAGE)
    assert "No group gives a role yet" in page.text
    page = olivia.submit(page, group=ADMINS, role="admin")
    assert "from their next login with Okta on, or within minutes if they are logged in with it" in page.text
    page = olivia.submit(page, button="Save group", group=f"  {OWNERS} ", role="volunteer")
    page = olivia.submit(page, button="Save group", group=OWNERS, role="owner")
    assert rows(olivia) == [(ADMINS, "Admin"), (OWNERS, "Owner")]
    assert "Owners who are in none of these groups lose it" in page.text
    olivia.submit(page, button="Save group", group=OWNERS, role="owner")
    page = take_out(olivia, page, OWNERS)
    assert "Removed. It counts for each person" in page.text
    assert rows(olivia) == [(ADMINS, "Admin")]
    page = take_out(olivia, page, ADMINS)
    assert "No group gives a role any more" in page.text
    told = [(event.what.partition(".")[2], dict(event.about)) for event in events(world, *CHANGES)]
    assert told[::-1] == [
        ("group_role_set", {"group": ADMINS, "old": None, "new": "admin", "claim": "groups"}),
        ("group_role_set", {"group": OWNERS, "old": None, "new": "volunteer"}),
        ("group_role_set", {"group": OWNERS, "old": "volunteer", "new": "owner"}),
        ("group_role_removed", {"group": OWNERS, "old": "owner"}),
        ("group_role_removed", {"group": ADMINS, "old": "admin"}),
    ]
    assert {event.who for event in events(world, *CHANGES)} == {"olivia@acme.example"}
    assert "A group in Okta gives a role" in olivia.get("/organizations/acme/activity").text


@pytest.mark.parametrize(
    ("field", "typed", "title"),
    [
        ("group", "", "Something is missing"),
        ("group", "x" * 256, "That cannot be the name of a group"),
        ("group", "POINT\nadmins", "That cannot be the name of a group"),
        ("group", "POINT\u2028admins", "That cannot be the name of a group"),
        ("group", "POINT\x00admins", "That cannot be the name of a group"),
        ("claim", "", "That cannot be the name of the claim"),
        ("claim", "my groups", "That cannot be the name of the claim"),
        ("claim", "x" * 101, "That cannot be the name of the claim"),
        ("claim", "grüppen", "That cannot be the name of the claim"),
        ("claim", "email", "That cannot be the name of the claim"),
        ("claim", "name", "That cannot be the name of the claim"),
        ("claim", "sub", "That cannot be the name of the claim"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_what_cannot_be_stands_beside_its_field_with_what_was_typed(
    world: World, olivia: Visitor, field: str, typed: str, title: str
) -> None:
    given = {"group": ADMINS, "role": "owner", "claim": "groups", field: typed}
    answer = olivia.step(PAGE, method="POST", data=given)
    assert answer.status_code == 422
    page = Page(answer.text)
    box = page.find("input", name=field, id=field)
    assert (box.attributes["aria-invalid"], box.attributes.get("value", "")) == ("true", typed)
    said = page.find("p", id=box.attributes["aria-describedby"].split()[0])
    assert title in said.text
    assert page.find("option", selected="").attributes["value"] == "owner"
    assert events(world, *CHANGES) == []


def test_a_name_of_255_characters_and_a_claim_that_is_an_address_are_fine(world: World, olivia: Visitor) -> None:
    name = "ü" * 254 + "."
    assert save(olivia, name, "admin", claim="https://acme.example/teams").status_code == 303
    assert rows(olivia) == [(name, "Admin")]
    page = olivia.get(PAGE)
    assert "The claim is called “https://acme.example/teams”" in page.text
    page = olivia.submit(page, button="Save name", claim="my teams")
    assert page.status_code == 422
    page = olivia.submit(page, button="Save name", claim="teams")
    assert "At each login POINT looks for the groups there" in page.text
    [event] = events(world, "okta.groups_claim_changed")
    assert dict(event.about) == {"old": "https://acme.example/teams", "new": "teams"}


def test_a_role_that_there_is_not_is_refused(world: World, olivia: Visitor) -> None:
    assert save(olivia, ADMINS, "boss").status_code == 422
    assert events(world, *CHANGES) == []


def test_the_fifty_first_group_is_refused_and_one_of_the_fifty_may_change(world: World, olivia: Visitor) -> None:
    give(world, **{f"G{number}": "admin" for number in range(50)})
    answer = save(olivia, "G50", "admin")
    assert answer.status_code == 422
    assert "There are as many groups as there can be" in answer.text
    assert save(olivia, "G7", "owner").status_code == 303


def test_a_name_with_marks_of_html_is_shown_as_it_is(olivia: Visitor) -> None:
    name = '<script>alert(1)</script> "&'
    save(olivia, name, "admin")
    assert rows(olivia) == [(name, "Admin")]
    assert "<script>alert" not in olivia.get(PAGE).text


def test_changing_it_takes_a_login_of_the_last_15_minutes(world: World, olivia: Visitor) -> None:
    world.clock.forward(901)
    assert save(olivia, ADMINS, "admin").status_code == 403
    assert rows(olivia) == []


def test_an_admin_may_look_and_has_no_button(world: World) -> None:
    give(world, **{ADMINS: "admin"})
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    assert rows(adam) == [(ADMINS, "Admin")]
    page = adam.get(PAGE).text
    assert "An owner of your organization can change them" in page
    assert "Save group" not in page
    assert "Remove the group" not in page


@pytest.mark.parametrize(
    ("server", "heading", "step"),
    [
        ("org", "At the org authorization server", "Groups claim filter: teams, Matches regex"),
        ("default", "At the authorization server “default”", "Name: teams. Include in token type: ID Token"),
    ],
)
def test_the_steps_in_okta_are_those_of_the_authorization_server_that_is_used(
    world: World, olivia: Visitor, server: str, heading: str, step: str
) -> None:
    world.connect(authorization_server=server)
    give(world, claim="teams", **{ADMINS: "admin"})
    page = Page(olivia.get(PAGE).text)
    assert heading in page.text
    assert step in page.text
    others = {"At the org authorization server", "At the authorization server “default”"} - {heading}
    assert all(other not in page.text for other in others)
    links = [each for each in page.elements if each.tag == "a" and "in Okta" in each.text]
    assert [each.attributes["href"].startswith(f"{world.okta}/sandbox#") for each in links]
    assert len(links) == (2 if server == "org" else 1)


def test_without_okta_there_is_the_way_to_connect_it_and_groups_that_are_set_stay(
    world: World, olivia: Visitor
) -> None:
    gus = world.gus
    gus.log_in_by_password()
    page = Page(gus.get(PAGE.replace("acme", "globex")).text)
    assert "Okta is not connected yet" in page.text
    assert page.find("a", class_="button button-primary").text == "Connect Okta"
    give(world, **{ADMINS: "admin"})
    olivia.submit(olivia.get("/organizations/acme/integrations/okta/delete"), button="Delete Integration")
    shown = olivia.get(PAGE)
    assert "Okta is not connected, so these groups change nobody's role" in Page(shown.text).text
    assert "Save group" not in shown.text
    assert "Roles follow the groups in your Okta" not in olivia.get(MEMBERS).text
    assert "No group gives a role any more" not in shown.text
    take_out(olivia, shown, ADMINS)
    assert "Okta is not connected yet" in olivia.get(PAGE).text


def test_it_says_what_happens_to_whom(world: World, olivia: Visitor) -> None:
    with world.services.db.writing() as connection:
        for email in (ALICE, "ben@acme.example"):
            add_member(connection, world.acme_id, email, role="volunteer", now=world.services.now())
    assert "Today: 1 owner, 1 admin, 2 volunteers." in Page(olivia.get(PAGE).text).text


def test_the_pages_of_members_say_that_roles_follow_groups(world: World, olivia: Visitor) -> None:
    world.alice.log_in()
    alice = f"{MEMBERS}/{member_id(world, ALICE)}"
    assert "Roles follow" not in olivia.get(MEMBERS).text + olivia.get(alice).text
    assert Page(olivia.get(MEMBERS).text).find("a", href=PAGE)
    assert Page(olivia.get("/organizations/acme/integrations/okta").text).find("a", href=PAGE)
    give(world, **{ADMINS: "admin"})
    assert "and within minutes while they are logged in with it" in olivia.get(MEMBERS).text
    assert "A role that is changed by hand lasts until then" in olivia.get(MEMBERS).text
    assert "Owners stay owners" in olivia.get(alice).text
    give(world, **{OWNERS: "owner"})
    assert "lasts until POINT next asks Okta about this person" in Page(olivia.get(alice).text).text
    assert role_of(world) == "volunteer"
