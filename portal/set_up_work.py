"""What the steps of one set-up share: the account, what the owner wants, and what has been found out on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from portal.errors import Problem, Refused
from portal.okta import set_up_plan as plan
from portal.okta.management import Account, Json, create, fetch_list, find, replace, turn
from portal.okta.set_up_plan import Addresses, Kind, Lists
from portal.services import Services
from portal.set_up_progress import Progress

APPS, ORIGINS, SERVERS = "/api/v1/apps", "/api/v1/trustedOrigins", "/api/v1/authorizationServers"


@dataclass(frozen=True, slots=True)
class Order:
    """What the owner wants. authorization_server -- "auto", "org" or an id. revoke -- the token, at the end."""

    kinds: tuple[Kind, ...]
    sign_in: str
    authorization_server: str
    revoke: bool

    def choices(self) -> dict[str, Any]:
        """As the run keeps it."""
        return {"kinds": list(self.kinds), "sign_in": self.sign_in, "authorization_server": self.authorization_server,
                "revoke": self.revoke}  # fmt: skip


def read_order(choices: Mapping[str, Any], *, revoke: bool) -> Order:
    """What a run was begun with, and what is wanted of the token now."""
    kinds = tuple(kind for kind in plan.KINDS if kind in choices["kinds"])
    return Order(kinds, choices["sign_in"], choices["authorization_server"], revoke)


@dataclass(slots=True)
class Work:
    """One set-up under way. dry -- looks and changes nothing. known -- ids by name, from earlier runs and the form."""

    services: Services
    organization_id: int
    domain: str
    account: Account
    progress: Progress
    order: Order
    addresses: Addresses
    known: Mapping[str, tuple[str, ...]]
    dry: bool
    who: str
    reference: str
    is_classic: bool = False
    apps: dict[str, Json] = field(default_factory=dict)
    everyone_id: str = ""
    server: str = "org"
    policy: Json | None = None
    fits: bool = False
    interaction_code: bool = True

    def ids_of(self, key: str) -> list[str]:
        """What may be that thing, the likeliest first."""
        made = self.progress.made.get(key, {}).get("id")
        return list(dict.fromkeys([*([made] if made else []), *self.known.get(key, ())]))


def at(shelf: str, identifier: str) -> str:
    """The path of one entry; ids come from Okta, and from a form."""
    return f"{shelf}/{quote(identifier, safe='')}"


def find_app(work: Work, kind: Kind) -> Json | None:
    """The app for POINT that is there already: the one we know, else one that was made for POINT."""
    for identifier in work.ids_of(kind):
        app = find(work.account, at(APPS, identifier))
        if app is not None and plan.is_ours_to_use(app, kind):
            return app
    return plan.pick_app(fetch_list(work.account, f"{APPS}?q={plan.NAME}&limit=20"), kind, work.addresses)


def find_everyone(work: Work) -> str:
    """The id of the group that everybody in an Okta is in."""
    if not work.everyone_id:
        groups = fetch_list(work.account, f"/api/v1/groups?q={plan.EVERYONE}&limit=50")
        named = [group for group in groups if group.get("type") == "BUILT_IN"]
        work.everyone_id = next(
            (str(one["id"]) for one in named if one.get("profile", {}).get("name") == plan.EVERYONE), ""
        )
        if not work.everyone_id:
            raise Refused(Problem.SET_UP_REFUSED, "no_group_everyone")
    return work.everyone_id


def ensure(
    work: Work, key: str, shelf: str, wanted: Json, lists: Lists, found: Json | None, *, query: str = ""
) -> tuple[str, Json | None]:
    """Makes sure that something is in Okta with everything that `wanted` has: (what was done, what is there now).

    key -- under which the run remembers it; shelf -- the path of the list it belongs to.
    Answers "created", "added" or "there", and when nothing may be changed "to_create" or "to_add".
    """
    if not work.interaction_code:
        wanted = plan.without_interaction_code(wanted)
    lacking = plan.missing(found, wanted, lists) if found else {}
    before = work.progress.made.get(key)
    try:
        if found is None:
            return _create(work, key, shelf, wanted, query)
        return _complete(work, key, shelf, found, lacking)
    except Refused as refused:
        grants = [item for items in lacking.values() for item in items] if found else plan.grants_of(wanted)
        if refused.reason != "e0000001" or plan.INTERACTION_CODE not in grants:
            raise
    # Okta refuses this grant as long as the org's own setting is off, which no API can change: on without it, and the
    # owner is told. If it was something else, Okta says so once more.
    work.interaction_code = False
    work.progress.note(key, before) if before else work.progress.forget(key)
    return ensure(work, key, shelf, wanted, lists, found, query=query)


def _create(work: Work, key: str, shelf: str, wanted: Json, query: str) -> tuple[str, Json | None]:
    if work.dry:
        return "to_create", None
    work.progress.note(key, {"did": "created", "shelf": shelf})
    made = create(work.account, shelf + query, wanted)
    work.progress.note(key, {"did": "created", "shelf": shelf, "id": made["id"]})
    return "created", made


def _complete(work: Work, key: str, shelf: str, found: Json, lacking: plan.Added) -> tuple[str, Json]:
    """Adds what is lacking to something that is there, and switches it on if it is off."""
    sleeping = found.get("status") == "INACTIVE"
    if work.dry:
        return "to_add" if lacking or sleeping else "there", found
    entry = {"id": found["id"], "shelf": shelf, **_account_for(work, key, found, lacking, sleeping)}
    work.progress.note(key, entry)
    path = at(shelf, found["id"])
    if lacking:
        found = replace(work.account, path, plan.add(found, lacking))
    if sleeping:
        turn(work.account, path, on=True)
        found = {**found, "status": "ACTIVE"}
    return {"created": "created", "changed": "added"}.get(entry["did"], "there"), found


def _account_for(work: Work, key: str, found: Json, lacking: plan.Added, sleeping: bool) -> dict[str, Any]:
    """What an undo has to know, with what this run did before it was interrupted: a thing that it was about to create,
    and that is there now, it has created."""
    before = work.progress.made.get(key, {})
    if before.get("did") == "created" and before.get("id", found["id"]) == found["id"]:
        return {"did": "created"}
    added, woken = plan.join(before.get("added", {}), lacking), sleeping or bool(before.get("woken"))
    return {"did": "changed", "added": added, "woken": woken} if added or woken else {"did": "found"}
