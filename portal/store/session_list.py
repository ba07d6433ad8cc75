"""The sessions of one person at one organization, in browsers and apps alike: to look at, and to end."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select

from portal.store.models import apps as okta_apps
from portal.store.models import identities, integrations, members, organizations, sessions, users
from portal.store.session_ends import end_where, hold_person
from portal.store.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS, PHONE_ABSOLUTE_SECONDS, PHONE_IDLE_SECONDS

MOST_LISTED = 100
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class ListedSession:
    """One line of a person's list. `kind` is "web" or "phone"; `network` is an address without its last part."""

    id_hash: bytes
    kind: str
    method: str
    device: str | None
    network: str | None
    organization_slug: str
    created_at: int
    used_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class EndedSession:
    """What was ended. Okta's tokens of it are left to be given back: the caller says `give_back_after`."""

    id_hash: bytes
    kind: str
    organization_id: int
    email: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whose sessions they are."""

    user_id: int
    email: str
    name: str
    role: str


def list_sessions(connection: Connection, user_id: int, organization_id: int, *, now: int) -> list[ListedSession]:
    """The live sessions of this person at this organization, in browsers and apps, the last used first; at most 100."""
    own = sessions.c
    listed = (
        select(
            own.id_hash, own.kind, own.method, own.device, own.network, organizations.c.slug, own.created_at,
            own.used_at, own.expires_at,
        )
        .join(organizations, organizations.c.id == own.organization_id)
        .where(own.user_id == user_id, own.organization_id == organization_id, _alive(now))
        .order_by(own.used_at.desc(), own.id_hash)
        .limit(MOST_LISTED)
    )  # fmt: skip
    return [ListedSession(*row) for row in connection.execute(listed)]


def count_live(connection: Connection, organization_id: int, user_id: int, *, now: int) -> dict[str, int]:
    """How many live sessions this person has at this organization, by kind: "web", "phone"."""
    own = sessions.c
    counted = select(own.kind, func.count()).join(organizations, organizations.c.id == own.organization_id)
    counted = counted.where(own.user_id == user_id, own.organization_id == organization_id, _alive(now))
    return {row[0]: row[1] for row in connection.execute(counted.group_by(own.kind))}


def find_member(connection: Connection, organization_id: int, member_id: int) -> Person | None:
    """The person behind a row of this organization's list of members."""
    found = (
        select(users.c.id, users.c.email, users.c.name, members.c.role)
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.organization_id == organization_id, members.c.id == member_id)
    )
    row = connection.execute(found).first()
    return Person(*row) if row else None


def end_sessions_of(
    connection: Connection,
    organization_id: int,
    user_id: int,
    *,
    why: str,
    now: int,
    only: bytes | None = None,
    except_id: bytes | None = None,
    method: str = "",
) -> list[EndedSession]:
    """Ends the live sessions of this person at this organization, web and phone: all, `only` one, or all but one.

    One that is being opened at this moment is waited for. A login for which Okta has vouched and which opens its
    session only after this goes on: it ends when it next proves itself, if Okta has ended it.

    method -- only those that came so: "okta", "password" or "recovery".
    why -- what the ended browser is told, by `portal.web.session_end`: ended_by_person, ended_by_owner, okta_revoked...
    """
    mine = (sessions.c.organization_id == organization_id) & (sessions.c.user_id == user_id)
    if only is not None:
        mine &= sessions.c.id_hash == only
    if method:
        mine &= sessions.c.method == method
    if except_id is not None:
        mine &= sessions.c.id_hash != except_id
    hold_person(connection, user_id)
    return _end(connection, mine, why=why, now=now)


def end_sessions_by_sid(connection: Connection, issuer: str, sid: str, *, why: str, now: int) -> list[EndedSession]:
    """Ends what came from this session of that Okta (OpenID Connect Front-Channel Logout 1.0 section 3), and what the
    same people are opening by it at this moment."""
    theirs = select(sessions.c.user_id).where(_by_sid(issuer, sid), sessions.c.ended_at.is_(None)).distinct()
    for user_id in sorted(connection.execute(theirs).scalars()):
        hold_person(connection, user_id)
    return _end(connection, _by_sid(issuer, sid), why=why, now=now)


