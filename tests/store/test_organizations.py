"""Finding organizations by what anybody may have typed into an address, on both databases."""

from __future__ import annotations

import pytest

from portal.store.members import find_user
from portal.store.okta_logins import find_login, list_logins_by_issuer
from portal.store.organizations import email_domain, find_organization, find_organization_by_email

ODD = ["\0", "acme\0", "é", "\ud800", "a" * 70_000, "", "..", "' OR 1=1--", "acme\n"]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_whatever_was_typed_finds_nothing_and_breaks_nothing(house: object, text: str) -> None:
    with house.db.reading() as connection:  # type: ignore[attr-defined]
        assert find_organization(connection, text) is None
        assert find_login(connection, text) is None
        assert list_logins_by_issuer(connection, text) == []
        assert find_organization_by_email(connection, f"{text}@acme.example") is None or text == ".."
        assert email_domain(text) == ""
        assert email_domain(f"{text}@acme.example") == "" or find_user(connection, f"{text}@acme.example") is None
