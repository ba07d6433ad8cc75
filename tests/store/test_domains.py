"""Claiming a domain twice at the same moment, on both databases."""

from __future__ import annotations

import threading

from portal.store.domains import Claim, add_claim
from tests.store.conftest import NOW, House


def test_two_claims_at_once_are_one(house: House) -> None:
    found: list[Claim] = []

    def claim() -> None:
        with house.db.writing() as connection:
            found.append(add_claim(connection, house.acme, "acme.test", who="olivia", now=NOW))

    with house.db.writing() as connection:
        found.append(add_claim(connection, house.acme, "acme.test", who="olivia", now=NOW))
        second = threading.Thread(target=claim)
        second.start()
        second.join(0.3)
    second.join(10)
    assert len(found) == 2
    assert found[0] == found[1]
