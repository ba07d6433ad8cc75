"""The pages about members, invitations, domains, activity and security, judged as all pages are."""

from __future__ import annotations

import pytest

from portal.store.members import add_member
from tests.browser.conftest import Meet
from tests.browser.judge import Judge
from tests.browser.visitors import by_okta, by_password
from tests.dns_server import NameServer
from tests.web.okta_only_steps import CODE, SECURITY, confirm, pass_trial, switch_on
from tests.web.test_activity import note
from tests.web.test_members import mailed, member_id
from tests.world import _HASH, Visitor, World

ACME, GLOBEX = "/organizations/acme", "/organizations/globex"


@pytest.fixture
def world(named_world: World) -> World:
    return named_world


def add_volunteers(world: World, *emails: str) -> None:
    """To Acme, with a name each."""
    now = world.services.now()
    with world.services.db.writing() as connection:
        for email in emails:
            name = email.partition("@")[0].replace("-", " ").title()
            add_member(connection, world.acme_id, email, role="volunteer", name=name, now=now)


def invite(world: World, owner: Visitor, email: str, role: str = "volunteer") -> str:
    """The path of the link in the mail."""
    owner.step(f"/organizations/{owner.session()['organization']}/members", method="POST",
               data={"email": email, "role": role})  # fmt: skip
    return mailed(world, email)


def test_the_pages_of_members(world: World, judge: Judge, meet_open: Meet) -> None:
    by_okta(world.alice)
    eye = meet_open().become(by_password(world.olivia))
    judge(eye.go(f"{ACME}/members/{member_id(world, 'alice@acme.example')}"), "members.show: by Okta")
    judge(eye.press("Remove Alice Andersson").at("Remove Alice Andersson?"), "members.ask_remove: by Okta")
    eye.go(f"{ACME}/members").type("E-mail address", "nina@elsewhere.example")
    judge(eye.press("Send invitation").sees("The invitation is on its way."), "members.index: invited")
    eye.type("E-mail address", "alice").press("Send invitation").sees("whole work e-mail")
    judge(eye, "members.invite: refused")
    judge(eye.go(f"{ACME}/members?q=nobody"), "members.index: nobody found")
    many = [f"a-volunteer-with-a-rather-long-name-{number:02}@acme.example" for number in range(60)]
    add_volunteers(world, *many)
    judge(eye.go(f"{ACME}/members").press("Next page"), "members.index: second page")
    judge(eye.go(f"{ACME}/members/{member_id(world, many[0])}"), "members.show: somebody else")
    eye.go(f"{ACME}/members?q=olivia").page.get_by_role("link", name="Manage").click()
    judge(eye, "members.show: oneself")
    judge(eye.go(f"{eye.page.url}/remove"), "members.ask_remove: oneself")
    eye.page.go_back()
    eye.page.get_by_label("Volunteer").check()
    judge(eye.press("Change role").sees("last owner"), "members.role: refused")
    judge(eye.become(by_password(world.person("adam@acme.example"))).go(f"{ACME}/members"), "members.index: admin")


def test_the_page_of_an_invitation_in_all_its_states(world: World, judge: Judge, meet_open: Meet) -> None:
    olivia, gus = by_password(world.olivia), by_password(world.gus)
    eye, stranger = meet_open(), world.stranger
    judge(eye.go(invite(world, gus, "nina@elsewhere.example", "admin")), "invitation.show: new")
    judge(eye.press("Join Globex").sees("Please fill this in"), "invitation.accept_now: refused")
    judge(eye.go(invite(world, olivia, "newcomer@acme.example")), "invitation.show: by Okta")
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, "zoe@acme.example", role="volunteer", now=world.services.now(),
                   password_hash=_HASH)  # fmt: skip
    judge(eye.go(invite(world, olivia, "zoe@acme.example")), "invitation.show: by Okta or by password")
    path = invite(world, gus, "olivia@acme.example")
    judge(eye.go(path), "invitation.show: by password")
    judge(eye.become(gus).go(path), "invitation.show: somebody else")
    judge(eye.become(olivia).go(path), "invitation.show: mine")
    judge(eye.press("Join Globex").at("Your organizations"), "organizations.index: joined")
    judge(eye.become(stranger).go(path), "invitation.show: over")
    outside = invite(world, olivia, "nora@elsewhere.example")
    switch_on(world, olivia)
    judge(eye.go(outside).sees("takes no passwords"), "invitation.show: no way in")


