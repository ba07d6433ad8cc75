"""Recovery codes: the way in for an owner whose Okta does not work, and how little else they are good for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from portal.okta_only import hash_code, make_codes
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.okta_only_steps import CODE, SECURITY, confirm, switch_on, use_code
from tests.world import POINT_PASSWORD, Visitor, World


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


@pytest.fixture
def olivia(world: World) -> Visitor:
    visitor = world.olivia
    visitor.log_in_by_password()
    return visitor


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


def test_codes_still_work_after_it_ended_by_itself(world: World, olivia: Visitor) -> None:
    """The owner may be outside at that moment, and have no password."""
    code = switch_on(world, olivia)[0]
    world.clock.forward(1000)
    assert use_code(world.olivia, code).status_code == 303


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
