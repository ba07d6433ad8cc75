"""People: users, their membership and role in an organization, and which Okta identity is whose."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from portal.errors import Problem, Refused
from portal.store.hot import Hot
from portal.store.models import identities, invitations, members, organizations, users
from portal.store.organizations import email_domain, owns_domain_of
from portal.store.recovery_codes import drop_codes_of

ROLES = ("owner", "admin", "volunteer")

_IDENTITY = Hot(
    select(identities.c.id, users.c.id, users.c.email, users.c.name, members.c.role)
    .select_from(identities)
    .join(users, users.c.id == identities.c.user_id)
    .outerjoin(
        members,
        (members.c.user_id == users.c.id) & (members.c.organization_id == bindparam("organization_id")),
    )
    .where(identities.c.issuer == bindparam("issuer"), identities.c.sub == bindparam("sub"))
)
_USER = select(users.c.id, users.c.email, users.c.name, users.c.password_hash).where(
    users.c.email == bindparam("email")
)
_MEMBERSHIPS = (
    select(organizations.c.id, organizations.c.slug, organizations.c.name, members.c.role)
    .join(members, members.c.organization_id == organizations.c.id)
    .where(members.c.user_id == bindparam("user_id"))
    .order_by(members.c.id)
)
_FOREIGN = select(func.count(members.c.id)).where(
    members.c.user_id == bindparam("user_id"), members.c.organization_id != bindparam("organization_id")
)
_ANOTHER_SUB = select(identities.c.id).where(
    identities.c.user_id == bindparam("user_id"),
    identities.c.issuer == bindparam("issuer"),
    # This very person, let in a moment ago by a login at the same time, is an IntegrityError below and not a stranger.
    identities.c.sub != bindparam("sub"),
)


@dataclass(frozen=True, slots=True)
class User:
    """A person's account at POINT; `password_hash` is None for people who have no password."""

    id: int
    email: str
    name: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Membership:
    """One organization that a person belongs to."""

    organization_id: int
    slug: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What an organization's Okta vouches for: (issuer, sub) is the person, the rest describes them."""

    issuer: str
    sub: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The account that an Okta login leads to; `joined` when it has become a member just now."""

    user_id: int
    identity_id: int
    role: str
    joined: bool


def clean_email(email: str) -> str:
    """An address as it is stored: lower case, no white space around it."""
    return email.strip().lower()


def find_user(connection: Connection, email: str) -> User | None:
    """The account with this address."""
    row = connection.execute(_USER, {"email": clean_email(email)}).first()
    return User(*row) if row else None


def list_memberships(connection: Connection, user_id: int) -> list[Membership]:
    """The organizations of this person, the oldest membership first."""
    return [Membership(*row) for row in connection.execute(_MEMBERSHIPS, {"user_id": user_id})]


def find_role(connection: Connection, organization_id: int, user_id: int) -> str | None:
    """What this person is in this organization; None for whoever is no member."""
    mine = (members.c.organization_id == organization_id) & (members.c.user_id == user_id)
    role: str | None = connection.execute(select(members.c.role).where(mine)).scalar()
    return role


def add_member(
    connection: Connection,
    organization_id: int,
    email: str,
    *,
    role: str,
    now: int,
    name: str = "",
    password_hash: str | None = None,
) -> int:
    """Makes `email` a member with `role`, creating the account if there is none; returns the user's id.

    Doing it twice changes the role and creates nothing. Raises ValueError on a bad address or role.
    """
    address = clean_email(email)
    if not email_domain(address) or len(address) > 254:
        raise ValueError(f"{email!r} is not an e-mail address")
    if role not in ROLES:
        raise ValueError(f"the role has to be one of {', '.join(ROLES)}")
    user = find_user(connection, address)
    user_id = user.id if user else _create_user(connection, address, name or _name_from(address), now)
    if password_hash is not None:
        connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))
    mine = (members.c.organization_id == organization_id) & (members.c.user_id == user_id)
    if connection.execute(select(members.c.id).where(mine)).first():
        connection.execute(update(members).where(mine).values(role=role))
        if role != "owner":
            drop_codes_of(connection, organization_id, user_id)
    else:
        _join(connection, organization_id, user_id, role, now)
    return user_id


def admit_person(connection: Connection, organization_id: int, profile: Profile, *, now: int) -> Admitted:
    """The account for somebody whom this organization's Okta vouches for, made or linked where the rules allow it.

    The rules (`docs/decisions/0004-who-a-person-is.md`): a person is (issuer, sub); an existing account is linked by
    its address only where this organization has verified the address's domain, the account belongs to no other
    organization and no other person of the same issuer; somebody new joins only with an address in such a domain.

    Raises Refused(EMAIL_OUTSIDE, ACCOUNT_EXISTS, ACCOUNT_TAKEN). May raise IntegrityError when the same person comes in
    twice at the same time: the caller tries once more in a new transaction.
    """
    keys = {"issuer": profile.issuer, "sub": profile.sub, "organization_id": organization_id}
    row = _IDENTITY.first(connection, keys)
    if row is None:
        return _admit_stranger(connection, organization_id, profile, now)
    identity_id, user_id, email, name, role = row
    if role is None:
        _demand_own_domain(connection, organization_id, profile.email)
        role = _take_invited_role(connection, organization_id, profile.email, now)
        _join(connection, organization_id, user_id, role, now)
        return Admitted(user_id, identity_id, role, joined=True)
    if (email, name) != (profile.email, profile.name):
        _take_over_changes(connection, organization_id, user_id, profile, email)
    return Admitted(user_id, identity_id, role, joined=False)


def find_identity(connection: Connection, issuer: str, sub: str) -> tuple[int, int] | None:
    """(identity, account) of this person at Okta, if they have ever been here."""
    known = select(identities.c.id, identities.c.user_id)
    row = connection.execute(known.where(identities.c.issuer == issuer, identities.c.sub == sub)).first()
    return (row[0], row[1]) if row else None


def take_over_profile(
    connection: Connection, organization_id: int, user_id: int, identity_id: int, profile: Profile
) -> dict[str, list[str]]:
    """Name and address follow what Okta says of somebody who is logged in, by the rules of their next login.

    Returns what has changed: {"email": [before, now], "name": [before, now]}, or less.
    """
    mine = identities.c.id == identity_id
    connection.execute(update(identities).where(mine).values(email=profile.email))
    before = connection.execute(select(users.c.email, users.c.name).where(users.c.id == user_id)).one()
    _take_over_changes(connection, organization_id, user_id, profile, before.email)
    after = connection.execute(select(users.c.email, users.c.name).where(users.c.id == user_id)).one()
    both = {name: [getattr(before, name), getattr(after, name)] for name in ("email", "name")}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def foresee_admission(connection: Connection, organization_id: int, profile: Profile, *, now: int) -> Admitted:
    """What `admit_person` would do, by doing it and undoing it: nothing is changed. Raises as it does."""
    tried = connection.begin_nested()
    try:
        return admit_person(connection, organization_id, profile, now=now)
    finally:
        tried.rollback()


def link_identity(
    connection: Connection, organization_id: int, user_id: int, profile: Profile, *, now: int
) -> Admitted:
    """Links an Okta identity to an account whose owner has proved it by logging in to it, and joins them.

    Raises Refused(ACCOUNT_TAKEN) when the account already has another person of this issuer.
    """
    keys = {"user_id": user_id, "issuer": profile.issuer, "sub": profile.sub}
    if connection.execute(_ANOTHER_SUB, keys).first():
        raise Refused(Problem.ACCOUNT_TAKEN, "account_of_another_sub")
    mine = (members.c.organization_id == organization_id) & (members.c.user_id == user_id)
    role = connection.execute(select(members.c.role).where(mine)).scalar()
    joined = role is None
    if role is None:
        role = _take_invited_role(connection, organization_id, profile.email, now)
        _join(connection, organization_id, user_id, role, now)
    identity_id = _create_identity(connection, organization_id, user_id, profile, now)
    return Admitted(user_id, identity_id, role, joined=joined)


def _admit_stranger(connection: Connection, organization_id: int, profile: Profile, now: int) -> Admitted:
    ours = owns_domain_of(connection, organization_id, profile.email)
    user = find_user(connection, profile.email)
    if user is None:
        if not ours:
            raise Refused(Problem.EMAIL_OUTSIDE)
        user_id = _create_user(connection, profile.email, profile.name, now)
        role = _take_invited_role(connection, organization_id, profile.email, now)
        _join(connection, organization_id, user_id, role, now)
        return Admitted(
            user_id, _create_identity(connection, organization_id, user_id, profile, now), role, joined=True
        )
    foreign = connection.execute(_FOREIGN, {"user_id": user.id, "organization_id": organization_id}).scalar_one()
    if not ours or foreign:
        raise Refused(Problem.ACCOUNT_EXISTS, "account_outside_domain" if not ours else "account_of_two_organizations")
    return link_identity(connection, organization_id, user.id, profile, now=now)


def _take_invited_role(connection: Connection, organization_id: int, email: str, now: int) -> str:
    """The role that somebody who joins just now was invited to, which uses the invitation up; else volunteer.

    Only for an address that this organization's Okta vouches for by its rules.
    """
    mine = (invitations.c.organization_id == organization_id) & (invitations.c.email == clean_email(email))
    role = connection.execute(select(invitations.c.role).where(mine, invitations.c.expires_at > now)).scalar()
    if role is not None:
        connection.execute(delete(invitations).where(mine))
    return role or "volunteer"


def _demand_own_domain(connection: Connection, organization_id: int, email: str) -> None:
    if not owns_domain_of(connection, organization_id, email):
        raise Refused(Problem.EMAIL_OUTSIDE, "not_a_member")


def _take_over_changes(
    connection: Connection, organization_id: int, user_id: int, profile: Profile, stored_email: str
) -> None:
    """Name and address follow Okta, but never across the border to an account that another organization shares."""
    if connection.execute(_FOREIGN, {"user_id": user_id, "organization_id": organization_id}).scalar_one():
        return
    values = {"name": profile.name}
    if profile.email != stored_email and owns_domain_of(connection, organization_id, profile.email):
        taken = find_user(connection, profile.email)
        values |= {} if taken else {"email": profile.email}
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def _create_user(connection: Connection, email: str, name: str, now: int) -> int:
    row = {"email": email, "name": name[:200], "created_at": now}
    return int(connection.execute(insert(users).returning(users.c.id), row).scalar_one())


def _create_identity(connection: Connection, organization_id: int, user_id: int, profile: Profile, now: int) -> int:
    row = {"user_id": user_id, "organization_id": organization_id, "issuer": profile.issuer, "sub": profile.sub}
    row |= {"email": profile.email, "created_at": now}
    return int(connection.execute(insert(identities).returning(identities.c.id), row).scalar_one())


def _join(connection: Connection, organization_id: int, user_id: int, role: str, now: int) -> None:
    row = {"organization_id": organization_id, "user_id": user_id, "role": role, "created_at": now}
    connection.execute(insert(members), row)


def _name_from(email: str) -> str:
    return email.split("@")[0].replace(".", " ").replace("_", " ").title()
