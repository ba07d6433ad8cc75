"""Everything people do, with the keyboard alone and the focus always in sight."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.visitors import by_password
from tests.world import OKTA_PASSWORD, POINT_PASSWORD, World

_NAME = """() => { const e = document.activeElement; if (!e || e === document.body) return '';
  return (e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText || e.value || '').split('\\n')[0].trim() }"""
_SEEN = """() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 &&
    r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth }"""


def tab_to(person: Person, name: str) -> None:
    """Tab until the control with this text has the focus, which must be seen at every step on the way."""
    passed = []
    for _ in range(40):
        person.page.keyboard.press("Tab")
        passed.append(person.page.evaluate(_NAME))
        if passed[-1]:
            assert person.page.evaluate(_SEEN), f"the focus on {passed[-1]!r} cannot be seen"
        if passed[-1] == name:
            return
    raise AssertionError(f"Tab never comes to {name!r}, only to {passed}")


def enter(person: Person, name: str, text: str) -> None:
    tab_to(person, name)
    person.page.keyboard.press("ControlOrMeta+A")
    person.page.keyboard.type(text)


def choose(person: Person, name: str) -> None:
    tab_to(person, name)
    person.page.keyboard.press("Enter")


def test_logging_in_with_okta_and_out_again_by_the_keyboard(alice: Person) -> None:
    alice.go("/")
    choose(alice, "Log in")
    alice.at("Log in")
    expect(alice.page.get_by_label("E-mail address")).to_be_focused()
    alice.page.keyboard.type(alice.email)
    alice.page.keyboard.press("Enter")
    alice.at_okta()
    expect(alice.page.get_by_label("Password")).to_be_focused()
    alice.page.keyboard.type(OKTA_PASSWORD)
    alice.page.keyboard.press("Enter")
    alice.at("Hello Alice Andersson", "/").assert_logged_in()
    choose(alice, "Log out")
    alice.at("Welcome to POINT").assert_anonymous()


def test_the_skip_link_comes_first_and_leads_to_the_content(alice: Person) -> None:
    alice.log_in()
    skip = alice.page.get_by_role("link", name="Skip to content")
    expect(skip).not_to_be_in_viewport()
    alice.page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    alice.picture("skip-link")
    alice.page.keyboard.press("Enter")
    expect(alice.page.locator("main")).to_be_focused()
    tab_to(alice, "See your account")


def test_an_owner_opens_the_password_saves_mends_and_deletes_by_the_keyboard(world: World, olivia: Person) -> None:
    olivia.go("/login/acme")
    choose(olivia, "Log in with a password")
    enter(olivia, "E-mail address", olivia.email)
    enter(olivia, "Password", POINT_PASSWORD)
    olivia.page.keyboard.press("Enter")
    olivia.at("Hello Olivia", "/")
    choose(olivia, "Integrations")
    olivia.at("Integrations")
    choose(olivia, "Manage Okta")
    olivia.at("Okta")
    enter(olivia, "SPA: Okta Client ID", "my client")
    enter(olivia, "SPA: Okta Domain", "olivia@acme.example")
    olivia.page.keyboard.press("Enter")
    olivia.sees("Nothing was saved yet: 2 things to put right")
    expect(olivia.page.get_by_role("alert")).to_be_focused()
    for name, value in (("spa_client_id", world.sandbox.client_id("spa")), ("spa_domain", world.okta)):
        olivia.page.get_by_role("alert").focus()
        tab_to(olivia, olivia.page.locator(f"a[href='#{name}']").inner_text())
        olivia.page.keyboard.press("Enter")
        expect(olivia.page.locator(f"#{name}")).to_be_focused()
        olivia.page.keyboard.press("ControlOrMeta+A")
        olivia.page.keyboard.type(value)
    choose(olivia, "Save")
    olivia.sees("Saved.")
    choose(olivia, "Delete Integration")
    olivia.at("Delete the Okta integration?")
    choose(olivia, "Delete Integration")
    olivia.at("Okta is deleted").sees("It can be undone until")


def test_an_owner_invites_searches_changes_a_role_and_sets_limits_by_the_keyboard(world: World, olivia: Person) -> None:
    olivia.become(by_password(world.olivia)).go("/")
    choose(olivia, "Members")
    olivia.at("Members")
    enter(olivia, "E-mail address", "nina@elsewhere.example")
    tab_to(olivia, "Role")
    olivia.page.keyboard.type("Admin")
    choose(olivia, "Send invitation")
    olivia.sees("The invitation is on its way.").sees("Admin, invited by olivia@acme.example")
    choose(olivia, "Take back")
    olivia.sees("The invitation is taken back.")
    enter(olivia, "Name or e-mail address", "adam")
    olivia.page.keyboard.press("Enter")
    olivia.sees("1 member")
    choose(olivia, "Manage")
    olivia.at("Adam")
    tab_to(olivia, "Admin")
    olivia.page.keyboard.press("ArrowDown")
    choose(olivia, "Change role")
    olivia.sees("The role is changed.")
    choose(olivia, "Security")
    olivia.at("Security")
    tab_to(olivia, "Logged out in any case after")
    olivia.page.keyboard.type("7 days")
    choose(olivia, "Save these limits")
    olivia.sees("Saved. It counts for everybody who is logged in now, too.")
    choose(olivia, "Domains")
    olivia.at("Domains")
    enter(olivia, "E-mail domain", "acme.test")
    olivia.page.keyboard.press("Enter")
    olivia.sees("add a record of type TXT")
    choose(olivia, "Give up acme.test")
    olivia.sees("You can take the record out")
