"""The pages of somebody's own account, judged as all pages are: sessions, passwords, why a session is over, and who is
asked to log in once more."""

from __future__ import annotations

from portal.store.members import add_member
from tests.browser.conftest import Meet
from tests.browser.judge import Judge
from tests.browser.mailbox import Mailbox
from tests.browser.visitors import by_okta, by_password
from tests.web.okta_only_steps import SECURITY, switch_on, use_code
from tests.web.test_session_list import member_id
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"


def test_the_pages_about_sessions(world: World, judge: Judge, meet_open: Meet) -> None:
    eye, other = meet_open().become(by_okta(world.alice)), meet_open().become(by_okta(world.alice))
    judge(eye.go("/account"), "account.show: by Okta")
    judge(eye.go("/account/sessions").at("Where you are logged in"), "sessions.own: two")
    judge(eye.press("End the other session").sees("1 session has ended."), "sessions.own: the other has ended")
    judge(other.go("/account").at("You ended this login elsewhere"), "account.show: ended elsewhere")
    olivia = by_password(world.olivia)
    sessions = f"/organizations/acme/members/{member_id(world, 'alice@acme.example')}/sessions"
    judge(eye.become(olivia).go(sessions), "sessions.of_member: one")
    judge(eye.press("End all sessions").at("Sessions of Alice Andersson"), "sessions.of_member: none")


def test_the_page_while_okta_is_away(world: World, judge: Judge, meet_open: Meet) -> None:
    alice = meet_open().become(by_okta(world.alice))
    world.clock.forward(2 * 3600)
    world.sandbox.fault("token_500")
    with alice.expecting(503):
        judge(alice.go("/account").sees("You are still logged in"), "account.show: Okta is away")
    alice.press("Log out")
    alice.assert_anonymous()


def test_the_pages_that_ask_to_log_in_once_more(world: World, judge: Judge, meet_open: Meet) -> None:
    olivia, by_her_okta = by_password(world.olivia), by_okta(world.olivia)
    eye = meet_open().become(olivia)
    judge(eye.go("/login/again"), "login.again: by password, still fresh")
    eye.go(OKTA)
    world.clock.forward(16 * 60)
    judge(eye.press("Save").at("Please log in once more"), "integrations.save_okta: once more by password")
    eye.go("/login/again").type("Password of olivia@acme.example", "x").press("Log in again")
    judge(eye.sees("do not fit together"), "login.again_by_password: refused")
    judge(eye.become(by_her_okta).go("/login/again"), "login.again: by Okta or by password")
    judge(eye.go(OKTA).press("Save").at("Please log in once more"), "integrations.save_okta: once more at Okta")


def test_the_pages_where_passwords_count_no_more(world: World, judge: Judge, meet_open: Meet) -> None:
    """Switched off, and not confirmed yet: a login by password is over soon, and cannot be made newer."""
    olivia, alice = by_password(world.olivia), by_okta(world.alice)
    world.clock.forward(10 * 60)
    [code, *_others] = switch_on(world, olivia)
    world.clock.forward(6 * 60)
    eye = meet_open().become(olivia)
    judge(eye.go("/login/again"), "login.again: come by Okta")
    eye.go(SECURITY)
    judge(eye.press("Make new codes").at("Please log in once more"), "security.make_codes: come by Okta")
    judge(eye.become(alice).go("/account/password"), "passwords.change: switched off")
    lost = world.olivia
    use_code(lost, code)
    judge(eye.become(lost).go("/account"), "account.show: by a recovery code")


def test_another_site_s_link_takes_nobody_s_place(world: World, judge: Judge, meet_open: Meet) -> None:
    """A real browser says by itself from where it was sent."""
    carol = meet_open().become(by_password(world.carol))
    carol.go(world.okta + "/sandbox")
    target = f"{world.base}/login/initiate?iss={world.okta}&login_hint=alice@acme.example"
    carol.page.evaluate("url => { location.href = url }", target)
    judge(carol.at("Log in as somebody else?"), "login.okta: asks before it replaces a login")
    carol.press("Stay logged in as Carol")
    carol.assert_logged_in("password")


def test_the_pages_of_one_s_own_password(world: World, judge: Judge, meet_open: Meet) -> None:
    mailbox, alice, olivia = Mailbox(world), by_okta(world.alice), by_okta(world.olivia)
    eye = meet_open().become(alice)
    judge(eye.go("/account/password"), "passwords.change: a first one")
    world.clock.forward(1000)
    judge(eye.go("/account/password"), "passwords.change: a first one by mail")
    judge(eye.press("Send the link").sees("A link is on its way"), "passwords.change: link sent")
    link = mailbox.link_to("alice@acme.example", "Set a new password for POINT")
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, "olivia@acme.example", role="volunteer", now=world.services.now())
    judge(eye.become(olivia).go("/account/password"), "passwords.change: of two organizations")
    judge(eye.become(by_password(world.gus)).go("/account"), "account.show: by password")
    judge(eye.go("/account/password"), "passwords.change: another one")
    judge(eye.press("Change the password").sees("Please fill this in"), "passwords.change_now: refused")
    eye.become(world.stranger)
    judge(eye.go("/login/forgot"), "passwords.forgot: first")
    judge(eye.type("E-mail address", "alice").press("Send the link").sees("whole work"), "passwords.send_link: refused")
    judge(eye.go("/login/forgot/sent"), "passwords.link_sent: sent")
    judge(eye.go(link), "passwords.set_by_link: first")
    eye.type("New password", "passwordpassword").press("Set the password")
    judge(eye.sees("lists that guessers"), "passwords.set_by_link_now: refused")
    judge(eye.go("/login/password"), "passwords.done: set")
    judge(eye.go("/login/password/nothing"), "passwords.set_by_link: over")
