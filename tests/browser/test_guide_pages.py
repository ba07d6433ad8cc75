"""The pages of the set-up guide and of a hand-over link, judged as all pages are."""

from __future__ import annotations

from portal import guide
from tests.browser.conftest import Meet
from tests.browser.judge import Judge
from tests.browser.visitors import by_password
from tests.web.test_okta_checks import check, wait_until_over
from tests.web.test_setup_link import make_link
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"
GUIDE = OKTA + "/guide"


def test_the_pages_of_the_guide(world: World, judge: Judge, meet_open: Meet) -> None:
    olivia = by_password(world.olivia)
    eye = meet_open().become(olivia)
    judge(eye.go(GUIDE), "okta_guide.show: connected")
    eye.go(f"{GUIDE}/spa").page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    judge(eye, "okta_guide.show_one: spa, all open")
    judge(eye.press("Save progress").sees("Progress saved."), "okta_guide.show_one: progress saved")
    eye.go(f"{GUIDE}/find-spa").type("SPA: Okta Client ID", "0oaOther000000000001").press("Save as a draft")
    judge(eye.sees("Kept as a draft"), "okta_guide.show_one: a draft kept")
    world.sandbox.origins.clear()
    check(world, olivia)
    judge(eye.go(f"{GUIDE}/origins"), "okta_guide.show_one: checked and wrong")
    judge(eye.go(GUIDE), "okta_guide.show: checked and wrong")
    judge(eye.go(f"{GUIDE}/print"), "okta_guide.print_sheet: connected")
    eye.become(by_password(world.person("adam@acme.example")))
    judge(eye.go(f"{GUIDE}/spa"), "okta_guide.show_one: admin")
    eye.become(by_password(world.gus))
    judge(eye.go("/organizations/globex/integrations/okta/guide?domain=evil"), "okta_guide.show: no domain yet")


def test_every_part_of_the_guide(world: World, judge: Judge, meet_open: Meet) -> None:
    eye = meet_open().become(by_password(world.gus))
    for part in guide.PARTS:
        judge(eye.go(f"/organizations/globex/integrations/okta/guide/{part.id}"), f"okta_guide.show_one: {part.id}")


def test_the_pages_of_a_hand_over_link(world: World, judge: Judge, meet_open: Meet) -> None:
    olivia = by_password(world.olivia)
    eye = meet_open().become(olivia)
    judge(eye.go(f"{GUIDE}/links"), "okta_guide.links: none yet")
    judge(eye.press("Make the link").sees("Please fill this in."), "okta_guide.make_link: refused")
    judge(eye.type("Who is it for?", "Pat").press("Make the link").sees("is ready"), "okta_guide.make_link: made")
    judge(eye.press("Revoke: Pat").sees("The link does not work any more."), "okta_guide.links: revoked")
    address = make_link(olivia)
    eye.become(world.stranger)
    judge(eye.go(address), "setup_link.show: first")
    judge(eye.type("SPA: Okta Domain", "acme").press("Save as a draft"), "setup_link.save_draft: refused")
    judge(eye.go(address + "/native"), "setup_link.show_one: native")
    judge(eye.go(address + "/print"), "setup_link.print_sheet: connected")
    judge(eye.go(address + "/checks"), "setup_link.checks: none yet")
    eye.press("Check now")
    wait_until_over(world)
    judge(eye.go(address + "/checks").sees("What was found"), "setup_link.checks: found")
    judge(eye.go("/setup/" + "x" * 43), "setup_link.show: gone")
