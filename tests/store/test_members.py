"""Who a person is: (issuer, sub), and what may link to an account that exists already."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, event
from sqlalchemy.exc import IntegrityError

from portal.errors import Problem, Refused
from portal.store.members import (
    Admitted,
    Profile,
    add_member,
    admit_person,
    find_user,
    link_identity,
    list_memberships,
)
from portal.store.models import members
from portal.store.organizations import create_organization, email_domain, find_organization_by_email
from tests.store.conftest import NOW, House, count

ACME, GLOBEX = "https://acme.okta.com", "https://globex.okta.com"
ALICE = Profile(ACME, "00uAlice", "alice@acme.example", "Alice Andersson")


def admit(house: House, profile: Profile, organization: str = "acme") -> Admitted:
    with house.db.writing() as connection:
        return admit_person(connection, getattr(house, organization), profile, now=NOW)


def refusal(house: House, profile: Profile, organization: str = "acme") -> tuple[Problem, str]:
    with pytest.raises(Refused) as caught:
        admit(house, profile, organization)
    return caught.value.problem, caught.value.reason


def add(house: House, email: str, organization: str = "acme", role: str = "volunteer") -> int:
    with house.db.writing() as connection:
        return add_member(connection, getattr(house, organization), email, role=role, now=NOW)


def test_somebody_new_in_a_verified_domain_joins_as_a_volunteer(house: House) -> None:
    admitted = admit(house, ALICE)
    assert (admitted.role, admitted.joined) == ("volunteer", True)
    with house.db.reading() as connection:
        user = find_user(connection, "ALICE@acme.example ")
        assert user is not None
        assert (user.id, user.name, user.password_hash) == (admitted.user_id, "Alice Andersson", None)
        assert [one.slug for one in list_memberships(connection, user.id)] == ["acme"]


def test_the_second_login_finds_the_same_account(house: House) -> None:
    first, second = admit(house, ALICE), admit(house, ALICE)
    assert (second.user_id, second.identity_id) == (first.user_id, first.identity_id)
    assert not second.joined


def test_somebody_new_outside_the_verified_domains_does_not_join(house: House) -> None:
    outside = Profile(ACME, "00uX", "x@gmail.example", "X")
    assert refusal(house, outside)[0] is Problem.EMAIL_OUTSIDE
    with house.db.reading() as connection:
        assert count(connection, "users") == count(connection, "identities") == 0


@pytest.mark.parametrize("email", ["x@sub.acme.example", "x@acme.example.evil.example", "x@xacme.example", "x@example"])
def test_a_domain_that_only_looks_verified_is_outside(house: House, email: str) -> None:
    assert refusal(house, Profile(ACME, "00uX", email, "X"))[0] is Problem.EMAIL_OUTSIDE


def test_an_existing_account_of_this_organization_is_linked_and_keeps_its_role(house: House) -> None:
    user = add(house, "alice@acme.example", role="owner")
    admitted = admit(house, ALICE)
    assert (admitted.user_id, admitted.role, admitted.joined) == (user, "owner", False)


def test_an_account_that_another_organization_shares_is_not_linked(house: House) -> None:
    add(house, "alice@acme.example")
    add(house, "alice@acme.example", "globex")
    assert refusal(house, ALICE) == (Problem.ACCOUNT_EXISTS, "account_of_two_organizations")


def test_an_account_outside_the_verified_domains_is_not_linked(house: House) -> None:
    """Globex's Okta says it is olivia@acme.example: that takes over nothing."""
    add(house, "olivia@acme.example", role="owner")
    claims_to_be = Profile(GLOBEX, "00uEvil", "olivia@acme.example", "Olivia")
    assert refusal(house, claims_to_be, "globex") == (Problem.ACCOUNT_EXISTS, "account_outside_domain")
    with house.db.reading() as connection:
        assert count(connection, "identities") == 0


def test_a_member_whose_domain_is_not_verified_here_is_not_linked_by_the_address_alone(house: House) -> None:
    """Added by an owner; the address is nothing that this organization's Okta may vouch for."""
    add(house, "helper@gmail.example", role="owner")
    profile = Profile(ACME, "00uHelper", "helper@gmail.example", "Helper")
    assert refusal(house, profile) == (Problem.ACCOUNT_EXISTS, "account_outside_domain")


def test_a_second_person_of_the_same_okta_does_not_get_the_account(house: House) -> None:
    admit(house, ALICE)
    another = Profile(ACME, "00uAnother", ALICE.email, "Another Alice")
    assert refusal(house, another)[0] is Problem.ACCOUNT_TAKEN


def test_the_same_sub_at_another_issuer_is_somebody_else(house: House) -> None:
    """Globex's Okta may use any sub, also one of Acme's."""
    alice = admit(house, ALICE)
    carol = admit(house, Profile(GLOBEX, ALICE.sub, "carol@globex.example", "Carol"), "globex")
    assert carol.user_id != alice.user_id


def test_name_and_address_follow_okta_inside_the_verified_domain(house: House) -> None:
    first = admit(house, ALICE)
    admit(house, Profile(ACME, ALICE.sub, "alice.berg@acme.example", "Alice Berg"))
    with house.db.reading() as connection:
        assert find_user(connection, ALICE.email) is None
        user = find_user(connection, "alice.berg@acme.example")
    assert user is not None
    assert (user.id, user.name) == (first.user_id, "Alice Berg")


