"""Lists and ends of sessions, limits, leases and orders, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from portal.store.members import Profile, add_member, find_identity, find_user, link_identity, take_over_profile
from portal.store.models import sessions
from portal.store.organizations import create_organization
from portal.store.proving import LEASE_SECONDS, find_proof, keep_proof, take_lease
from portal.store.revocations import use_revocation
from portal.store.session_limits import SessionLimits, read_session_limits, save_session_limits
from portal.store.session_list import (
    end_sessions_by_sid,
    end_sessions_of,
    find_by_email,
    find_by_identity,
    find_member,
    is_known_sid,
    list_sessions,
)
from portal.store.sessions import find_ended, find_session, freshen_session, hash_id, open_session, remove_expired
from tests.store.conftest import NOW, SPA, House

SUB = "00uAlice000000000001"


@dataclass
class Cast:
    """Alice in both organizations, at Acme by Okta too."""

    house: House
    alice: int
    identity: int
    integration: int

    def open(self, connection: Connection, name: str, *, organization: int = 0, **changes: object) -> None:
        known = {"user_id": self.alice, "method": "password", "now": NOW}
        open_session(connection, organization or self.house.acme, session_id=name, **{**known, **changes})

    def open_by_okta(self, connection: Connection, name: str, **changes: object) -> None:
        mine = {"identity_id": self.identity, "integration_id": self.integration, "sealed_tokens": b"first"}
        self.open(connection, name, **{"method": "okta", **mine, **changes})


@pytest.fixture
def cast(house: House) -> Cast:
    with house.db.writing() as connection:
        integration = house.connect(connection, house.acme)
        alice = add_member(connection, house.acme, "alice@acme.example", role="volunteer", now=NOW)
        add_member(connection, house.globex, "alice@acme.example", role="volunteer", now=NOW)
        profile = Profile(SPA.issuer, SUB, "alice@acme.example", "Alice")
        admitted = link_identity(connection, house.acme, alice, profile, now=NOW)
    return Cast(house, alice, admitted.identity_id, integration.id)


def test_a_person_s_list_stops_at_the_organization_and_at_what_is_over(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        cast.open(connection, "here", device="Firefox, Linux", network="203.0.113.x")
        cast.open(connection, "phone", kind="phone")
        cast.open(connection, "there", organization=cast.house.globex)
        cast.open(connection, "old", now=NOW - 13 * 3600)
        cast.open(connection, "expired", seconds=0)
        found = list_sessions(connection, cast.alice, cast.house.acme, now=NOW)
    assert {each.id_hash for each in found} == {hash_id("here"), hash_id("phone")}
    assert {(each.kind, each.device, each.network) for each in found} == {
        ("web", "Firefox, Linux", "203.0.113.x"), ("phone", None, None),
    }  # fmt: skip


def test_ending_one_all_or_all_but_one(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        for name in ("a", "b", "c", "d"):
            cast.open(connection, name)
        cast.open(connection, "there", organization=cast.house.globex)
        end = {"why": "ended_by_person", "now": NOW}
        assert len(end_sessions_of(connection, cast.house.acme, cast.alice, only=hash_id("a"), **end)) == 1
        assert end_sessions_of(connection, cast.house.acme, cast.alice, only=hash_id("a"), **end) == []
        assert end_sessions_of(connection, cast.house.acme, cast.alice, only=hash_id("there"), **end) == []
        assert end_sessions_of(connection, cast.house.acme, cast.alice + 1, **end) == []
        gone = end_sessions_of(connection, cast.house.acme, cast.alice, except_id=hash_id("b"), **end)
        assert {each.id_hash for each in gone} == {hash_id("c"), hash_id("d")}
        assert {each.email for each in gone} == {"alice@acme.example"}
        assert find_session(connection, "b", now=NOW) is not None
        assert find_ended(connection, "c") == ("ended_by_person", "acme", "Acme")
        assert find_ended(connection, "b") is None
        assert find_session(connection, "there", now=NOW) is not None


def test_a_sid_of_another_okta_ends_nothing(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        cast.open_by_okta(connection, "here", okta_sid="sid-1")
        end = {"why": "okta_revoked", "now": NOW}
        assert end_sessions_by_sid(connection, "https://evil.okta.com", "sid-1", **end) == []
        assert end_sessions_by_sid(connection, SPA.issuer, "sid-2", **end) == []
        assert len(end_sessions_by_sid(connection, SPA.issuer, "sid-1", **end)) == 1


def test_looking_for_a_sid_reads_an_index_and_not_every_session(cast: Cast) -> None:
    asked: list[tuple[str, Any]] = []
    with cast.house.db.writing() as connection:
        event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        assert not is_known_sid(connection, SPA.issuer, "sid-1")
        [(statement, values)] = asked
        if connection.dialect.name == "postgresql":
            # So few rows are read at once, unless that is forbidden.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[connection.dialect.name]
        plan = connection.exec_driver_sql(explain + statement, values).all()
        assert "ix_sessions_okta_sid" in str(plan)
        cast.open_by_okta(connection, "here", okta_sid="sid-1")
        assert is_known_sid(connection, SPA.issuer, "sid-1")
        assert not is_known_sid(connection, "https://evil.okta.com", "sid-1")
        end_sessions_of(connection, cast.house.acme, cast.alice, why="ended_by_owner", now=NOW)
        assert not is_known_sid(connection, SPA.issuer, "sid-1")


def test_a_person_is_found_inside_one_organization_only(cast: Cast) -> None:
    """By what that organization's Okta calls them, whichever organization they came to first."""
    issuers, acme, globex = [SPA.issuer], cast.house.acme, cast.house.globex
    with cast.house.db.writing() as connection:
        elsewhere = create_organization(connection, "elsewhere", name="Elsewhere", now=NOW).id
        for organization, found in ((acme, [cast.alice]), (globex, [cast.alice]), (elsewhere, [])):
            assert find_by_identity(connection, organization, issuers, SUB) == found
            assert find_by_email(connection, organization, issuers, "alice@acme.example") == found
        assert find_by_identity(connection, acme, ["https://evil.okta.com"], SUB) == []
        assert find_by_email(connection, acme, issuers, "alice@globex.example") == []
        assert find_identity(connection, SPA.issuer, SUB) == (cast.identity, cast.alice)
        assert find_member(connection, acme, 999_999) is None