def test_the_pages_of_domains(world: World, names: NameServer, judge: Judge, meet_open: Meet) -> None:
    eye = meet_open().become(by_password(world.olivia))
    judge(eye.go(f"{ACME}/domains").press("Remove acme.example"), "domains.ask_remove: the last")
    eye.go(f"{ACME}/domains").type("E-mail domain", "gmail.com").press("Add domain")
    judge(eye.sees("Anybody can have an address there."), "domains.claim: refused")
    eye.type("E-mail domain", "acme.test").press("Add domain")
    judge(eye.sees("add a record of type TXT"), "domains.index: claimed")
    judge(eye.press("Check now").sees("The record is not there yet"), "domains.index: record missing")
    names.records["_point.acme.test"] = [eye.page.locator(".copy code").last.inner_text()]
    judge(eye.press("Check now").sees("Verified. People"), "domains.index: verified")
    judge(eye.press("Remove acme.test").at("Remove acme.test?"), "domains.ask_remove: one of two")
    judge(eye.press("Remove domain").sees("Removed."), "domains.index: removed")
    eye.become(by_password(world.gus)).go(f"{GLOBEX}/domains/globex.example/remove")
    judge(eye.press("Remove domain").sees("No domain yet"), "domains.index: none")
    judge(eye.become(by_password(world.person("adam@acme.example"))).go(f"{ACME}/domains"), "domains.index: admin")


def test_the_pages_of_the_activity(world: World, judge: Judge, meet_open: Meet) -> None:
    for number in range(60):
        refused = number % 7 == 0
        problem = ("login_not_assigned", "login_cancelled", "okta_unreachable")[number % 3]
        about = {"reason": "a_reason_with_a_long_name", "code": problem} if refused else {"method": "okta"}
        note(world, "login.refused" if refused else "login", ago=number * 30_000, reference="AB2C-D3EF", **about)
    eye = meet_open().become(by_password(world.olivia)).go(f"{ACME}/activity")
    eye.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    judge(eye, "activity.index: many")
    judge(eye.press("Older"), "activity.index: older")
    judge(eye.go(f"{ACME}/activity?kind=logins&who=olivia@acme.example"), "activity.index: found")
    judge(eye.go(f"{ACME}/activity?reference=ZZZZ-ZZZZ"), "activity.index: none found")
    judge(eye.go(f"{ACME}/activity?reference=x"), "activity.index: unclear")
    judge(eye.become(by_password(world.gus)).go(f"{GLOBEX}/activity"), "activity.index: new")
    judge(eye.go("/account/organizations"), "organizations.index: one")


def test_the_pages_of_security(world: World, judge: Judge, meet_open: Meet) -> None:
    add_volunteers(world, *[
        f"a-rather-long-address-{number:02}@{'elsewhere' if number < 2 else 'acme'}.example" for number in range(30)
    ])  # fmt: skip
    olivia, adam = by_password(world.olivia), by_password(world.person("adam@acme.example"))
    eye = meet_open().become(olivia)
    judge(eye.go(SECURITY), "security.show: no test login yet")
    judge(eye.become(adam).go(SECURITY), "security.show: admin")
    judge(eye.become(by_password(world.gus)).go(SECURITY.replace("acme", "globex")), "security.show: no Okta")
    pass_trial(world, olivia)
    judge(eye.become(olivia).go(SECURITY), "security.show: off")
    eye.press("Switch on Okta only").at("Your recovery codes")
    judge(eye, "security.switch_on: recovery codes")
    code = CODE.findall(eye.page.locator("code").inner_text())[0]
    judge(eye.go(SECURITY), "security.show: not confirmed")
    judge(eye.go(f"{ACME}/integrations/okta"), "integrations.okta: Okta only")
    eye.become(world.stranger)
    judge(eye.go("/login/acme"), "login.organization: Okta only")
    judge(eye.go("/login/recovery"), "login.recovery: first")
    eye.type("E-mail address", olivia.email).type("Recovery code", "x").press("Log in")
    judge(eye.sees("do not fit together"), "login.recover: refused")
    eye.type("Recovery code", code).press("Log in")
    judge(eye.at("Security"), "security.show: recovered")
    world.clock.forward(2)
    judge(eye.become(by_okta(world.olivia)).go(SECURITY), "security.show: may confirm")
    judge(eye.press("Confirm").sees("Confirmed."), "security.show: confirmed")


def test_the_pages_of_a_session_that_others_have_ended(world: World, judge: Judge, meet_open: Meet) -> None:
    """One is enough to look at: what differs is a sentence. This is the one with a form that was not taken any more."""
    olivia, adam = by_password(world.olivia), by_password(world.person("adam@acme.example"))
    eye = meet_open().become(adam).go("/account/password")
    switch_on(world, olivia)
    confirm(world, olivia)
    eye.type("Your password so far", "x").press("Change the password")
    judge(eye.at("Your organization logs in with Okta only"), "passwords.change_now: logged out meanwhile")
