"""Inviting somebody, and what accepting it does. Knows no Flask."""

from __future__ import annotations

import secrets

from portal.errors import Problem, Refused
from portal.mail import queue_mail
from portal.passwords import hash_password
from portal.services import Services
from portal.store.activity import record_event
from portal.store.invitations import INVITATION_SECONDS, Invitation, add_invitation, drop_invitation, find_invitation
from portal.store.members import add_member, find_user
from portal.store.okta_only import allows_password
from portal.store.password_links import store_password


def invite_person(
    services: Services, organization_id: int, organization_name: str, email: str, *, role: str, who: str, reference: str
) -> None:
    """Mails somebody a link by which they can join; good for seven days. Raises as `add_invitation` does."""
    token, now = secrets.token_urlsafe(32), services.now()
    address = email.strip().lower()
    with services.db.writing() as connection:
        add_invitation(connection, organization_id, address, role=role, token=token, who=who, now=now)
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

    password -- for an account that has none yet; the link has proved whose mailbox it is. Raises
    Refused(INVITATION_OVER), and PASSWORD_FIRST for an account that has a password when one is given: its person logs
    in with that.
    """
    password_hash = hash_password(password) if password is not None else None
    now = services.now()
    with services.db.writing() as connection:
        found = find_invitation(connection, token, now=now)
        # Whoever takes the row away is the one who may use it.
        if found is None or not drop_invitation(connection, found.organization_id, found.email):
            raise Refused(Problem.INVITATION_OVER)
        user = find_user(connection, found.email)
        if password_hash is not None and user is not None and user.password_hash is not None:
            raise Refused(Problem.ACCOUNT_EXISTS, "account_has_password")
        user_id = add_member(connection, found.organization_id, found.email, role=found.role, name=name, now=now)
        if password_hash is not None and allows_password(connection, user_id, now=now):
            store_password(connection, user_id, password_hash, now=now)
        record_event(
            connection, found.organization_id, who=found.email, what="member.accepted", now=now, reference=reference,
            about={"role": found.role, "invited_by": found.invited_by},
        )  # fmt: skip
    return found
