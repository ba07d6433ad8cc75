""""Okta only": what it takes, whom it shuts out, that it ends by itself, and that passwords open nothing meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from okta_sandbox import Sandbox
from portal.connecting import save_okta
from portal.passwords import hash_password
from portal.store.integrations import find_integration
from portal.store.members import add_member
from portal.store.okta_only import find_okta_only
from portal.subjects import entries_of
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.okta_only_steps import SECURITY, confirm, pass_trial, switch_on, use_code
from tests.web.trial_steps import make, run
from tests.world import POINT_PASSWORD, Visitor, World

OKTA = "/organizations/acme/integrations/okta"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


@pytest.fixture
def olivia(world: World) -> Visitor:
    visitor = world.olivia
    visitor.log_in_by_password()
    return visitor


def security(visitor: Visitor) -> Page:
    return Page(visitor.get(SECURITY).text)


def by_password(world: World, email: str, path: str = "/login/acme", password: str = POINT_PASSWORD) -> tuple[int, str]:
    """Status and text of the answer to a password."""
    answer = world.stranger.step(path, method="POST", data={"email": email, "password": password})
    return answer.status_code, Page(answer.text).text


@contextmanager
def another_okta(world: World) -> Iterator[tuple[Sandbox, str]]:
    """One with other keys and other ids for its people, and its address."""
    sandbox = Sandbox(portal=world.base, keys="b", name="New", clock=world.clock)
    with sandbox.serve(host="127.0.0.1") as server:
        yield sandbox, f"http://localhost:{server.port}"


def move(world: World, owner: Visitor, sandbox: Sandbox, okta: str) -> None:
    data = {"spa_client_id": sandbox.client_id("spa"), "spa_domain": okta, "authorization_server": "org"}
    answer = owner.step(OKTA, method="POST", data={**data, "sign_in": "redirect"})
    assert answer.status_code == 303


def events(world: World) -> list[str]:
    return [each.what for each in world.activity() if each.what.startswith(("okta_only", "recovery"))]


# -- what it takes -----------------------------------------------------------------------------------------------------


def test_without_a_test_login_there_is_no_button_but_the_way_to_it(world: World, olivia: Visitor) -> None:
    page = security(olivia)
    assert "First, a test login" in page.text
    assert page.find("a", href=OKTA + "/test", class_="button button-secondary").text == "Go to the test login"
    answer = olivia.step(SECURITY + "/okta-only", method="POST", data={})
    assert answer.status_code == 409
    assert "A test login is missing" in answer.text
    assert by_password(world, "adam@acme.example")[0] == 303


def test_a_test_login_counts_for_this_owner_this_browser_these_settings_and_an_hour(
    world: World, olivia: Visitor
) -> None:
    def accepted() -> bool:
        return "Switch on Okta only" in security(olivia).text

    pass_trial(world, olivia, age=3601)
    assert not accepted()
    pass_trial(world, olivia, email="somebody-else@acme.example")
    assert not accepted()
    pass_trial(world, olivia, browser="b" * 43)
    assert not accepted()
    pass_trial(world, olivia)
    assert accepted()
    world.connect(authorization_server="default")
    assert not accepted()


def test_the_test_login_of_its_own_page_counts(world: World, olivia: Visitor) -> None:
    trial = run(olivia, make(world, olivia))
    assert (trial.passed, trial.email) == (True, "olivia@acme.example")
    assert "PassedTest login in this browser" in security(olivia).text.replace("Passed Test", "PassedTest")
    answer = olivia.submit(olivia.get(SECURITY), button="Switch on Okta only")
    assert "These codes are shown once" in answer.text


def test_while_there_is_a_draft_a_test_login_tries_that_and_it_is_said(world: World, olivia: Visitor) -> None:
    form = Page(olivia.get(OKTA).text).form_with("spa_client_id", button="Save as a draft")
    data = {**form.fields, "authorization_server": "default", "action": "draft"}
    olivia.step(OKTA, method="POST", data=data)
    run(olivia, make(world, olivia))
    page = security(olivia)
    assert "There is a draft, and a test login tries that" in page.text
    assert "Switch on Okta only" not in {button for form in page.forms for button in form.buttons}


def test_switching_on_shows_the_codes_once_and_keeps_only_their_hashes(
    world: World, olivia: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    codes = switch_on(world, olivia)
    with world.services.db.reading() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        dump = "".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in names)
    said = capfd.readouterr()
    page = olivia.get(SECURITY).text
    for code in codes:
        for shape in (code, code.replace("-", ""), code.lower()):
            assert shape not in dump + said.err + said.out + page
    assert events(world) == ["okta_only.switched_on"]
    assert Page(page).find("section", id="codes").text.startswith("Your recovery codes8 left")


def test_the_second_click_says_that_it_is_on(world: World, olivia: Visitor) -> None:
    pass_trial(world, olivia)
    page = olivia.get(SECURITY)
    assert olivia.submit(page, button="Switch on Okta only").status_code == 200
    answer = olivia.submit(page, button="Switch on Okta only")
    assert answer.status_code == 409
    assert "Not confirmed yet" in answer.text
    assert events(world) == ["okta_only.switched_on"]


def test_of_two_owners_who_switch_on_at_once_one_gets_codes(world: World, olivia: Visitor) -> None:
    add(world, "otto@acme.example", role="owner")
    otto = world.person("otto@acme.example")
    otto.log_in_by_password()
    for owner in (olivia, otto):
        pass_trial(world, owner)
    pages = [(owner, owner.get(SECURITY)) for owner in (olivia, otto)]
    with ThreadPoolExecutor(2) as pool:
        pressed = pool.map(lambda pair: pair[0].submit(pair[1], button="Switch on Okta only").status_code, pages)
    assert sorted(pressed) == [200, 409]
    with world.services.db.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM recovery_codes")).scalar() == 8


def test_an_admin_may_look_and_nothing_else(world: World, olivia: Visitor) -> None:
    pass_trial(world, olivia)
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = security(adam)
    assert "An owner of your organization can change it" in page.text
    assert {button for form in page.forms for button in form.buttons} == {"Log out"}
    for path in ("/okta-only", "/okta-only/confirm", "/okta-only/off", "/codes"):
        assert adam.step(SECURITY + path, method="POST").status_code == 403


def test_without_okta_there_is_nothing_to_switch_on(world: World, olivia: Visitor) -> None:
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    assert "needs Okta to be connected first" in security(olivia).text
    assert olivia.step(SECURITY + "/okta-only", method="POST").status_code == 404


# -- who would be shut out ---------------------------------------------------------------------------------------------


def add(world: World, email: str, role: str = "volunteer", name: str = "", organization_id: int = 0) -> None:
    with world.services.db.writing() as connection:
        add_member(
            connection, organization_id or world.acme_id, email, role=role, name=name, now=world.services.now(),
            password_hash=hash_password(POINT_PASSWORD),
        )  # fmt: skip


def test_it_lists_who_has_never_come_in_by_okta_and_who_is_outside_the_domains(world: World, olivia: Visitor) -> None:
    world.alice.log_in()
    add(world, "zoe@elsewhere.example", name="Zoe Outside")
    page = security(olivia)
    card = page.find("section", id="shut-out").text
    people = [element.text for element in page.elements if element.tag == "li" and "@" in element.text]
    assert card.startswith("Who would be shut out3 people")
    assert "The address of 1 person is outside the domains of Acme Volunteers" in card
    assert [person.rpartition(" ")[2].removeprefix("domains") for person in people] == [
        "zoe@elsewhere.example", "Adminadam@acme.example", "Ownerolivia@acme.example",
    ]  # fmt: skip
    assert ["Outside the domains" in person for person in people] == [True, False, False]


def test_when_everybody_has_come_in_by_okta_nobody_is_shut_out(world: World) -> None:
    with world.services.db.writing() as connection:
        connection.execute(text("DELETE FROM members WHERE user_id IN (SELECT id FROM users WHERE email LIKE 'adam%')"))
    olivia = world.olivia
    olivia.log_in()
    assert "Nobody: every member has come in by this Okta before" in security(olivia).text


def test_many_people_are_shown_in_pages(world: World, olivia: Visitor) -> None:
    with world.services.db.writing() as connection:
        for number in range(55):
            add_member(
                connection, world.acme_id, f"v{number:02}@acme.example", role="volunteer", now=world.services.now()
            )
    first = security(olivia)
    assert "57 people" in first.text
    assert first.find("a", href=SECURITY + "?page=2#shut-out").text == "and 37 more"
    last = Page(olivia.get(SECURITY, params={"page": "3"}).text)
    assert [element.text for element in last.elements if element.tag == "li" and "v54@" in element.text]
    assert "more" not in last.find("section", id="shut-out").text
    for odd in ("0", "-1", "999999", "x", "", "٣"):
        assert olivia.get(SECURITY, params={"page": odd}).status_code == 200


# -- while it is on ----------------------------------------------------------------------------------------------------


def test_a_right_password_is_told_to_use_okta_and_a_wrong_one_is_wrong(world: World, olivia: Visitor) -> None:
    before = by_password(world, "adam@acme.example", password="wrong password")
    switch_on(world, olivia)
    for path in ("/login/acme", "/login"):
        status, said = by_password(world, "adam@acme.example", path)
        assert status == 403, path
        assert "Your organization logs in with Okta only" in said
    for email in ("adam@acme.example", "nobody@acme.example"):
        status, said = by_password(world, email, password="wrong password")
        assert (status, "do not fit together" in said, "Okta only" in said) == (422, True, False)
    assert before[0] == 422


def test_the_login_page_has_no_password_form_but_the_way_for_a_recovery_code(world: World, olivia: Visitor) -> None:
    def forms() -> set[str]:
        page = Page(world.stranger.get("/login/acme").text)
        return {name for form in page.forms for name in form.fields}

    assert "password" in forms()
    switch_on(world, olivia)
    assert "password" not in forms()
    page = Page(world.stranger.get("/login/acme?with=password").text)
    assert "password" not in {name for form in page.forms for name in form.fields}
    assert page.find("a", href="/login/recovery").text == "Use a recovery code"
    led_on = world.stranger.step("/login", method="POST", data={"email": "alice@acme.example"})
    assert "Use a password instead" not in led_on.text
    assert "password" in {name for form in Page(world.stranger.get("/login/globex").text).forms for name in form.fields}


def test_somebody_of_two_organizations_still_enters_the_other_one(world: World, olivia: Visitor) -> None:
    add(world, "olivia@acme.example", organization_id=world.globex_id)
    switch_on(world, olivia)
    assert by_password(world, "olivia@acme.example")[0] == 403
    for path in ("/login/globex", "/login"):
        visitor = world.olivia
        visitor.step(path, method="POST", data={"email": visitor.email, "password": POINT_PASSWORD})
        assert visitor.session()["organization"] == "globex"


def test_the_app_is_offered_no_password_and_the_settings_page_warns(world: World, olivia: Visitor) -> None:
    def offered(organization: str) -> list[str]:
        answer = world.stranger.step("/native/v1/discover", method="POST", json={"organization": organization})
        return [method["type"] for method in answer.json()["methods"]]

    assert (offered("acme"), offered("globex")) == (["okta", "password"], ["password"])
    switch_on(world, olivia)
    assert (offered("acme"), offered("globex"), offered("nobody")) == (["okta"], ["password"], ["password"])
    assert "Okta only is on" in olivia.get(OKTA).text
    world.clock.forward(901)
    assert offered("acme") == ["okta", "password"]


def test_other_organizations_notice_nothing(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    gus = world.gus
    gus.log_in_by_password()
    assert gus.session()["method"] == "password"
    assert by_password(world, "gus@globex.example", "/login/acme")[0] == 422


def test_people_come_in_by_okta_as_before(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    alice = world.alice
    alice.log_in()
    assert alice.session()["method"] == "okta"


# -- confirming --------------------------------------------------------------------------------------------------------


def test_it_ends_by_itself_after_a_quarter_of_an_hour(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    world.clock.forward(14 * 60)
    assert "1 minute left" in security(olivia).text
    assert by_password(world, "adam@acme.example")[0] == 403
    world.clock.forward(61)
    assert by_password(world, "adam@acme.example")[0] == 303
    page = security(olivia)
    assert "was not confirmed in time, so it has ended by itself" in page.text
    assert "was not confirmed in time" not in security(olivia).text
    assert events(world) == ["okta_only.reverted", "okta_only.switched_on"]


def test_maintenance_writes_down_that_it_ended(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    world.clock.forward(901)
    for _ in range(2):
        world.app.test_cli_runner().invoke(args=["maintenance"])
    assert events(world) == ["okta_only.reverted", "okta_only.switched_on"]


def test_only_a_login_by_okta_after_the_switch_confirms(world: World, olivia: Visitor) -> None:
    earlier = world.olivia
    earlier.log_in()
    world.clock.forward(2)
    switch_on(world, olivia)
    for visitor in (olivia, earlier):
        page = security(visitor)
        assert "Confirm" not in {button for form in page.forms for button in form.buttons}
        link = page.find("a", href="/login/acme/okta?next=" + SECURITY)
        assert link.text == "Log in with Okta"
        assert visitor.step(SECURITY + "/okta-only/confirm", method="POST").status_code == 409
    confirm(world, olivia)
    assert events(world)[0] == "okta_only.confirmed"
    world.clock.forward(3600)
    assert by_password(world, "adam@acme.example")[0] == 403


def test_signing_in_again_at_okta_after_the_switch_confirms_too(world: World) -> None:
    owner = world.olivia
    owner.log_in()
    switch_on(world, owner)
    world.clock.forward(400)
    page = owner.get("/login/again/okta")
    owner.follow(owner.sign_in_at_okta(page))
    answer = owner.submit(owner.get(SECURITY), button="Confirm")
    assert "Confirmed" in answer.text


@pytest.mark.parametrize("confirmed", [True, False])
def test_settings_that_move_to_another_okta_have_to_be_confirmed_there(
    world: World, olivia: Visitor, confirmed: bool
) -> None:
    """Nobody knows yet whether the new one lets an owner in; passwords count again where it does not."""
    codes = switch_on(world, olivia)
    if confirmed:
        confirm(world, olivia)
    else:
        world.clock.forward(600)
        olivia.log_in()
    with another_okta(world) as okta:
        world.clock.forward(2)
        move(world, olivia, *okta)
        assert not olivia.session()["authenticated"]
        use_code(olivia, codes[0])
        page = security(olivia)
        assert "The Okta settings have changed since it was switched on" in page.text
        assert "Not confirmed yet" in page.text
        assert ("15 minutes left" in page.text) == confirmed
        assert by_password(world, "adam@acme.example")[0] == 403
        assert events(world).count("okta_only.to_confirm") == (1 if confirmed else 0)
        world.clock.forward(901)
        assert by_password(world, "adam@acme.example")[0] == 303


def test_whoever_comes_in_by_the_new_okta_confirms(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    confirm(world, olivia)
    with another_okta(world) as okta:
        world.clock.forward(2)
        move(world, olivia, *okta)
        world.clock.forward(2)
        confirm(world, world.olivia)
        world.clock.forward(3600)
        assert by_password(world, "adam@acme.example")[0] == 403


@pytest.mark.parametrize(
    ("change", "asks"),
    [
        ({"authorization_server": "default"}, True),
        ({"spa_client_id": "0oaAnotherWebApp0001"}, True),
        ({"native_client_id": "", "native_domain": ""}, False),
        ({}, False),
    ],
    ids=str,
)
def test_only_another_issuer_or_web_app_has_to_be_confirmed_anew(
    world: World, olivia: Visitor, change: dict[str, str], asks: bool
) -> None:
    switch_on(world, olivia)
    confirm(world, olivia)
    with world.services.db.reading() as connection:
        live = find_integration(connection, world.acme_id)
    assert live is not None
    entries = replace(entries_of(live), **change)
    save_okta(world.services, world.acme_id, entries, sign_in="embedded", who="olivia", reference="", check=False)
    with world.services.db.reading() as connection:
        found = find_okta_only(connection, world.acme_id)
    assert found is not None
    assert (found.confirmed_at is None) == asks
    assert ("okta_only.to_confirm" in events(world)) == asks


def test_confirming_too_late_is_told(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    world.clock.forward(2)
    olivia.log_in()
    page = olivia.get(SECURITY)
    world.clock.forward(900)
    answer = olivia.submit(page, button="Confirm")
    assert answer.status_code == 409
    assert by_password(world, "adam@acme.example")[0] == 303


def test_confirming_ends_what_a_password_has_opened_here_and_nothing_else(world: World, olivia: Visitor) -> None:
    adam, alice, gus = world.person("adam@acme.example"), world.alice, world.gus
    adam.log_in_by_password()
    alice.log_in()
    gus.log_in_by_password()
    codes = switch_on(world, olivia)
    assert adam.session()["authenticated"]
    recovered = world.olivia
    use_code(recovered, codes[0])
    confirm(world, olivia)
    assert not adam.session()["authenticated"]
    for visitor in (alice, gus, recovered, olivia):
        assert visitor.session()["authenticated"]


def test_switching_off_takes_one_button_at_any_time(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    confirm(world, olivia)
    page = olivia.get(SECURITY)
    for _ in range(2):
        assert "Passwords work again" in olivia.submit(page, button="Switch off Okta only").text
    assert by_password(world, "adam@acme.example")[0] == 303
    assert events(world).count("okta_only.switched_off") == 1


@pytest.mark.parametrize("command", [["okta", "only", "acme", "--off"], ["okta", "delete", "acme"]], ids=" ".join)
def test_support_and_deleting_okta_switch_it_off_too(world: World, olivia: Visitor, command: list[str]) -> None:
    switch_on(world, olivia)
    confirm(world, olivia)
    result = world.app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 0
    assert by_password(world, "adam@acme.example")[0] == 303
    with world.services.db.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM recovery_codes")).scalar() == 0


def test_the_login_at_okta_asks_the_database_nothing_more(world: World, olivia: Visitor) -> None:
    """Counted in the statements that begin and finish a login, with it on and off."""
    seen: list[str] = []
    engine = world.services.db.engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        world.alice.log_in()
        assert not [statement for statement in seen if "okta_only" in statement]
    finally:
        event.remove(engine, "before_cursor_execute", note)
