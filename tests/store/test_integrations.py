"""An organization's Okta: saved, saved by two at once, deleted, brought back, and how many people it is about."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.errors import Problem, Refused
from portal.store.deletions import list_without_password
from portal.store.integrations import (
    UNDO_SECONDS,
    count_okta_people,
    delete_integration,
    find_integration,
    restore_integration,
)
from portal.store.member_list import search_members
from portal.store.members import Profile, add_member, admit_person, link_identity
from portal.store.models import sessions
from portal.store.okta_logins import find_login, find_login_by_integration, list_logins_by_issuer
from portal.store.okta_only import count_shut_out
from portal.store.sessions import find_session, open_session
from tests.store.conftest import NATIVE, NOW, SPA, House


def open_okta_session(house: House, session_id: str, email: str = "alice@acme.example") -> int:
    """A member who has logged in by Okta; returns the integration's id."""
    with house.db.writing() as connection:
        live = find_integration(connection, house.acme)
        assert live is not None
        admitted = admit_person(connection, house.acme, Profile(SPA.issuer, email, email, "A"), now=NOW)
        open_session(
            connection, house.acme, session_id=session_id, user_id=admitted.user_id, method="okta", now=NOW,
            identity_id=admitted.identity_id, integration_id=live.id, integration_version=live.version,
            sealed_tokens=b"sealed",
        )  # fmt: skip
        return live.id


def test_what_is_saved_is_found_for_a_login(house: House) -> None:
    with house.db.writing() as connection:
        saved = house.connect(connection, house.acme, SPA, NATIVE, sign_in="embedded")
    with house.db.reading() as connection:
        login = find_login(connection, "acme")
        assert find_integration(connection, house.acme) == saved
        assert login == find_login_by_integration(connection, saved.id)
        assert find_login(connection, "globex") is None
    assert login is not None
    assert (login.client_id, login.issuer, login.scope) == (SPA.client_id, SPA.issuer, SPA.scope)
    assert (login.organization_id, login.slug, login.name, login.version) == (house.acme, "acme", "Acme", 1)
    assert saved.apps == {"spa": SPA, "native": NATIVE}


def test_every_save_counts_up_and_forgets_an_app_that_was_taken_out(house: House) -> None:
    with house.db.writing() as connection:
        first = house.connect(connection, house.acme, SPA, NATIVE)
        second = house.connect(connection, house.acme, SPA)
    assert (first.id, first.version, second.id, second.version) == (first.id, 1, first.id, 2)
    assert second.apps == {"spa": SPA}


@pytest.mark.parametrize("expected", [0, 2, 99])
def test_a_save_on_an_old_version_conflicts_and_changes_nothing(house: House, expected: int) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme, SPA, expected_version=0)
    with pytest.raises(Refused) as caught, house.db.writing() as connection:
        house.connect(connection, house.acme, replace(SPA, client_id="0oaOther"), expected_version=expected)
    assert caught.value.problem is Problem.CONFLICT
    with house.db.reading() as connection:
        live = find_integration(connection, house.acme)
    assert live is not None
    assert (live.version, live.spa) == (1, SPA)


def test_a_save_while_another_is_not_finished_waits_and_conflicts(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)

    def save_too() -> Problem | None:
        try:
            with house.db.writing() as connection:
                house.connect(connection, house.acme, expected_version=1)
        except Refused as refused:
            return refused.problem
        return None

    with ThreadPoolExecutor(1) as pool:
        with house.db.writing() as connection:
            house.connect(connection, house.acme, expected_version=1)
            second = pool.submit(save_too)
            time.sleep(0.2)
        assert second.result(10) is Problem.CONFLICT


def test_one_issuer_may_serve_several_organizations(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.globex)
        house.connect(connection, house.acme)
        assert [login.slug for login in list_logins_by_issuer(connection, SPA.issuer)] == ["globex", "acme"]
        assert list_logins_by_issuer(connection, "https://acme.okta.com/oauth2/default") == []


