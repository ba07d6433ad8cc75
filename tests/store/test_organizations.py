"""Finding organizations by what anybody may have typed into an address, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from portal.store.members import add_member, find_user
from portal.store.okta_logins import find_login, list_logins_by_issuer
from portal.store.organizations import (
    create_organization,
    email_domain,
    find_organization,
    find_organization_by_email,
)
from portal.store.sessions import find_session, open_session
from portal.store.setup_tables import metadata
from tests.store.conftest import NOW, House

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


def test_flt_95_an_organization_with_the_name_of_one_that_is_gone_inherits_nothing(house: House) -> None:
    """No page and no command removes one; a person at the database may."""
    with house.db.writing() as connection:
        user = add_member(connection, house.globex, "carol@globex.example", role="owner", now=NOW)
        open_session(connection, house.globex, session_id="carol's", user_id=user, method="password", now=NOW)
        house.connect(connection, house.globex)
    with house.db.writing() as connection:
        mine = [table for table in reversed(metadata.sorted_tables) if "organization_id" in table.c]
        theirs = "SELECT id FROM integrations WHERE organization_id = :id"
        connection.execute(text(f"DELETE FROM apps WHERE integration_id IN ({theirs})"), {"id": house.globex})
        for table in mine:
            connection.execute(table.delete().where(table.c.organization_id == house.globex))
        connection.execute(text("DELETE FROM organizations WHERE id = :id"), {"id": house.globex})
    with house.db.writing() as connection:
        again = create_organization(connection, "globex", name="Globex", domain_names=["globex.example"], now=NOW)
        assert again.id > max(house.acme, house.globex)
        assert find_session(connection, "carol's", now=NOW) is None
        assert find_login(connection, "globex") is None
        for table in mine:
            held = connection.execute(table.select().where(table.c.organization_id == again.id)).all()
            assert len(held) == (1 if table.name == "domains" else 0), table.name
        assert add_member(connection, again.id, "carol@globex.example", role="volunteer", now=NOW) == user
        assert find_session(connection, "carol's", now=NOW) is None
