""""Okta only" and recovery codes as they lie in the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.errors import Problem, Refused
from portal.store.integrations import delete_integration, hold_integration
from portal.store.member_list import remove_member, search_members
from portal.store.members import Profile, add_member, admit_person
from portal.store.okta_only import (
    CONFIRM_SECONDS,
    allows_password,
    ask_again,
    begin_okta_only,
    closed_to_passwords,
    confirm_okta_only,
    count_shut_out,
    drop_okta_only,
    drop_overdue,
    end_password_sessions,
    find_okta_only,
    is_in_force,
    list_overdue,
    list_shut_out,
)
from portal.store.recovery_codes import count_codes, drop_codes, replace_codes, use_code
from portal.store.sessions import find_session, open_session
from tests.store.conftest import NOW, SPA, House

CODES = [bytes([number]) * 32 for number in range(8)]


def person(house: House, name: str = "olivia", organization: int = 0, role: str = "owner") -> int:
    with house.db.writing() as connection:
        return add_member(connection, organization or house.acme, f"{name}@acme.example", role=role, now=NOW)


def begin(house: House, user_id: int, now: int = NOW) -> bool:
    with house.db.writing() as connection:
        hold_integration(connection, house.acme)
        return begin_okta_only(connection, house.acme, user_id=user_id, who="olivia", now=now)


def at_once(act: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(6) as pool:
        return sorted(pool.map(act, range(6)), key=bool)


@pytest.mark.parametrize(
    ("later", "confirmed", "in_force"),
    [(0, False, True), (CONFIRM_SECONDS - 1, False, True), (CONFIRM_SECONDS, False, False), (10**8, True, True)],
)
def test_it_counts_until_it_should_have_been_confirmed(
    house: House, later: int, confirmed: bool, in_force: bool
) -> None:
    user = person(house)
    assert begin(house, user)
    with house.db.writing() as connection:
        if confirmed:
            assert confirm_okta_only(connection, house.acme, now=NOW + 1)
        assert is_in_force(connection, house.acme, now=NOW + later) == in_force
        assert allows_password(connection, user, now=NOW + later) != in_force
        assert not is_in_force(connection, house.globex, now=NOW + later)
        assert [found.organization_id for found in list_overdue(connection, now=NOW + later)] == (
            [] if in_force else [house.acme]
        )


def test_one_of_many_switches_it_on_confirms_it_and_notices_that_it_ended(house: House) -> None:
    user = person(house)
    assert at_once(lambda _: begin(house, user)) == [False] * 5 + [True]

    def drop(_: int) -> bool:
        with house.db.writing() as connection:
            return drop_overdue(connection, house.acme, now=NOW + CONFIRM_SECONDS)

    assert at_once(drop) == [False] * 5 + [True]
    begin(house, user)

    def confirm(_: int) -> bool:
        with house.db.writing() as connection:
            return confirm_okta_only(connection, house.acme, now=NOW)

    assert at_once(confirm) == [False] * 5 + [True]


def test_after_it_ended_by_itself_it_can_be_switched_on_anew(house: House) -> None:
    user = person(house)
    begin(house, user)
    assert not begin(house, user, NOW + CONFIRM_SECONDS - 1)
    assert begin(house, user, NOW + CONFIRM_SECONDS)
    with house.db.writing() as connection:
        assert not confirm_okta_only(connection, house.acme, now=NOW + 2 * CONFIRM_SECONDS)
        assert drop_okta_only(connection, house.acme)
        assert not drop_okta_only(connection, house.acme)
        assert find_okta_only(connection, house.acme) is None


def test_a_password_is_of_use_while_one_organization_takes_it(house: House) -> None:
    user = person(house)
    begin(house, user)
    with house.db.writing() as connection:
        assert set(closed_to_passwords(connection, user, now=NOW)) == {house.acme}
        assert not allows_password(connection, user, now=NOW)
        add_member(connection, house.globex, "olivia@acme.example", role="volunteer", now=NOW)
        assert allows_password(connection, user, now=NOW)
        assert allows_password(connection, user + 1000, now=NOW)


def test_only_sessions_here_that_a_password_opened_are_ended(house: House) -> None:
    user = person(house)
    person(house, organization=house.globex)
    with house.db.writing() as connection:
        for session_id, organization, method in (
            ("password", house.acme, "password"), ("recovery", house.acme, "recovery"), ("okta", house.acme, "okta"),
            ("elsewhere", house.globex, "password"),
        ):  # fmt: skip
            open_session(connection, organization, session_id=session_id, user_id=user, method=method, now=NOW)
        open_session(
            connection, house.acme, session_id="phone", user_id=user, method="password", now=NOW, kind="phone"
        )
        assert end_password_sessions(connection, house.acme, now=NOW) == 2
        names = ("password", "recovery", "okta", "elsewhere")
        left = [name for name in names if find_session(connection, name, now=NOW)]
    assert left == ["recovery", "okta", "elsewhere"]


def test_who_has_never_come_in_by_this_okta_is_shut_out(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        admit_person(connection, house.acme, Profile(SPA.issuer, "a", "alice@acme.example", "Alice"), now=NOW)
        admit_person(connection, house.acme, Profile("https://old.okta.com", "b", "ben@acme.example", "Ben"), now=NOW)
        add_member(connection, house.acme, "zoe@elsewhere.example", role="volunteer", now=NOW)
        add_member(connection, house.acme, "eve@notacme.example", role="volunteer", now=NOW)
        add_member(connection, house.acme, "sub@mail.acme.example", role="volunteer", now=NOW)
        add_member(connection, house.globex, "carol@globex.example", role="owner", now=NOW)
        issuers = {SPA.issuer}
        assert count_shut_out(connection, house.acme, issuers=issuers) == (4, 3)
        people = list_shut_out(connection, house.acme, issuers=issuers)
        assert [(person.email, person.outside) for person in people] == [
            ("eve@notacme.example", True), ("sub@mail.acme.example", True), ("zoe@elsewhere.example", True),
            ("ben@acme.example", False),
        ]  # fmt: skip
        assert list_shut_out(connection, house.acme, issuers=issuers, offset=3, limit=1) == people[3:]
        assert count_shut_out(connection, house.globex, issuers=issuers) == (1, 0)


def test_deleting_okta_switches_it_off_and_forgets_the_codes(house: House) -> None:
    user = person(house)
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
    begin(house, user)
    with house.db.writing() as connection:
        replace_codes(connection, house.acme, user, hashes=CODES, now=NOW)
        delete_integration(connection, house.acme, who="olivia", now=NOW)
        assert find_okta_only(connection, house.acme) is None
        assert count_codes(connection, house.acme, user) == 0


def test_a_code_is_used_by_one_of_many(house: House) -> None:
    user = person(house)
    begin(house, user)
    with house.db.writing() as connection:
        replace_codes(connection, house.acme, user, hashes=CODES, now=NOW)

    def use(_: int) -> object:
        with house.db.writing() as connection:
            return use_code(connection, CODES[0], "olivia@acme.example", now=NOW)

    used = at_once(use)
    assert [bool(each) for each in used] == [False] * 5 + [True]
    with house.db.reading() as connection:
        assert count_codes(connection, house.acme, user) == 7


@pytest.mark.parametrize("role", ["admin", "volunteer"])
def test_a_code_is_for_owners_and_for_its_own_address(house: House, role: str) -> None:
    user, other = person(house), person(house, "otto")
    begin(house, user)
    with house.db.writing() as connection:
        replace_codes(connection, house.acme, user, hashes=CODES, now=NOW)
        replace_codes(connection, house.acme, other, hashes=[b"o" * 32], now=NOW)
        assert use_code(connection, CODES[0], "otto@acme.example", now=NOW) is None
        add_member(connection, house.acme, "olivia@acme.example", role=role, now=NOW)
        assert count_codes(connection, house.acme, user) == 0
        assert use_code(connection, b"o" * 32, "otto@acme.example", now=NOW) is not None
        assert drop_codes(connection, house.acme) == 1


@pytest.mark.parametrize(("later", "confirmed"), [(0, False), (CONFIRM_SECONDS - 1, False), (10**8, True)])
def test_a_code_works_while_passwords_do_not(house: House, later: int, confirmed: bool) -> None:
    user = person(house)
    with house.db.writing() as connection:
        replace_codes(connection, house.acme, user, hashes=CODES, now=NOW)
        assert use_code(connection, CODES[0], "olivia@acme.example", now=NOW) is None
    begin(house, user)
    with house.db.writing() as connection:
        if confirmed:
            confirm_okta_only(connection, house.acme, now=NOW)
        else:
            assert use_code(connection, CODES[1], "olivia@acme.example", now=NOW + CONFIRM_SECONDS) is None
        assert use_code(connection, CODES[0], "olivia@acme.example", now=NOW + later) is not None
        assert count_codes(connection, house.acme, user) == 7


def test_of_two_owners_with_codes_who_go_at_once_one_stays(house: House) -> None:
    """A third has none, and Okta only is on."""
    owners = [person(house, name) for name in ("olivia", "otto")]
    person(house, "orla")
    begin(house, owners[0])
    with house.db.writing() as connection:
        for user in owners:
            replace_codes(connection, house.acme, user, hashes=[bytes([user]) * 32], now=NOW)
        members = {each.user_id: each.id for each in search_members(connection, house.acme)[0]}

    def remove(user: int) -> Problem | None:
        try:
            with house.db.writing() as connection:
                remove_member(connection, house.acme, members[user], now=NOW)
        except Refused as refused:
            return refused.problem
        return None

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(remove, owners)) == {None, Problem.LAST_CODES}
    with house.db.reading() as connection:
        assert sum(count_codes(connection, house.acme, user) for user in owners) == 1


def test_settings_that_have_moved_wait_to_be_confirmed_again(house: House) -> None:
    user = person(house)
    with house.db.writing() as connection:
        assert not ask_again(connection, house.acme, now=NOW)
    begin(house, user)
    with house.db.writing() as connection:
        # It waits anyhow, and does not wait longer for that.
        assert not ask_again(connection, house.acme, now=NOW + 10)
        found = find_okta_only(connection, house.acme)
        assert found is not None
        assert (found.proof_after, found.confirm_by) == (NOW + 10, NOW + CONFIRM_SECONDS)
        confirm_okta_only(connection, house.acme, now=NOW + 20)
        assert ask_again(connection, house.acme, now=NOW + 5000)
        found = find_okta_only(connection, house.acme)
        assert found is not None
        assert (found.started_at, found.proof_after, found.confirm_by, found.confirmed_at) == (
            NOW, NOW + 5000, NOW + 5000 + CONFIRM_SECONDS, None,
        )  # fmt: skip
        # What is over does not come back.
        assert not ask_again(connection, house.acme, now=NOW + 9000)
        assert not is_in_force(connection, house.acme, now=NOW + 9000)
