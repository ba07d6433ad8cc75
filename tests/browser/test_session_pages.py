"""The pages about sessions, judged as all pages are; and the journeys that only a browser shows: another tab, and a
link on another site."""

from __future__ import annotations

from tests.browser.conftest import Meet
from tests.browser.test_pages import Judge
from tests.web.test_session_list import member_id
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"


def test_the_pages_about_sessions(world: World, axe: str, meet: Meet) -> None:
    judge = Judge(axe)
    alice = meet("alice@acme.example", bypass_csp=True)
    alice.log_in()
    other = meet("alice@acme.example", bypass_csp=True)
    other.log_in()
    judge(alice.go("/account"), "account-okta")
    judge(alice.go("/account/sessions").at("Where you are logged in"), "account-sessions")
    judge(alice.press("End the other session").sees("1 session has ended."), "account-sessions-ended")
    judge(other.go("/account").at("You ended this login elsewhere"), "session-ended")
    judge(alice.go("/login/again").at("Log in once more"), "login-again-okta")
    olivia = meet("olivia@acme.example", bypass_csp=True)
    olivia.log_in_by_password()
    judge(olivia.go("/login/again"), "login-again-password")
    number = member_id(world, "alice@acme.example")
    judge(olivia.go(f"/organizations/acme/members/{number}/sessions"), "member-sessions")
    judge(olivia.press("End all sessions").at("Sessions of Alice Andersson"), "member-sessions-none")
    olivia.go(OKTA)
    world.clock.forward(16 * 60)
    judge(olivia.press("Save").at("Please log in once more"), "send-again-password")
    assert judge.found == []


def test_what_was_typed_survives_another_login_at_okta(world: World, axe: str, meet: Meet) -> None:
    judge = Judge(axe)
    olivia = meet("olivia@acme.example", bypass_csp=True)
    olivia.log_in()
    olivia.go(OKTA).type("Native App: Okta Client ID (Native App)", "").type(
        "Native App: Okta Domain (Native App)", ""
    )
    world.clock.forward(16 * 60)
    judge(olivia.press("Save").at("Please log in once more"), "send-again-okta")
    with olivia.context.expect_page() as opened:
        olivia.press("Sign in at Okta")
    tab = opened.value
    tab.get_by_role("link", name="Sign in at Okta").click()
    tab.get_by_label("Username").fill("olivia@acme.example")
    tab.get_by_label("Password").fill("demo-okta-password")
    tab.get_by_role("button", name="Sign in").click()
    tab.get_by_text("You have logged in just now").wait_for()
    olivia.press("Send again").sees("Saved")
    assert judge.found == []


def test_the_page_while_okta_is_away(world: World, axe: str, meet: Meet) -> None:
    judge = Judge(axe)
    alice = meet("alice@acme.example", bypass_csp=True)
    alice.log_in()
    world.clock.forward(2 * 3600)
    world.sandbox.fault("token_500")
    with alice.expecting(503):
        judge(alice.go("/account").sees("You are still logged in"), "okta-away")
    alice.press("Log out")
    alice.assert_anonymous()
    assert judge.found == []


def test_another_site_s_link_takes_nobody_s_place(world: World, axe: str, meet: Meet) -> None:
    """A real browser says by itself from where it was sent."""
    judge = Judge(axe)
    carol = meet("carol@globex.example", bypass_csp=True)
    carol.log_in_by_password("globex")
    carol.go(world.okta + "/sandbox")
    target = f"{world.base}/login/initiate?iss={world.okta}&login_hint=alice@acme.example"
    carol.page.evaluate("url => { location.href = url }", target)
    judge(carol.at("Log in as somebody else?"), "replace")
    carol.press("Stay logged in as Carol")
    carol.assert_logged_in("password")
    assert judge.found == []
