"""The pages about members, invitations, domains and activity, judged as all pages are; and their journeys without
JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import guide
from portal.store.members import add_member
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.test_pages import Judge, judge, meet_open  # noqa: F401 - fixtures
from tests.dns_server import NameServer, run_name_server
from tests.web.test_activity import note
from tests.web.test_members import NEW, mailed, member_id
from tests.world import Stage, World, make_world

ACME, GLOBEX = "/organizations/acme", "/organizations/globex"


@pytest.fixture
def names() -> Iterator[NameServer]:
    with run_name_server() as server:
        yield server


@pytest.fixture
def world(stage: Stage, tmp_path: Path, names: NameServer) -> Iterator[World]:
    """One with a name server, at another site than its Okta."""
    with make_world(stage, tmp_path, dns_servers=(names.address,)) as world:
        world.okta = world.okta.replace("localhost", "127.0.0.1")
        world.connect()
        yield world


def add_volunteers(world: World, *emails: str) -> None:
    """To Acme, with a name each."""
    now = world.services.now()
    with world.services.db.writing() as connection:
        for email in emails:
            name = email.partition("@")[0].replace("-", " ").title()
            add_member(connection, world.acme_id, email, role="volunteer", name=name, now=now)


def invite(world: World, owner: Person, email: str, role: str = "Volunteer") -> str:
    """The path of the link in the mail."""
    slug = str(owner.session()["organization"])
    owner.go(f"/organizations/{slug}/members").type("E-mail address", email)
    owner.page.locator("#invited-role").select_option(role)
    owner.press("Send invitation").sees("The invitation is on its way.")
    return mailed(world, email)


def test_the_pages_of_members(world: World, judge: Judge, meet_open: Meet) -> None:  # noqa: F811
    olivia = meet_open("olivia@acme.example").log_in_by_password()
    invite(world, olivia, "nina@elsewhere.example", "Admin")
    judge(olivia, "members-invited")
    olivia.type("E-mail address", "alice").press("Send invitation").sees("whole work e-mail")
    judge(olivia, "members-refused")
    judge(olivia.go(f"{ACME}/members?q=nobody"), "members-none-found")
    adam = meet_open("adam@acme.example").log_in_by_password()
    judge(adam.go(f"{ACME}/members"), "members-admin")
    many = [f"a-volunteer-with-a-rather-long-name-{number:02}@acme.example" for number in range(60)]
    add_volunteers(world, *many)
    judge(olivia.go(f"{ACME}/members").press("Next page"), "members-next")
    judge(olivia.go(f"{ACME}/members/{member_id(world, many[0])}"), "member")
    olivia.go(f"{ACME}/members?q=olivia").page.get_by_role("link", name="Manage").click()
    olivia.page.get_by_label("Volunteer").check()
    judge(olivia.press("Change role").sees("last owner"), "member-last-owner")
    assert judge.found == []


def test_the_page_of_an_invitation_in_all_its_states(
    world: World, judge: Judge, meet_open: Meet  # noqa: F811
) -> None:
    olivia = meet_open("olivia@acme.example").log_in_by_password()
    gus = meet_open("gus@globex.example").log_in_by_password("globex")
    stranger = meet_open()
    judge(stranger.go(invite(world, gus, "nina@elsewhere.example", "Admin")), "invitation-new")
    judge(stranger.press("Join Globex").sees("Please fill this in"), "invitation-refused")
    judge(stranger.go(invite(world, olivia, "newcomer@acme.example")), "invitation-okta")
    path = invite(world, gus, "olivia@acme.example")
    judge(stranger.go(path), "invitation-password")
    judge(gus.go(path), "invitation-somebody-else")
    judge(olivia.go(path), "invitation-mine")
    judge(olivia.press("Join Globex").at("Your organizations"), "organizations-joined")
    judge(stranger.go(path), "invitation-over")
    assert judge.found == []


def test_the_pages_of_domains(world: World, names: NameServer, judge: Judge, meet_open: Meet) -> None:  # noqa: F811
    olivia = meet_open("olivia@acme.example").log_in_by_password()
    judge(olivia.go(f"{ACME}/domains").press("Remove acme.example"), "domain-last")
    olivia.go(f"{ACME}/domains").type("E-mail domain", "gmail.com").press("Add domain")
    judge(olivia.sees("Anybody can have an address there."), "domains-refused")
    olivia.type("E-mail domain", "acme.test").press("Add domain")
    judge(olivia.sees("add a record of type TXT"), "domains-claimed")
    judge(olivia.press("Check now").sees("The record is not there yet"), "domains-missing")
    value = olivia.page.locator(".copy code").last.inner_text()
    names.records["_point.acme.test"] = [value]
    judge(olivia.press("Check now").sees("Verified. People"), "domains-verified")
    judge(olivia.press("Remove acme.test").at("Remove acme.test?"), "domain-remove")
    judge(olivia.press("Remove domain").sees("Removed."), "domains-removed")
    gus = meet_open("gus@globex.example").log_in_by_password("globex").go(f"{GLOBEX}/domains/globex.example/remove")
    judge(gus.press("Remove domain").sees("No domain yet"), "domains-none")
    adam = meet_open("adam@acme.example").log_in_by_password()
    judge(adam.go(f"{ACME}/domains"), "domains-admin")
    assert judge.found == []


def test_the_pages_of_the_activity(world: World, judge: Judge, meet_open: Meet) -> None:  # noqa: F811
    for number in range(60):
        refused = number % 7 == 0
        problem = ("login_not_assigned", "login_cancelled", "okta_unreachable")[number % 3]
        about = {"reason": "a_reason_with_a_long_name", "code": problem} if refused else {"method": "okta"}
        note(world, "login.refused" if refused else "login", ago=number * 30_000, reference="AB2C-D3EF", **about)
    olivia = meet_open("olivia@acme.example").log_in_by_password()
    olivia.go(f"{ACME}/activity")
    olivia.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    judge(olivia, "activity")
    judge(olivia.press("Older"), "activity-older")
    judge(olivia.go(f"{ACME}/activity?kind=logins&who=olivia@acme.example"), "activity-found")
    judge(olivia.go(f"{ACME}/activity?reference=ZZZZ-ZZZZ"), "activity-none-found")
    judge(olivia.go(f"{ACME}/activity?reference=x"), "activity-unclear")
    gus = meet_open("gus@globex.example").log_in_by_password("globex")
    judge(gus.go(f"{GLOBEX}/activity"), "activity-new")
    judge(gus.go("/account/organizations"), "organizations-one")
    assert judge.found == []


def test_an_invitation_a_role_a_domain_and_a_search_need_no_javascript(
    world: World, names: NameServer, meet: Meet
) -> None:
    olivia = meet("olivia@acme.example", java_script_enabled=False).log_in_by_password()
    nina = meet("nina@elsewhere.example", java_script_enabled=False)
    nina.go(invite(world, olivia, nina.email)).type("Your name", "Nina New").type("New password", NEW)
    nina.type("New password again", NEW).press("Join Acme Volunteers").at("Log in to Acme Volunteers")
    nina.log_in_by_password(password=NEW).at("Hello Nina New")
    olivia.go(f"{ACME}/members").press("Manage Nina New").page.get_by_label("Admin").check()
    olivia.press("Change role").sees("The role is changed.")
    nina.go(f"{ACME}/members").at("Members")
    olivia.press("Manage Nina New").press("Remove Nina New").sees("Removed. Their sessions here have ended.")
    nina.assert_anonymous()
    olivia.press("Domains").type("E-mail domain", "acme.test").press("Add domain").sees("add a record of type TXT")
    names.records["_point.acme.test"] = [olivia.page.locator(".copy code").last.inner_text()]
    olivia.press("Check now").sees("Verified. People")
    olivia.press("Activity").page.get_by_label("What", exact=True).select_option("People and domains")
    olivia.press("Search").sees("A member was removed: nina@elsewhere.example")


def test_the_other_parts_of_the_guide(world: World, judge: Judge, meet_open: Meet) -> None:  # noqa: F811
    gus = meet_open("gus@globex.example").log_in_by_password("globex")
    for part in guide.PARTS:  # tests/browser/test_guide.py has the others
        if part.id not in ("account", "policies", "spa", "native"):
            judge(gus.go(f"{GLOBEX}/integrations/okta/guide/{part.id}"), f"guide-{part.id}")
    assert judge.found == []
