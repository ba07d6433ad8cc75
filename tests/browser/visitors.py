"""People who have logged in without a browser, which is quicker; a browser then becomes theirs (`Person.become`)."""

from __future__ import annotations

from tests.world import Visitor


def by_password(visitor: Visitor) -> Visitor:
    """The same visitor, logged in with their password."""
    visitor.log_in_by_password()
    assert visitor.session()["method"] == "password"
    return visitor


def by_okta(visitor: Visitor) -> Visitor:
    """The same visitor, logged in with Acme's Okta."""
    visitor.log_in()
    assert visitor.session()["method"] == "okta"
    return visitor
