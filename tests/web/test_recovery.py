"""Recovery codes: the way in for an owner whose Okta does not work, and how little else they are good for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from portal.errors import Problem, Refused
from portal.okta_only import hash_code, make_codes, renew_codes
from portal.passwords import hash_password
from portal.store.members import add_member
from portal.store.sessions import find_session
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.okta_only_steps import CODE, SECURITY, confirm, switch_on, use_code
from tests.web.steps import add_person
from tests.web.test_members import member_id
from tests.world import POINT_PASSWORD, Visitor, World


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


def second_owner(world: World) -> Visitor:
    """Otto, who has a password and is known at Okta."""
    add_person(world.sandbox, "otto@acme.example", "Otto")
    with world.services.db.writing() as connection:
        add_member(
            connection, world.acme_id, "otto@acme.example", role="owner", now=world.services.now(),
            password_hash=hash_password(POINT_PASSWORD),
        )  # fmt: skip
    return world.person("otto@acme.example")


def make_own_codes(visitor: Visitor) -> list[str]:
    answer = visitor.submit(visitor.get(SECURITY), button="Make new codes")
    return CODE.findall(Page(answer.text).find("code").text)


def count_codes_of(world: World) -> int:
    """All that lie in the database."""
    with world.services.db.reading() as connection:
        return connection.execute(text("SELECT count(*) FROM recovery_codes")).scalar_one()


def test_an_owner_is_never_locked_out(world: World, olivia: Visitor) -> None:
    """Okta breaks after the switch: a code lets the owner in, and one button brings the passwords back."""
    codes = switch_on(world, olivia)
    confirm(world, olivia)
    world.sandbox.fault("organization_500")
    world.sandbox.fault("discovery_500")
    again = world.olivia
    assert again.log_in_by_password().status_code == 403
    answer = again.follow(use_code(again, codes[3]))
    page = Page(answer.text)
    assert page.find("h1").text == "Security"
    assert "You came in with a recovery code. It is used up. You have 7 codes left." in page.text
    assert again.session() | {"expires_at": 0} == {
        "authenticated": True, "email": "olivia@acme.example", "organization": "acme", "role": "owner",
        "method": "recovery", "expires_at": 0,
    }  # fmt: skip
    again.submit(answer, button="Switch off Okta only")
    assert world.olivia.log_in_by_password().status_code == 200


def test_a_code_works_once_however_it_is_typed(world: World, olivia: Visitor) -> None:
    codes = switch_on(world, olivia)
    for code in (codes[0].lower(), codes[1].replace("-", " "), f"  {codes[2].replace('-', '')} "):
        assert use_code(world.olivia, code).status_code == 303
        assert use_code(world.olivia, code).status_code == 422


def test_of_twenty_who_use_one_code_at_once_one_gets_in(world: World, olivia: Visitor) -> None:
    code = switch_on(world, olivia)[0]
    pages = [(visitor := world.olivia, visitor.get("/login/recovery")) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        tried = pool.map(
            lambda pair: pair[0].submit(pair[1], email=pair[0].email, code=code, follow=False).status_code, pages
        )
    assert sorted(tried) == [303] + [422] * 7


@pytest.mark.parametrize("email", ["adam@acme.example", "nobody@acme.example", "", "gus@globex.example"])
def test_a_code_fits_one_address(world: World, olivia: Visitor, email: str) -> None:
    code = switch_on(world, olivia)[0]
    visitor = world.olivia
    answer = use_code(visitor, code, email or " ")
    assert answer.status_code == 422
    assert "do not fit together" in Page(answer.text).problem_at("code")
    assert not visitor.session()["authenticated"]


@pytest.mark.parametrize("code", ["", "0000", "AAAA-AAAA-AAAA-AAAA-AAAA", "é" * 20, "A" * 5000, "%00"])
def test_what_is_no_code_is_refused_like_a_wrong_one(world: World, code: str) -> None:
    assert use_code(world.olivia, code).status_code == 422


def test_a_former_owners_codes_are_worthless(world: World, olivia: Visitor) -> None:
    code = switch_on(world, olivia)[0]
    world.app.test_cli_runner().invoke(args=["member", "add", "acme", "olivia@acme.example", "--role", "admin"])
    assert use_code(world.olivia, code).status_code == 422


def test_new_codes_take_the_place_of_the_old_ones(world: World, olivia: Visitor) -> None:
    old = switch_on(world, olivia)
    answer = olivia.submit(olivia.get(SECURITY), button="Make new codes")
    new = CODE.findall(Page(answer.text).find("code").text)
    assert len(new) == 8
    assert use_code(world.olivia, old[0]).status_code == 422
    assert use_code(world.olivia, new[0]).status_code == 303


@pytest.mark.parametrize("noticed", [True, False])
def test_codes_open_nothing_once_it_has_ended_by_itself(world: World, olivia: Visitor, noticed: bool) -> None:
    """Where passwords count again, nobody needs a way round them."""
    code = switch_on(world, olivia)[0]
    world.clock.forward(901)
    if noticed:
        olivia.get(SECURITY)
    assert use_code(world.olivia, code).status_code == 422
    assert count_codes_of(world) == (0 if noticed else 8)
    olivia.log_in_by_password()
    switch_on(world, olivia)
    assert use_code(world.olivia, code).status_code == 422


def test_the_codes_of_another_owner_do_not_come_back_with_the_next_time_it_is_on(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    otto = second_owner(world)
    otto.log_in()
    code = make_own_codes(otto)[0]
    world.clock.forward(901)
    olivia.log_in_by_password()
    switch_on(world, olivia)
    assert use_code(otto, code).status_code == 422


@pytest.mark.parametrize("how", ["removed", "another role", "another role, by support"])
def test_codes_do_not_come_alive_with_somebody_who_becomes_an_owner_again(
    world: World, olivia: Visitor, how: str
) -> None:
    otto = second_owner(world)
    code = switch_on(world, olivia)[0]
    otto.log_in()
    make_own_codes(otto)
    member = f"/organizations/acme/members/{member_id(world, olivia.email)}"
    if how == "removed":
        assert otto.step(member + "/remove", method="POST").status_code == 303
    elif how == "another role":
        assert otto.step(member + "/role", method="POST", data={"role": "admin"}).status_code == 303
    else:
        world.app.test_cli_runner().invoke(args=["member", "add", "acme", "olivia@acme.example", "--role", "admin"])
    world.app.test_cli_runner().invoke(args=["member", "add", "acme", "olivia@acme.example", "--role", "owner"])
    assert use_code(world.olivia, code).status_code == 422


@pytest.mark.parametrize("path", ["remove", "role"])
def test_the_last_owner_with_codes_stays_until_another_has_some(world: World, olivia: Visitor, path: str) -> None:
    switch_on(world, olivia)
    otto = second_owner(world)
    otto.log_in()
    member = f"/organizations/acme/members/{member_id(world, olivia.email)}"
    refused = otto.step(f"{member}/{path}", method="POST", data={"role": "volunteer"})
    assert refused.status_code == 409
    assert "An owner who stays makes some first" in refused.text
    assert count_codes_of(world) == 8
    assert "You have no codes" in otto.get(SECURITY).text
    make_own_codes(otto)
    assert "You have no codes" not in otto.get(SECURITY).text
    assert otto.step(f"{member}/{path}", method="POST", data={"role": "volunteer"}).status_code == 303


def test_where_passwords_count_again_an_owner_with_codes_goes_like_any_other(world: World, olivia: Visitor) -> None:
    switch_on(world, olivia)
    otto = second_owner(world)
    world.clock.forward(901)
    otto.log_in_by_password()
    member = f"/organizations/acme/members/{member_id(world, olivia.email)}"
    assert otto.step(member + "/remove", method="POST").status_code == 303


def test_an_owner_who_is_none_any_more_gets_no_codes(world: World, olivia: Visitor) -> None:
    """The page was asked for as an owner; meanwhile somebody has taken the role away."""
    switch_on(world, olivia)
    with world.services.db.reading() as connection:
        session = find_session(connection, olivia.http.cookies["point_session"], now=world.services.now())
    assert session is not None
    world.app.test_cli_runner().invoke(args=["member", "add", "acme", "olivia@acme.example", "--role", "admin"])
    with pytest.raises(Refused) as refused:
        renew_codes(world.services, session, reference="")
    assert refused.value.problem is Problem.FORBIDDEN
    assert count_codes_of(world) == 0


def test_new_codes_end_what_an_old_one_has_opened(world: World, olivia: Visitor) -> None:
    codes = switch_on(world, olivia)
    confirm(world, olivia)
    thief, mine = world.olivia, world.olivia
    use_code(thief, codes[0])
    use_code(mine, codes[1])
    assert thief.session()["method"] == "recovery"
    make_own_codes(mine)
    assert not thief.session()["authenticated"]
    assert mine.session()["method"] == "recovery"
    assert olivia.session()["method"] == "okta"
    assert "New recovery codes have been made" in thief.get("/account").text


def test_guessing_codes_is_slowed_down_and_passwords_are_not_used_up_by_it(world: World) -> None:
    statuses = [use_code(world.olivia, make_codes()[0]).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    assert world.olivia.log_in_by_password(POINT_PASSWORD).status_code == 200


def test_the_session_of_a_code_lasts_hours_and_opens_no_app(world: World, olivia: Visitor) -> None:
    code = switch_on(world, olivia)[0]
    visitor = world.olivia
    use_code(visitor, code)
    assert "With a recovery code" in visitor.get("/account").text
    body = {"organization": "acme", "code_challenge": "x" * 43, "code_challenge_method": "S256", "method": "password"}
    begun = visitor.step("/native/v1/login", method="POST", json=body).json()
    page = visitor.get(begun["authorization_url"])
    answer = visitor.submit(page, "state")
    assert answer.status_code == 403
    assert "A recovery code does not open the app" in answer.text
    world.clock.forward(4 * 3600 + 1)
    assert not visitor.session()["authenticated"]


def test_a_used_code_is_written_down_and_every_owner_gets_a_mail(world: World, olivia: Visitor) -> None:
    code = switch_on(world, olivia)[0]
    use_code(world.olivia, code)
    event = world.activity()[0]
    assert (event.what, event.who, event.about) == ("recovery_code.used", "olivia@acme.example", {"codes_left": 7})
    with world.services.db.reading() as connection:
        mails = connection.execute(text("SELECT recipient, kind FROM mails")).all()
    assert [tuple(mail) for mail in mails] == [("olivia@acme.example", "recovery_code_used")]


def test_codes_are_long_enough_and_have_no_letters_that_look_alike() -> None:
    codes = [code for _ in range(50) for code in make_codes()]
    assert len(set(codes)) == 400
    letters = set("".join(codes)) - {"-"}
    assert letters.isdisjoint("0O1IL2Z5S8BG6U") or letters & set("6") == {"6"}
    assert letters.isdisjoint("0O1IL2Z5S8BGU")
    assert len(letters) ** 20 >= 2**80
    assert hash_code(codes[0]) != hash_code(codes[1])