def end_run_out(connection: Connection, *, now: int) -> int:
    """Ends sessions whose time has run out and that still hold Okta's tokens, some hundreds at a time; how many.

    They open nothing any more, whether this has run or not.
    """
    own, limits = sessions.c, organizations.c
    usual = case((own.kind == "phone", PHONE_ABSOLUTE_SECONDS), else_=ABSOLUTE_SECONDS)
    most = func.coalesce(limits.session_seconds, usual)
    expired = or_(own.expires_at <= now, own.created_at + most <= now)
    number = 0
    for why, over in (("session_expired", expired), ("session_idle", ~_alive(now))):
        holding = select(own.id_hash).join(organizations, limits.id == own.organization_id)
        holding = holding.where(own.ended_at.is_(None), own.sealed_tokens.is_not(None), over).limit(_AT_ONCE)
        found = list(connection.execute(holding).scalars())
        if found:
            number += end_where(connection, own.id_hash.in_(found), why=why, now=now)
    return number


def is_known_sid(connection: Connection, issuer: str, sid: str) -> bool:
    """Whether `end_sessions_by_sid` would end anything: anybody may ask, so that it must not take writing to say no."""
    live = select(sessions.c.id_hash).where(_by_sid(issuer, sid), sessions.c.ended_at.is_(None))
    return connection.execute(live.limit(1)).first() is not None


def find_by_identity(connection: Connection, organization_id: int, issuers: list[str], sub: str) -> list[int]:
    """The accounts behind this person of those issuers that belong to this organization or are logged in there.

    issuers -- the organization's own. Which organization's login wrote the identity down does not matter: as at a
    login, a person is (issuer, sub).
    """
    here = or_(
        exists().where(members.c.organization_id == organization_id, members.c.user_id == identities.c.user_id),
        exists().where(
            sessions.c.organization_id == organization_id,
            sessions.c.user_id == identities.c.user_id,
            sessions.c.ended_at.is_(None),
        ),
    )
    found = select(identities.c.user_id).where(identities.c.issuer.in_(issuers), identities.c.sub == sub, here)
    return list(connection.execute(found.distinct()).scalars())


def find_by_email(connection: Connection, organization_id: int, issuers: list[str], email: str) -> list[int]:
    """The accounts of this organization's people with this address, at POINT or at those issuers."""
    mine = select(members.c.user_id).where(members.c.organization_id == organization_id)
    at_okta = exists().where(
        identities.c.user_id == users.c.id, identities.c.issuer.in_(issuers), identities.c.email == email
    )
    found = select(users.c.id).where(users.c.id.in_(mine), or_(users.c.email == email, at_okta))
    return list(connection.execute(found).scalars())


def _by_sid(issuer: str, sid: str) -> ColumnElement[bool]:
    theirs = select(integrations.c.id).join(okta_apps, okta_apps.c.integration_id == integrations.c.id)
    theirs = theirs.where(okta_apps.c.issuer == issuer)
    return sessions.c.integration_id.in_(theirs) & (sessions.c.okta_sid == sid)


def _end(connection: Connection, mine: ColumnElement[bool], *, why: str, now: int) -> list[EndedSession]:
    """Held first, so that PostgreSQL does not let anybody store new tokens between looking and ending."""
    own = sessions.c
    live = select(own.id_hash, own.kind, own.organization_id, users.c.email)
    live = live.join(users, users.c.id == own.user_id).where(mine, own.ended_at.is_(None)).order_by(own.id_hash)
    found = connection.execute(live.with_for_update(of=sessions, key_share=True)).all()
    if found:
        end_where(connection, own.id_hash.in_([row[0] for row in found]), why=why, now=now)
    return [EndedSession(*row) for row in found]


def _alive(now: int) -> ColumnElement[bool]:
    """Live by the same limits as `find_session` and `PhoneSession.over`; needs `organizations` joined."""
    own, limits = sessions.c, organizations.c
    idle = func.coalesce(limits.session_idle_seconds, IDLE_SECONDS)
    web = and_(
        own.kind == "web",
        own.used_at + idle > now,
        own.created_at + func.coalesce(limits.session_seconds, ABSOLUTE_SECONDS) > now,
    )
    phone = and_(
        own.kind == "phone",
        own.used_at > now - PHONE_IDLE_SECONDS,
        own.created_at + func.coalesce(limits.session_seconds, PHONE_ABSOLUTE_SECONDS) > now,
    )
    return and_(own.ended_at.is_(None), own.expires_at > now, or_(web, phone))
