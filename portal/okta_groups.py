"""The groups of whoever logs in by an organization's Okta: asked for, taken from what comes back, and followed.

Only for organizations where roles follow groups; a login of any other takes no step in here that asks anything.
Knows no Flask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt
from portal.okta.groups import read_names, with_groups
from portal.okta.metadata import Provider
from portal.okta.tokens import Tokens, fetch_userinfo
from portal.services import Services
from portal.store.group_roles import Groups, decide_role, follow_groups, read_group_roles, would_end_owner
from portal.store.members import Admitted, Profile
from portal.store.okta_logins import Login


def scope_of(services: Services, login: Login) -> str:
    """What a login asks for. Raises Refused as `Providers.load`, where roles follow groups."""
    if login.groups_claim is None:
        return login.scope
    return with_groups(login.scope, services.providers.load(login.issuer).scopes_supported)


def take_userinfo(claims: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of somebody whose ID token has no e-mail address, with what userinfo says.

    The address and whether it is verified come from one source, or the one could vouch for the other.
    """
    return {"name": claims.get("name"), **more, "iss": claims["iss"], "sub": claims["sub"]}


def read_groups(claim: str, claims: Mapping[str, Any], more: Mapping[str, Any]) -> Groups:
    """The groups that the ID token names, else userinfo; none, and that the claim is missing, where neither does."""
    found = read_names(claims, claim)
    if found is None:
        found = read_names(more, claim)
    return Groups((), missing=True) if found is None else Groups(found)


def complete_claims(
    services: Services, provider: Provider, tokens: Tokens, claims: dict[str, Any], claim: str
) -> tuple[dict[str, Any], Groups | None]:
    """(the claims with an e-mail address, the groups): what the ID token leaves out, userinfo is asked for, once.

    claim -- where the groups are; "" where no role follows them. No groups (None) where that could not be found out:
    the role then stays what it is. Raises Refused as `fetch_userinfo`, where a login cannot do without.
    """
    no_email = not isinstance(claims.get("email"), str)
    no_groups = bool(claim) and read_names(claims, claim) is None
    more: dict[str, Any] = {}
    if (no_email or no_groups) and provider.userinfo_endpoint is not None:
        try:
            more = fetch_userinfo(services.door, provider, access_token=tokens.access_token, subject=claims["sub"])
        except Refused as refused:
            if no_email or refused.problem is Problem.ID_TOKEN_REFUSED:
                raise
            return claims, None
    groups = read_groups(claim, claims, more) if claim else None
    return take_userinfo(claims, more) if no_email and more else claims, groups


def ends_owner(services: Services, attempt: Attempt, profile: Profile, groups: Groups | None) -> bool:
    """Whether this login would take the role of an owner away: asked before its transaction, which then begins with
    `hold_members`."""
    if groups is None:
        return False
    with services.db.reading() as connection:
        return would_end_owner(connection, attempt.organization_id, profile, groups)


def keep_deciding(services: Services, organization_id: int, groups: Groups | None) -> Groups | None:
    """As little as decides the same: one of the groups that give the highest role. For a cookie, which is small."""
    if groups is None:
        return None
    with services.db.reading() as connection:
        roles = read_group_roles(connection, organization_id).roles
    return replace(groups, names=tuple(decide_role(roles, groups.names)[1][:1]))


def follow(
    connection: Connection,
    current: Login | None,
    attempt: Attempt,
    profile: Profile,
    groups: Groups | None,
    admitted: Admitted,
    *,
    now: int,
    reference: str,
    held: bool,
) -> Admitted:
    """The person as the login leaves them, in its transaction.

    Where the claim was set or changed while they were at Okta, their role follows from the next login on.
    """
    if groups is None or current is None or current.groups_claim != attempt.groups_claim:
        return admitted
    role = follow_groups(
        connection,
        attempt.organization_id,
        admitted.user_id,
        groups,
        who=profile.email,
        now=now,
        reference=reference,
        joined=admitted.joined,
        held=held,
    )
    return replace(admitted, role=role) if role else admitted
