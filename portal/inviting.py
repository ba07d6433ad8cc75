"""Inviting somebody, and what accepting it does. Knows no Flask."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from portal.errors import Problem, Refused
from portal.mail import queue_mail
from portal.password_changes import store_and_tell
from portal.passwords import hash_password
from portal.services import Services
from portal.store.activity import record_event
from portal.store.invitations import INVITATION_SECONDS, Invitation, add_invitation, find_invitation, use_invitation
from portal.store.members import add_member, find_user, list_memberships
from portal.store.okta_only import allows_password
from portal.store.password_links import hold_account


def invite_person(
    services: Services,
    organization_id: int,
    organization_name: str,
    email: str,
    *,
    role: str,
    who: str,
    user_id: int,
    reference: str,
) -> None:
    """Mails somebody a link by which they can join; good for seven days. Raises as `add_invitation` does."""
    token, now = secrets.token_urlsafe(32), services.now()
    address = email.strip().lower()
    with services.db.writing() as connection:
        add_invitation(
            connection, organization_id, address, role=role, token=token, who=who, user_id=user_id, now=now
        )
        queue_mail(
            services,
            connection,
            to=address,
            kind="invitation",
            organization_id=organization_id,
            organization=organization_name,
            invited_by=who,
            days=INVITATION_SECONDS // 86400,
            link=f"{services.settings.base_url}/invitation/{token}",
        )
        record_event(
            connection, organization_id, who=who, what="member.invited", now=now, reference=reference,
            about={"email": address, "role": role},
        )  # fmt: skip


def load_by_token(services: Services, token: str) -> Invitation:
    """The invitation behind a link. Raises Refused(INVITATION_OVER)."""
    with services.db.reading() as connection:
        found = find_invitation(connection, token, now=services.now())
    if found is None:
        raise Refused(Problem.INVITATION_OVER)
    return found


def accept(
    services: Services, token: str, *, reference: str, name: str = "", password: str | None = None
) -> Invitation:
    """Makes the invited person a member: of an account that exists, or of a new one with a name and a password.

    password -- for an account that has none yet; the link has proved whose mailbox it is. Whoever is a member already
    keeps the role they have. Raises Refused(INVITATION_OVER), and ACCOUNT_EXISTS for an account that has a password
    when one is given: its person logs in with that.
    """
    password_hash = hash_password(password) if password is not None else None
    try:
        return _accept(services, token, name, password_hash, reference)
    except IntegrityError:
        # The same new person came in by another door at the same time, and that one was first: now they are known.
        return _accept(services, token, name, password_hash, reference)


def _accept(services: Services, token: str, name: str, password_hash: str | None, reference: str) -> Invitation:
    now = services.now()
    with services.db.writing() as connection:
        found = use_invitation(connection, token, now=now)
        if found is None:
            raise Refused(Problem.INVITATION_OVER)
        user = find_user(connection, found.email)
        if user is not None and password_hash is not None:
            # Before they join: whoever has a hold of somebody already cannot ask for more without waiting for others.
            hold_account(connection, user.id, alone=True)
        user_id = _join(connection, found, name, now)
        if password_hash is not None:
            account = hold_account(connection, user_id, alone=True)
            if account.password_hash is not None:
                raise Refused(Problem.ACCOUNT_EXISTS, "account_has_password")
            if allows_password(connection, user_id, now=now):
                store_and_tell(services, connection, account, password_hash, reference=reference)
        record_event(
            connection, found.organization_id, who=found.email, what="member.accepted", now=now, reference=reference,
            about={"role": found.role, "invited_by": found.invited_by},
        )  # fmt: skip
    return found


def _join(connection: Connection, found: Invitation, name: str, now: int) -> int:
    """The account of the invited person, who is a member now. Who was one keeps their role: the last owner does not
    become a volunteer by an old link."""
    user = find_user(connection, found.email)
    mine = list_memberships(connection, user.id) if user else []
    if user and any(each.organization_id == found.organization_id for each in mine):
        return user.id
    return add_member(connection, found.organization_id, found.email, role=found.role, name=name, now=now)
