"""Removing a member, before and after: what would end with them, whether they would come back by themselves, and
whether somebody was removed just now."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, literal, or_, select

from portal.store.models import activity, apps, domains, identities, integrations, invitations, users
from portal.store.recovery_codes import count_codes
from portal.store.session_list import count_live
from portal.store.setup_tables import setup_links

REMOVED = "member.removed"
_NEWEST = 20


@dataclass(frozen=True, slots=True)
class Removal:
    """What would end: live sessions in browsers and in the app, invitations and hand-over links that they have given
    out, their recovery codes. comes_back -- at their next login by Okta they would be a member again."""

    web_sessions: int
    phone_sessions: int
    invitations: int
    setup_links: int
    recovery_codes: int
    comes_back: bool


def foresee_removal(connection: Connection, organization_id: int, user_id: int, *, now: int) -> Removal:
    """What removing this member would do now."""
    live = count_live(connection, organization_id, user_id, now=now)
    invited = (invitations.c.organization_id == organization_id) & (invitations.c.invited_by_id == user_id)
    made = (setup_links.c.organization_id == organization_id) & (setup_links.c.created_by_id == user_id)
    made &= setup_links.c.revoked_at.is_(None) & (setup_links.c.expires_at > now)
    counted = select(func.count()).where(invited, invitations.c.expires_at > now)
    return Removal(
        web_sessions=live.get("web", 0),
        phone_sessions=live.get("phone", 0),
        invitations=connection.execute(counted).scalar_one(),
        setup_links=connection.execute(select(func.count()).where(made)).scalar_one(),
        recovery_codes=count_codes(connection, organization_id, user_id),
        comes_back=_comes_back(connection, organization_id, user_id),
    )


def was_removed(connection: Connection, organization_id: int, member_id: int) -> bool:
    """Whether one of the last who were removed here is this one: the button was pressed twice."""
    newest = (
        select(activity.c.about)
        .where(activity.c.organization_id == organization_id, activity.c.what == REMOVED)
        .order_by(activity.c.at.desc(), activity.c.id.desc())
        .limit(_NEWEST)
    )
    return any(json.loads(about).get("member") == member_id for about in connection.execute(newest).scalars())


def _comes_back(connection: Connection, organization_id: int, user_id: int) -> bool:
    """Whether Okta is connected, and their address there, or else here, is in a domain of the organization: by the
    rules of `members.admit_person` such a login makes somebody a member."""
    live = (integrations.c.organization_id == organization_id) & integrations.c.deleted_at.is_(None)
    ours = select(apps.c.issuer).join(integrations, integrations.c.id == apps.c.integration_id).where(live)
    domain = domains.c.organization_id == organization_id
    # A domain's name has none of LIKE's wildcards in it.
    inside = literal("%@").concat(domains.c.name)
    here = exists().where(domain, users.c.email.like(inside), users.c.id == user_id)
    mine = (identities.c.user_id == user_id) & identities.c.issuer.in_(ours)
    at_okta = exists().where(domain, identities.c.email.like(inside), mine)
    comes = or_(at_okta, here & ~exists().where(mine))
    return bool(connection.execute(select(exists().where(live) & comes)).scalar_one())
