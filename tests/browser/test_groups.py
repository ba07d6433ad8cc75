"""Roles from Okta's groups in a real browser: the page in every width and theme, and its forms without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Meet
from tests.browser.judge import Judge
from tests.browser.visitors import by_okta, by_password
from tests.web.group_steps import ADMINS, ALICE, OWNERS, PAGE
from tests.web.test_members import member_id
from tests.world import World

LONG = "Everybody who looks after the volunteers " * 5


def test_the_pages_of_roles_from_groups(world: World, judge: Judge, meet_open: Meet) -> None:
    by_okta(world.alice)
    eye = meet_open().become(by_password(world.olivia)).go(PAGE)
    judge(eye, "group_roles.show: off")
    eye.page.get_by_text("The claim is called").click()
    eye.type("Name of the claim", "my groups").press("Save group").sees("Something is missing")
    judge(eye, "group_roles.add: refused")
    eye.type("Name of the group in Okta", LONG[:200]).type("Name of the claim", "groups").press("Save group")
    eye.type("Name of the group in Okta", OWNERS)
    eye.page.get_by_label("Role at POINT").select_option("Owner")
    judge(eye.press("Save group").sees("lose it at their next login"), "group_roles.show: on")
    eye.page.get_by_text("The claim is called").click()
    eye.type("Name of the claim", "").press("Save name")
    judge(eye, "group_roles.set_claim: refused")
    judge(eye.go("/organizations/acme/members"), "members.index: roles follow groups")
    judge(eye.go(f"/organizations/acme/members/{member_id(world, ALICE)}"), "members.show: roles follow groups")
    eye.become(by_password(world.person("adam@acme.example")))
    judge(eye.go(PAGE), "group_roles.show: admin")
    eye.become(by_password(world.gus))
    judge(eye.go(PAGE.replace("acme", "globex")), "group_roles.show: not connected")


@pytest.mark.drives("group_roles.add", "group_roles.set_claim", "group_roles.remove")
def test_the_forms_work_without_javascript_and_fit_a_phone(world: World, meet: Meet) -> None:
    olivia = meet("olivia@acme.example", java_script_enabled=False, viewport={"width": 390, "height": 844})
    olivia.become(by_password(world.olivia)).go(PAGE)
    olivia.type("Name of the group in Okta", ADMINS).press("Save group").sees("Saved.")
    expect(olivia.page.get_by_role("row", name=ADMINS)).to_contain_text("Admin")
    assert olivia.page.evaluate("document.scrollingElement.scrollWidth") <= 390
    olivia.page.get_by_text("The claim is called").click()
    olivia.type("Name of the claim", "teams").press("Save name").sees("The claim is called “teams”")
    olivia.press(f"Remove the group {ADMINS}").sees("No group gives a role any more")