def test_a_person_is_found_by_the_address_they_have_at_okta(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        moved = Profile(SPA.issuer, SUB, "alice@elsewhere.example", "Alice")
        take_over_profile(connection, cast.house.acme, cast.alice, cast.identity, moved)
        for organization in (cast.house.acme, cast.house.globex):
            assert find_by_email(connection, organization, [SPA.issuer], moved.email) == [cast.alice]
            assert find_by_email(connection, organization, ["https://evil.okta.com"], moved.email) == []


def test_an_order_counts_once_in_an_organization(cast: Cast) -> None:
    acme, globex = cast.house.acme, cast.house.globex
    with cast.house.db.writing() as connection:
        once = [use_revocation(connection, acme, SPA.issuer, "one", expires_at=NOW) for _ in range(3)]
        assert once == [True, False, False]
        assert use_revocation(connection, globex, SPA.issuer, "one", expires_at=NOW)
        assert use_revocation(connection, acme, SPA.issuer, "two", expires_at=NOW)
        remove_expired(connection, now=NOW + 86400, attempt_seconds=600)
        assert not use_revocation(connection, acme, SPA.issuer, "one", expires_at=NOW)
        remove_expired(connection, now=NOW + 86401, attempt_seconds=600)
        assert use_revocation(connection, acme, SPA.issuer, "one", expires_at=NOW)


def test_a_lease_is_one_caller_s_and_ends_by_itself(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        cast.open_by_okta(connection, "here")
        ask = {"proved_before": NOW}
        first = take_lease(connection, hash_id("here"), now=NOW, **ask)
        assert first is not None
        assert (first.sub, first.account_email, first.user_id) == (SUB, "alice@acme.example", cast.alice)
        assert take_lease(connection, hash_id("here"), now=NOW + LEASE_SECONDS - 1, **ask) is None
        second = take_lease(connection, hash_id("here"), now=NOW + LEASE_SECONDS, **ask)
        assert second is not None
        assert keep_proof(connection, second, sealed_tokens=b"second", proved_at=NOW + 16)
        # The first one comes late, and its tokens are older.
        assert not keep_proof(connection, first, sealed_tokens=b"late", proved_at=NOW + 20)
        found = find_session(connection, "here", now=NOW + 20)
        assert found is not None
        assert (found.sealed_tokens, found.proved_at, found.proving_until) == (b"second", NOW + 16, None)


def test_tokens_can_be_kept_without_a_proof(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        cast.open_by_okta(connection, "here")
        due = take_lease(connection, hash_id("here"), now=NOW, proved_before=NOW)
        assert due is not None
        assert keep_proof(connection, due, sealed_tokens=b"newer", proved_at=None)
        found = find_session(connection, "here", now=NOW)
        assert found is not None
        assert (found.sealed_tokens, found.proved_at, found.proving_until) == (b"newer", NOW, NOW + LEASE_SECONDS)


def test_a_session_that_has_ended_keeps_no_proof_and_no_freshness(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        cast.open_by_okta(connection, "here")
        due = take_lease(connection, hash_id("here"), now=NOW, proved_before=NOW)
        assert due is not None
        end_sessions_of(connection, cast.house.acme, cast.alice, why="ended_by_owner", now=NOW)
        assert not keep_proof(connection, due, sealed_tokens=b"late", proved_at=NOW)
        assert not freshen_session(connection, hash_id("here"), signed_in_at=NOW, now=NOW)
        assert find_proof(connection, hash_id("here")) is None
        [row] = connection.execute(sessions.select())
        assert row.sealed_tokens is None


@pytest.mark.parametrize(
    ("limits", "after", "alive"),
    [
        (SessionLimits(None, None), 12 * 3600 - 1, True),
        (SessionLimits(None, None), 12 * 3600, False),
        (SessionLimits(600, None), 599, True),
        (SessionLimits(600, None), 600, False),
        (SessionLimits(None, 3600), 3599, True),
        (SessionLimits(None, 3600), 3600, False),
    ],
    ids=str,
)
def test_an_organization_s_limits_count_for_what_is_open_already(
    cast: Cast, limits: SessionLimits, after: int, alive: bool
) -> None:
    with cast.house.db.writing() as connection:
        cast.open(connection, "here")
        cast.open(connection, "there", organization=cast.house.globex)
        save_session_limits(connection, cast.house.acme, limits)
        assert read_session_limits(connection, cast.house.acme) == limits
        found = find_session(connection, "here", now=NOW + after)
        assert (found is not None) == alive
        assert bool(list_sessions(connection, cast.alice, cast.house.acme, now=NOW + after)) == alive
        elsewhere = find_session(connection, "there", now=NOW + min(after, 12 * 3600 - 1))
        assert elsewhere is not None
        if found is not None:
            assert found.ends_at == NOW + after + 1


def test_freshness_is_the_person_s_and_lasts_fifteen_minutes(cast: Cast) -> None:
    with cast.house.db.writing() as connection:
        cast.open(connection, "typed")
        cast.open(connection, "recovered", method="recovery")
        cast.open_by_okta(connection, "by okta", signed_in_at=NOW - 600)
        cast.open_by_okta(connection, "says nothing")
        fresh = {
            name: [find_session(connection, name, now=NOW).is_fresh(NOW + at) for at in (0, 300, 899, 900)]  # type: ignore[union-attr]
            for name in ("typed", "by okta", "says nothing", "recovered")
        }
    assert fresh == {
        "typed": [True, True, True, False],
        "by okta": [True, False, False, False],
        "says nothing": [False] * 4,
        "recovered": [True] * 4,
    }


def test_a_new_profile_changes_what_is_its_own(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        alice = add_member(connection, house.acme, "alice@acme.example", role="volunteer", now=NOW, name="Alice")
        add_member(connection, house.acme, "bob@acme.example", role="volunteer", now=NOW)
        profile = Profile(SPA.issuer, SUB, "alice@acme.example", "Alice")
        identity = link_identity(connection, house.acme, alice, profile, now=NOW).identity_id
        change = (connection, house.acme, alice, identity)
        taken = take_over_profile(*change, Profile(SPA.issuer, SUB, "bob@acme.example", "Alice"))
        assert taken == {}
        moved = take_over_profile(*change, Profile(SPA.issuer, SUB, "al@acme.example", "Al"))
        assert moved == {"email": ["alice@acme.example", "al@acme.example"], "name": ["Alice", "Al"]}
        assert find_user(connection, "al@acme.example") is not None
