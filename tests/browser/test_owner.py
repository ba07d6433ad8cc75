"""An owner connects Okta by the four fields, is told what is wrong beside the field, and takes it away again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from okta_sandbox import Sandbox
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.web.steps import Neighbour, add_person
from tests.world import World

OKTA = "/organizations/acme/integrations/okta"
FOUR = [
    "SPA: Okta Client ID", "SPA: Okta Domain", "Native App: Okta Client ID (Native App)",
    "Native App: Okta Domain (Native App)",
]  # fmt: skip


@pytest.fixture
def globex(world: World) -> Iterator[Neighbour]:
    """An Okta that Globex has set up and not connected yet."""
    sandbox = Sandbox(portal=world.base, keys="b", name="Globex", clock=world.clock)
    for given_name in ("Carol", "Dana"):
        add_person(sandbox, f"{given_name.lower()}@globex.example", given_name)
    with sandbox.serve(host="127.0.0.1") as server:
        yield Neighbour(sandbox, server, f"http://127.0.0.1:{server.port}")


def fill_in(person: Person, *values: str) -> None:
    for label, value in zip(FOUR, values, strict=False):
        person.type(label, value)


def test_an_owner_connects_okta_from_scratch_and_people_log_in_with_it(globex: Neighbour, meet: Meet) -> None:
    gus = meet("gus@globex.example", okta=globex.okta)
    gus.log_in_by_password("globex").at("Hello Gus").picture("home-owner-not-connected")
    gus.press("Connect Okta").at("Connect Okta", "/organizations/globex/integrations/okta")
    gus.sees(f"{gus.base}/login/callback").sees("org.pointapp.point:/logout")
    expect(gus.page.get_by_role("link", name="Delete Integration")).to_have_count(0)
    spa, native = globex.sandbox.client_id("spa"), globex.sandbox.client_id("native")
    fill_in(gus, spa, globex.okta, native, globex.okta)
    gus.press("Save").at("Okta").sees("Saved.").picture("okta-saved")
    expect(gus.page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    for label, value in zip(FOUR, (spa, globex.okta, native, globex.okta), strict=True):
        expect(gus.page.get_by_label(label, exact=True)).to_have_value(value)
    for email, name in (("carol@globex.example", "Hello Carol"), ("dana@globex.example", "Hello Dana Example")):
        person = meet(email, okta=globex.okta)
        person.go("/login").enter_email().sign_in().at(name, "/").assert_logged_in()


def test_two_fields_are_enough_when_there_is_no_app_yet(globex: Neighbour, meet: Meet) -> None:
    gus = meet("gus@globex.example", okta=globex.okta)
    gus.log_in_by_password("globex").go("/organizations/globex/integrations").press("Connect Okta")
    fill_in(gus, globex.sandbox.client_id("spa"), globex.okta)
    gus.press("Save").sees("Saved.").go("/organizations/globex/integrations").sees("Connected")


def test_wrong_entries_are_named_beside_their_fields_and_what_was_typed_stays(world: World, olivia: Person) -> None:
    wrong = ("0oa1", "acme", "", "olivia@acme.example")
    olivia.log_in_by_password().go(OKTA)
    fill_in(olivia, *wrong)
    olivia.press("Save").at("Okta").sees("Nothing was saved yet").picture("okta-refused")
    assert olivia.page.title().startswith("Error: ")
    for label, value in zip(FOUR, wrong, strict=True):
        expect(olivia.page.get_by_label(label, exact=True)).to_have_value(value)
    domain = olivia.page.get_by_label("SPA: Okta Domain", exact=True)
    expect(domain).to_have_attribute("aria-invalid", "true")
    expect(domain).to_have_accessible_description(
        re.compile(r"^Enter the whole domain with its ending, for example acme\.okta\.com instead of acme\. In Okta: ")
    )
    olivia.page.locator("a[href='#spa_domain']").click()
    expect(domain).to_be_focused()
    olivia.go(OKTA)
    expect(domain).to_have_value(world.okta)


def test_a_client_that_okta_does_not_know_is_named_after_okta_was_asked(world: World, olivia: Person) -> None:
    olivia.log_in_by_password().go(OKTA)
    fill_in(olivia, "0oaNobody00000000000")
    olivia.press("Save").sees("Kept as a draft; what is live has not changed: one thing to put right")
    olivia.picture("okta-refused-by-okta")
    expect(olivia.page.get_by_label(FOUR[0], exact=True)).to_have_attribute("aria-invalid", "true")
    expect(olivia.page.get_by_label(FOUR[0], exact=True)).to_have_value("0oaNobody00000000000")


def test_a_save_over_somebody_else_s_is_refused_until_it_was_looked_at(world: World, olivia: Person) -> None:
    olivia.log_in_by_password().go(OKTA)
    world.connect()
    olivia.press("Save").sees("Somebody else changed this meanwhile").picture("okta-conflict")
    olivia.press("Save").sees("Saved.")


def test_deleting_says_how_many_people_it_concerns_and_brings_the_password_back(
    world: World, alice: Person, olivia: Person, meet: Meet
) -> None:
    alice.log_in()
    olivia.log_in().press("Integrations").at("Integrations").picture("integrations")
    olivia.press("Manage Okta").at("Okta").picture("okta-connected")
    olivia.press("Delete Integration").at("Delete the Okta integration?", OKTA + "/delete")
    olivia.sees("2 people at Acme Volunteers log in to POINT with Okta.")
    olivia.sees("1 person has no password and no other way in.")
    olivia.picture("okta-delete")
    olivia.press("Cancel and keep Okta").at("Okta").press("Delete Integration").press("Delete Integration")
    olivia.page.wait_for_load_state()
    alice.assert_anonymous()
    stranger = meet("olivia@acme.example")
    stranger.go("/login/acme").at("Log in to Acme Volunteers").picture("login-acme-without-okta")
    expect(stranger.page.get_by_label("Password")).to_be_visible()
    expect(stranger.page.get_by_role("link", name="Log in with Okta")).to_have_count(0)
    stranger.go("/login/acme/okta").at("This organization does not use Okta at POINT").picture("problem-not-connected")
    stranger.log_in_by_password().press("Integrations").sees("Not connected")


def test_deleting_while_logged_in_by_password_says_that_it_is_done(olivia: Person) -> None:
    olivia.log_in_by_password().go(OKTA + "/delete").press("Delete Integration")
    olivia.at("Okta is deleted", "/organizations/acme/integrations/okta/deleted").sees("Deleted.")


def test_an_admin_may_look_and_not_touch(meet: Meet) -> None:
    adam = meet("adam@acme.example")
    adam.log_in_by_password().press("Integrations").press("View Okta").at("Okta", OKTA).picture("okta-admin")
    adam.sees("An owner of your organization can change them.")
    expect(adam.page.get_by_role("button", name="Save")).to_have_count(0)
    adam.go(OKTA + "/delete").at("Your role does not allow this")