@pytest.mark.parametrize("email", ["alice@gmail.example", "olivia@acme.example"], ids=["outside", "taken"])
def test_an_address_outside_or_taken_is_not_taken_over(house: House, email: str) -> None:
    olivia = add(house, "olivia@acme.example", role="owner")
    first = admit(house, ALICE)
    assert admit(house, Profile(ACME, ALICE.sub, email, "Alice")).user_id == first.user_id != olivia
    with house.db.reading() as connection:
        user = find_user(connection, ALICE.email)
    assert user is not None
    assert user.id == first.user_id


def test_what_acmes_okta_says_changes_no_account_that_globex_shares(house: House) -> None:
    first = admit(house, ALICE)
    add(house, ALICE.email, "globex")
    admit(house, Profile(ACME, ALICE.sub, "renamed@acme.example", "Renamed"))
    with house.db.reading() as connection:
        user = find_user(connection, ALICE.email)
    assert user is not None
    assert (user.id, user.name) == (first.user_id, "Alice Andersson")


def test_a_removed_member_rejoins_only_with_an_address_of_the_organization(house: House) -> None:
    first = admit(house, ALICE)
    with house.db.writing() as connection:
        connection.execute(delete(members))
    outside = Profile(ACME, ALICE.sub, "alice@gmail.example", "Alice")
    assert refusal(house, outside) == (Problem.EMAIL_OUTSIDE, "not_a_member")
    again = admit(house, ALICE)
    assert (again.user_id, again.role, again.joined) == (first.user_id, "volunteer", True)


def test_linking_after_proof_joins_and_happens_once(house: House) -> None:
    user = add(house, "carol@globex.example", "globex")
    profile = Profile(ACME, "00uCarol", "carol@globex.example", "Carol")
    with house.db.writing() as connection:
        assert link_identity(connection, house.acme, user, profile, now=NOW).joined
    assert admit(house, profile).user_id == user
    another = Profile(ACME, "00uSecond", "carol@globex.example", "Carol")
    with pytest.raises(Refused) as caught, house.db.writing() as connection:
        link_identity(connection, house.acme, user, another, now=NOW)
    assert caught.value.problem is Problem.ACCOUNT_TAKEN


def test_ten_first_logins_at_once_make_one_person(house: House) -> None:
    def come(_number: int) -> int:
        try:
            return admit(house, ALICE).user_id
        except IntegrityError:
            return admit(house, ALICE).user_id

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(come, range(10)))) == 1
    with house.db.reading() as connection:
        assert count(connection, "users") == count(connection, "members") == count(connection, "identities") == 1


def test_a_first_login_that_meets_itself_halfway_is_tried_again_not_called_a_stranger(house: House) -> None:
    """The second return of the same person appears between two reads of the first; SQLite has no such moment."""
    if house.db.engine.dialect.name == "sqlite":
        return
    first: list[Admitted] = []

    def come_in_between(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "FROM users" in statement and threading.current_thread() is threading.main_thread() and not first:
            first.append(pool.submit(admit, house, ALICE).result(10))

    with ThreadPoolExecutor(1) as pool:
        event.listen(house.db.engine, "before_cursor_execute", come_in_between)
        with pytest.raises(IntegrityError):
            admit(house, ALICE)
    assert first
    assert admit(house, ALICE).user_id == first[0].user_id


def test_adding_a_member_twice_changes_the_role_only(house: House) -> None:
    first, second = add(house, "ben.becker@acme.example"), add(house, "Ben.Becker@acme.example", role="admin")
    assert first == second
    with house.db.reading() as connection:
        user = find_user(connection, "ben.becker@acme.example")
        assert user is not None
        assert user.name == "Ben Becker"
        assert [one.role for one in list_memberships(connection, first)] == ["admin"]


@pytest.mark.parametrize(
    ("email", "role"), [("nobody", "owner"), ("a@b@acme.example", "owner"), ("a@acme.example", "king")]
)
def test_a_bad_address_or_role_adds_nobody(house: House, email: str, role: str) -> None:
    with pytest.raises(ValueError, match=r"e-mail address|role"), house.db.writing() as connection:
        add_member(connection, house.acme, email, role=role, now=NOW)


@pytest.mark.parametrize(
    ("email", "domain"),
    [("a@Acme.Example", "acme.example"), (" a@acme.example ", "acme.example"), ("@acme.example", ""), ("a@", ""),
     ("a@b@acme.example", ""), ("a@acme", ""), ("a@-acme.example", ""), ("a@acme..example", ""), ("ä@acme.example", ""),
     ("a@acme.example\n", "acme.example"), ("a@acme.example\nx", ""), ("a@127.0.0.1", "")],
)  # fmt: skip
def test_the_domain_of_an_address_is_read_strictly(email: str, domain: str) -> None:
    assert email_domain(email) == domain


@pytest.mark.parametrize(
    ("slug", "domains", "why"),
    [("Acme", [], "slug"), ("-a", [], "slug"), ("callback", [], "reserved"), ("initiate", [], "reserved"),
     ("acme", [], "taken"), ("other", ["acme.example"], "taken"), ("other", ["no domain"], "domain")],
)  # fmt: skip
def test_an_organization_that_cannot_be_is_refused(house: House, slug: str, domains: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why), house.db.writing() as connection:
        create_organization(connection, slug, name="X", domain_names=domains, now=NOW)


def test_an_organization_is_found_by_its_verified_domain(house: House, asked: Callable[[str], str | None]) -> None:
    assert asked("anybody@ACME.example") == "acme"
    assert asked("anybody@sub.acme.example") is None


@pytest.fixture
def asked(house: House) -> Callable[[str], str | None]:
    def ask(email: str) -> str | None:
        with house.db.reading() as connection:
            found = find_organization_by_email(connection, email)
        return found.slug if found else None

    return ask