def test_deleting_ends_its_sessions_and_no_others(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
    integration_id = open_okta_session(house, "okta")
    with house.db.writing() as connection:
        user = add_member(connection, house.acme, "olivia@acme.example", role="owner", now=NOW)
        open_session(connection, house.acme, session_id="password", user_id=user, method="password", now=NOW)
        delete_integration(connection, house.acme, who="olivia", now=NOW)
    with house.db.reading() as connection:
        assert find_session(connection, "okta", now=NOW) is None
        assert find_session(connection, "password", now=NOW) is not None
        assert find_login(connection, "acme") is None
        assert find_login_by_integration(connection, integration_id) is None
        assert list_logins_by_issuer(connection, SPA.issuer) == []
        holding = select(sessions.c.ended_why).where(sessions.c.sealed_tokens.is_not(None))
        # Until they are collected, to be given back to Okta (test_tokens_left.py).
        assert connection.execute(holding).scalars().all() == ["integration_deleted"]


def test_deleting_what_is_not_there_is_refused(house: House) -> None:
    with pytest.raises(Refused) as caught, house.db.writing() as connection:
        delete_integration(connection, house.acme, who="olivia", now=NOW)
    assert caught.value.problem is Problem.OKTA_NOT_CONNECTED


def test_the_last_deleted_one_comes_back_with_a_new_version(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme, replace(SPA, client_id="0oaOld"))
        delete_integration(connection, house.acme, who="olivia", now=NOW)
        house.connect(connection, house.acme, SPA, NATIVE)
        delete_integration(connection, house.acme, who="olivia", now=NOW + 10)
        restored = restore_integration(connection, house.acme, who="olivia", now=NOW + UNDO_SECONDS)
    assert restored.apps == {"spa": SPA, "native": NATIVE}
    assert restored.deleted_at is None
    assert restored.version == 3


def test_sessions_do_not_come_back_with_the_integration(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
    open_okta_session(house, "okta")
    with house.db.writing() as connection:
        delete_integration(connection, house.acme, who="olivia", now=NOW)
        restore_integration(connection, house.acme, who="olivia", now=NOW)
        assert find_session(connection, "okta", now=NOW) is None


@pytest.mark.parametrize(("later", "problem"), [(UNDO_SECONDS + 1, Problem.OKTA_NOT_CONNECTED)])
def test_after_thirty_days_there_is_no_undo(house: House, later: int, problem: Problem) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        delete_integration(connection, house.acme, who="olivia", now=NOW)
    with pytest.raises(Refused) as caught, house.db.writing() as connection:
        restore_integration(connection, house.acme, who="olivia", now=NOW + later)
    assert caught.value.problem is problem


def test_there_is_no_undo_once_okta_is_connected_anew(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        delete_integration(connection, house.acme, who="olivia", now=NOW)
        house.connect(connection, house.acme)
    with pytest.raises(Refused) as caught, house.db.writing() as connection:
        restore_integration(connection, house.acme, who="olivia", now=NOW)
    assert caught.value.problem is Problem.CONFLICT


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ({"client_id": "0oaOther"}, True),
        ({"issuer": "https://acme.okta.com/oauth2/default"}, True),
        ({"scope": "openid"}, False),
    ],
)
def test_a_save_that_moves_the_app_ends_its_sessions(house: House, change: dict[str, str], ends: bool) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
    open_okta_session(house, "okta")
    with house.db.writing() as connection:
        house.connect(connection, house.acme, replace(SPA, **change))
        assert (find_session(connection, "okta", now=NOW) is None) == ends


def test_the_delete_page_counts_people_once_and_only_this_organizations(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        house.connect(connection, house.globex)
        add_member(connection, house.acme, "olivia@acme.example", role="owner", now=NOW, password_hash="x")
        add_member(connection, house.acme, "adam@acme.example", role="admin", now=NOW, password_hash="x")
        assert count_okta_people(connection, house.acme) == (0, 0)
        for issuer in (SPA.issuer, "https://acme.okta.com/oauth2/default"):
            for name in ("olivia", "alice", "ben"):
                profile = Profile(issuer, name, f"{name}@acme.example", name)
                admit_person(connection, house.acme, profile, now=NOW)
        admit_person(connection, house.globex, Profile(SPA.issuer, "c", "carol@globex.example", "C"), now=NOW)
        assert count_okta_people(connection, house.acme) == (3, 2)
        assert count_okta_people(connection, house.globex) == (1, 1)


def test_the_delete_page_counts_who_came_first_to_another_organization_of_the_same_okta(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        house.connect(connection, house.globex, replace(SPA, issuer="https://globex.okta.com"))
        alice = add_member(connection, house.acme, "alice@acme.example", role="volunteer", now=NOW)
        add_member(connection, house.globex, "alice@acme.example", role="volunteer", now=NOW)
        link_identity(connection, house.globex, alice, Profile(SPA.issuer, "a", "alice@acme.example", "A"), now=NOW)
        assert count_okta_people(connection, house.acme) == (1, 1)
        assert [each.user_id for each in list_without_password(connection, house.acme)] == [alice]
        [member], _number = search_members(connection, house.acme)
        assert member.by_okta
        assert count_shut_out(connection, house.acme, issuers={SPA.issuer}) == (0, 0)
        delete_integration(connection, house.acme, who="olivia", now=NOW)
        # They are written to after it is gone.
        assert [each.user_id for each in list_without_password(connection, house.acme)] == [alice]
