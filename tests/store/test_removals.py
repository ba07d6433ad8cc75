"""What removing a member would do, as the database says it, on both databases."""

from __future__ import annotations

import pytest

from portal.store.activity import record_event
from portal.store.integrations import delete_integration
from portal.store.members import Profile, add_member, link_identity
from portal.store.removals import REMOVED, foresee_removal, was_removed
from tests.store.conftest import NOW, SPA, House

ELSEWHERE = "https://elsewhere.okta.com"


@pytest.mark.parametrize(
    ("address", "issuer", "at_okta", "comes_back"),
    [
        ("alice@acme.example", "", "", True),
        ("alice@elsewhere.example", "", "", False),
        ("alice@notacme.example", "", "", False),
        ("alice@elsewhere.example", SPA.issuer, "alice@acme.example", True),
        ("alice@acme.example", SPA.issuer, "alice@elsewhere.example", False),
        ("alice@elsewhere.example", ELSEWHERE, "alice@acme.example", False),
    ],
)
def test_okta_brings_back_whose_address_is_in_a_domain_of_the_organization(
    house: House, address: str, issuer: str, at_okta: str, comes_back: bool
) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.acme)
        alice = add_member(connection, house.acme, address, role="volunteer", now=NOW)
        if issuer:
            link_identity(connection, house.acme, alice, Profile(issuer, "00u1", at_okta, "Alice"), now=NOW)
        assert foresee_removal(connection, house.acme, alice, now=NOW).comes_back is comes_back
        delete_integration(connection, house.acme, who="olivia", now=NOW)
        assert foresee_removal(connection, house.acme, alice, now=NOW).comes_back is False


def test_the_removed_of_another_organization_are_none_of_ours(house: House) -> None:
    with house.db.writing() as connection:
        record_event(
            connection, house.acme, who="olivia", what=REMOVED, now=NOW, reference="", about={"member": 7}
        )
        assert was_removed(connection, house.acme, 7)
        assert not was_removed(connection, house.acme, 8)
        assert not was_removed(connection, house.globex, 7)
