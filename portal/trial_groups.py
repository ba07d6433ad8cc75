"""The stage of a test login that says which groups Okta names and which role they give, where roles follow groups."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.errors import Problem
from portal.logins import read_profile
from portal.okta.groups import read_names
from portal.okta_groups import read_groups
from portal.services import Services
from portal.store.group_roles import decide_role, foresee_role, read_group_roles
from portal.trial_afterwards import Held
from portal.trial_record import Record
from portal.trial_stages import Row, Stage, say, show
from portal.trials import Returned

# What the rows with somebody's groups begin with, whatever the claim is called: they are about the person.
GROUPS = "groups"
_SHOWN = 20


def foresee_role_by_groups(services: Services, returned: Returned, record: Record, held: Held) -> None:
    """Never wrong: a login goes on without groups, and for whoever is in none Okta names none.

    Raises Refused as `foresee_role`.
    """
    claim, organization_id = returned.attempt.groups_claim, returned.trial.organization_id
    if not claim or held.email is None or held.claims is None:
        return
    groups = read_groups(claim, held.claims, held.userinfo)
    profile = read_profile(held.person)
    with services.db.writing() as connection:
        roles = read_group_roles(connection, organization_id).roles
        role = foresee_role(connection, organization_id, profile, groups, now=services.now())
    deciding = decide_role(roles, groups.names)[1]
    name = GROUPS if claim == GROUPS else f"{GROUPS} ({claim})"
    rows = [Row(f"{GROUPS}: role", received=say(f"role_{role}"), expected="" if deciding else say("no_group"))]
    if groups.missing:
        rows.insert(0, Row(name, received=say("missing"), expected=say("names_of_groups")))
        custom = urlsplit(returned.attempt.issuer).path.startswith("/oauth2/")
        reason = "groups_missing_custom" if custom else "groups_missing_org"
        problem = Problem.OKTA_MISCONFIGURED.code
        record.put(Stage("groups", "unknown", problem, reason, tuple(rows), services.now()))
        return
    where = say("in_id_token") if read_names(held.claims, claim) is not None else say("at_userinfo")
    # Each by itself, to be copied; first those that decide.
    named = sorted(groups.names, key=lambda each: (each not in deciding, each))
    listed = [Row(name, received=show(each), verdict="right" if each in deciding else "noted") for each in named]
    more = [Row(name, received=f"+ {len(named) - _SHOWN}")] if len(named) > _SHOWN else []
    rows = [Row("claim", received=where), *(listed[:_SHOWN] or [Row(name, received=say("none"))]), *more, *rows]
    record.put(Stage("groups", "right", rows=tuple(rows), at=services.now()))
