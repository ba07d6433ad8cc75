"""Steps of roles from Okta's groups that several files share: what an owner sets, and what becomes of it."""

from __future__ import annotations

from typing import Any

import requests

from portal.store.members import find_role, find_user
from tests.world import Visitor, World

PAGE = "/organizations/acme/integrations/okta/groups"
ADMINS, OWNERS, ALICE = "POINT admins", "POINT owners", "alice@acme.example"


def give(world: World, claim: str = "groups", **roles: str) -> None:
    """An owner says on the page which group gives which role: give(world, **{ADMINS: "admin"})."""
    olivia = world.olivia
    olivia.log_in_by_password()
    for group, role in roles.items():
        answer = save(olivia, group, role, claim)
        assert answer.status_code == 303, answer.text


def save(owner: Visitor, group: str, role: str, claim: str = "groups", page: str = PAGE) -> requests.Response:
    """The form of the page, sent."""
    return owner.step(page, method="POST", data={"group": group, "role": role, "claim": claim})


def name_all(world: World) -> None:
    """This Okta names every group, Everyone too, as the page tells its administrator to have it."""
    for claim in world.sandbox.servers["default"].claims.values():
        claim |= {"group_filter_type": "REGEX", "value": ".*"}
    for app in world.sandbox.apps.values():
        app.groups_filter = {"name": "groups", "type": "REGEX", "value": ".*"}


def role_of(world: World, email: str = ALICE, organization_id: int | None = None) -> str | None:
    """What somebody is, as it is stored."""
    with world.services.db.reading() as connection:
        user = find_user(connection, email)
        return find_role(connection, organization_id or world.acme_id, user.id) if user else None


def events(world: World, *names: str) -> list[Any]:
    """What was written down of this kind, newest first."""
    wanted = names or ("member.role_followed_groups", "member.owner_stayed")
    return [event for event in world.activity() if event.what in wanted]


def scopes_asked(world: World) -> list[list[str]]:
    """What each way to Okta asked for."""
    return [call.query["scope"][0].split() for call in world.requests_to("/authorize") if "scope" in call.query]
