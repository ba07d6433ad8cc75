"""Removing a member: what the page says before, what the button does, and who has to stay."""

from __future__ import annotations

import pytest

from portal.store.members import add_member
from tests.native_bridge.steps import Phone
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.steps import add_person, globex_okta
from tests.web.test_members import NEW, PAGE, invite, member_id, roles
from tests.world import Visitor, World

LINKS = "/organizations/acme/integrations/okta/guide/links"


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    forget_tries()
    return shared


@pytest.fixture
def olivia(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def path_to(world: World, email: str) -> str:
    return f"{PAGE}/{member_id(world, email)}/remove"


def add(world: World, email: str, role: str) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, email, role=role, now=world.services.now())


def said(visitor: Visitor, path: str) -> str:
    return Page(visitor.get(path).text).text


def way(page: Page, text: str) -> str:
    """Where the link with this text leads."""
    return next(each for each in page.elements if (each.tag, each.text.strip()) == ("a", text)).attributes["href"]


def test_the_member_s_page_leads_to_the_question_and_the_question_back(world: World, olivia: Visitor) -> None:
    member = f"{PAGE}/{member_id(world, 'adam@acme.example')}"
    page = olivia.page(olivia.get(member))
    assert not any("/remove" in form.action for form in page.forms)
    assert way(page, "Remove Adam") == f"{member}/remove"
    asked = olivia.page(olivia.get(f"{member}/remove"))
    assert way(asked, "Cancel and keep them") == member
    assert roles(world)["adam@acme.example"] == "admin"


def test_it_says_what_ends_and_what_stays(world: World, olivia: Visitor) -> None:
    add(world, "adam@acme.example", "owner")
    for _ in range(2):
        adam = world.person("adam@acme.example")
        adam.log_in_by_password()
    Phone(world, "adam@acme.example").log_in_by_password()
    invite(world, adam, "nina@elsewhere.example")
    adam.submit(adam.get(LINKS), "name", name="Otto")
    page = said(olivia, path_to(world, adam.email))
    for each in (
        "3 logins in a browser end at once", "1 login in the app ends at once", "1 invitation that they have sent",
        "1 hand-over link that they have made", "Their POINT account is theirs", "You can invite them again",
    ):  # fmt: skip
        assert each in page, each
    done = olivia.submit(olivia.get(path_to(world, adam.email)), button="Remove Adam")
    assert "Removed. Their sessions here have ended." in done.text
    assert not adam.session()["authenticated"]
    assert "Invited and not here yet" not in olivia.get(PAGE).text


def test_whom_okta_would_bring_back_is_said_with_what_to_do_there(world: World, olivia: Visitor) -> None:
    alice = world.alice
    alice.log_in()
    answer = olivia.get(path_to(world, alice.email))
    for each in ("They can come back by themselves", "would be a volunteer", "take POINT away from them in Okta"):
        assert each in Page(answer.text).text, each
    assert way(olivia.page(answer), "Open Assignments in Okta") == f"{world.okta}/sandbox#people"
    olivia.submit(answer, button="Remove Alice Andersson")
    assert not alice.session()["authenticated"]
    alice.log_in()
    assert alice.session()["role"] == "volunteer"  # What the page has said.


def test_who_has_never_come_by_okta_is_told_apart(world: World, olivia: Visitor) -> None:
    assert "if your Okta lets them in to POINT" in said(olivia, path_to(world, "adam@acme.example"))


@pytest.mark.parametrize("why", ["an address elsewhere", "no Okta"])
def test_who_comes_back_only_by_an_invitation_is_said_to(world: World, olivia: Visitor, why: str) -> None:
    email = "nina@elsewhere.example" if why == "an address elsewhere" else "adam@acme.example"
    add(world, email, "volunteer")
    if why == "no Okta":
        olivia.step("/organizations/acme/integrations/okta/delete", method="POST")
    page = said(olivia, path_to(world, email))
    assert "They come back only by a new invitation" in page
    assert "by themselves" not in page


def test_somebody_of_another_okta_with_an_address_here_is_none_of_ours_to_bring_back(
    world: World, olivia: Visitor
) -> None:
    """Their Okta here says another address, outside: that counts, not the account's."""
    add(world, "adam@acme.example", "admin")
    with globex_okta(world):
        add_person(world.sandbox, "adam@acme.example", "Adam")
        adam = world.person("adam@acme.example")
        adam.log_in()
    assert "at their next login with Okta" in said(olivia, path_to(world, adam.email))


def test_inviting_again_is_the_way_back(world: World, olivia: Visitor) -> None:
    add(world, "nina@elsewhere.example", "volunteer")
    olivia.submit(olivia.get(path_to(world, "nina@elsewhere.example")), button="Remove Nina")
    link = invite(world, olivia, "nina@elsewhere.example", "admin")
    back = {"name": "Nina", "password": NEW, "password_again": NEW}
    assert world.stranger.step(link, method="POST", data=back).status_code == 303
    assert roles(world)["nina@elsewhere.example"] == "admin"


def test_the_last_owner_is_said_why_instead_of_a_button(world: World, olivia: Visitor) -> None:
    path = path_to(world, olivia.email)
    answer = olivia.get(path)
    assert (answer.status_code, "Make somebody else an owner first" in answer.text) == (200, True)
    assert not any(form.action == path for form in olivia.page(answer).forms)
    assert olivia.step(path, method="POST").status_code == 409
    assert roles(world)[olivia.email] == "owner"


def test_nobody_removes_themselves_but_another_owner_does(world: World, olivia: Visitor) -> None:
    add(world, "adam@acme.example", "owner")
    path = path_to(world, olivia.email)
    assert "another owner can remove you" in said(olivia, f"{PAGE}/{member_id(world, olivia.email)}")
    answer = olivia.get(path)
    assert (answer.status_code, "Another owner can remove you" in answer.text) == (200, True)
    assert not any(form.action == path for form in olivia.page(answer).forms)
    assert olivia.step(path, method="POST").status_code == 409
    assert olivia.session()["authenticated"]
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    adam.submit(adam.get(path), button="Remove Olivia")
    assert not olivia.session()["authenticated"]


def test_the_second_click_says_the_same_and_a_stranger_s_number_is_none(world: World, olivia: Visitor) -> None:
    page = olivia.get(path_to(world, "adam@acme.example"))
    for _ in range(2):
        assert "Removed. Their sessions here have ended." in olivia.submit(page, button="Remove Adam").text
    assert "Removed." in olivia.get(page.url).text
    assert len([event for event in world.activity() if event.what == "member.removed"]) == 1
    for method in ("GET", "POST"):
        assert olivia.step(f"{PAGE}/999999/remove", method=method).status_code == 404
