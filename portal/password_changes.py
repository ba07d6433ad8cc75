"""Passwords that are set, changed and forgotten: links by mail, and what a new password ends.

Knows no Flask. A link is good for one use: half an hour when somebody has forgotten their password, seven days when
somebody else made them need one (a new account, Delete Integration).
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.mail import is_address, queue_mail
from portal.passwords import check_password, hash_password
from portal.services import Services
from portal.store.activity import record_event
from portal.store.members import clean_email, find_user
from portal.store.okta_only import allows_password
from portal.store.password_links import (
    FORGOT_SECONDS,
    INVITATION_SECONDS,
    Account,
    NewLink,
    add_links,
    count_links,
    find_account_by_link,
    hold_account,
    hold_session,
    list_organizations_of,
    load_account,
    store_password,
    use_link,
)
from portal.store.sessions import Session

# So many mails within the half hour that a link lives; somebody who gets them has one that works.
_MOST_LINKS = 5
FORGOT, INVITED, LOST_OKTA = "forgot", "invited", "okta_deleted"


def new_link(user_id: int, purpose: str, *, expires_at: int, organization_id: int | None = None) -> NewLink:
    """A link nobody can guess (256 bits)."""
    return NewLink(secrets.token_urlsafe(32), user_id, purpose, expires_at, organization_id)


def link_url(services: Services, link: NewLink) -> str:
    """Where the person sets the password."""
    return f"{services.settings.base_url}/login/password/{link.token}"


def forgot_url(services: Services) -> str:
    """Where a link is asked for."""
    return f"{services.settings.base_url}/login/forgot"


def answer_forgotten(services: Services, email: str, *, reference: str) -> None:
    """Mails a link to whoever has this address, if anybody has.

    Runs off the page, so that its answer and its time say nothing of who has an account.
    """
    now = services.now()
    with services.db.writing() as connection:
        user = find_user(connection, clean_email(email))
        if user is None or not is_address(user.email):
            return
        if count_links(connection, user.id, FORGOT, since=now - FORGOT_SECONDS) >= _MOST_LINKS:
            return
        mail_link(services, connection, user.id, reference=reference)


def mail_link(services: Services, connection: Connection, user_id: int, *, reference: str) -> None:
    """A link for half an hour; or, where all of the person's organizations are "Okta only", the way to log in there."""
    now = services.now()
    account = load_account(connection, user_id)
    homes = list_organizations_of(connection, user_id)
    # Written down in either case, since it is what the number of mails is counted by.
    link = new_link(user_id, FORGOT, expires_at=now + FORGOT_SECONDS)
    add_links(connection, [link], now=now)
    if homes and not allows_password(connection, user_id, now=now):
        _id, slug, name = homes[0]
        login = f"{services.settings.base_url}/login/{slug}"
        queue_mail(
            services,
            connection,
            to=account.email,
            kind="password_okta_only",
            email=account.email,
            organization=name,
            link=login,
        )
        return
    queue_mail(
        services,
        connection,
        to=account.email,
        kind="password_forgot",
        email=account.email,
        minutes=FORGOT_SECONDS // 60,
        link=link_url(services, link),
    )
    for organization_id, _slug, _name in homes:
        record_event(
            connection, organization_id, who=account.email, what="password.link_sent", now=now, reference=reference
        )


def invite(services: Services, connection: Connection, organization_id: int, user_id: int, name: str) -> str | None:
    """Mails a new member without a password the link to set one; returns its address, None where there is no need."""
    now = services.now()
    account = load_account(connection, user_id)
    if account.password_hash is not None or not allows_password(connection, user_id, now=now):
        return None
    link = new_link(user_id, INVITED, expires_at=now + INVITATION_SECONDS)
    add_links(connection, [link], now=now)
    address = link_url(services, link)
    queue_mail(
        services,
        connection,
        to=account.email,
        kind="member_added",
        organization_id=organization_id,
        organization=name,
        email=account.email,
        days=INVITATION_SECONDS // 86400,
        link=address,
    )
    return address


def load_by_link(services: Services, token: str) -> Account:
    """Whose link this is.

    Raises Refused(PASSWORD_LINK) when it is used, too old or none, Refused(OKTA_ONLY) where a password is of no use.
    """
    with services.db.reading() as connection:
        account = find_account_by_link(connection, token, now=services.now())
        if account is None:
            raise Refused(Problem.PASSWORD_LINK, "password_link_over")
        _demand_use(services, connection, account)
    return account


def set_by_link(services: Services, token: str, password: str, *, reference: str) -> Account:
    """The new password of whoever has this link, which is used up by it. Raises what `load_by_link` raises."""
    account = load_by_link(services, token)
    password_hash = hash_password(password)
    with services.db.writing() as connection:
        account = hold_account(connection, account.user_id, alone=True)
        _demand_use(services, connection, account)
        if not use_link(connection, token, now=services.now()):
            raise Refused(Problem.PASSWORD_LINK, "password_link_used_meanwhile")
        store_and_tell(services, connection, account, password_hash, reference=reference)
    return account


def may_set_first(connection: Connection, user_id: int, organization_id: int) -> bool:
    """Whether being logged in to this organization is enough to set a first password.

    A password opens all of a person's organizations, and what one organization's Okta says counts for that one alone:
    whoever belongs to another as well proves by mail whose account it is.
    """
    return all(home == organization_id for home, _slug, _name in list_organizations_of(connection, user_id))


def change(services: Services, session: Session, old: str, new: str, *, reference: str) -> int:
    """The person's new password; this session goes on, all others end. Returns how many.

    Raises Refused(PASSWORD_OLD_WRONG) unless `old` is the one so far, where there is one; where there is none,
    Refused(PASSWORD_BY_LINK) unless `may_set_first`; Refused(OKTA_ONLY) where all of the person's organizations are
    "Okta only", and SESSION_CHANGED when the session has ended meanwhile.
    """
    user_id = session.user_id
    with services.db.reading() as connection:
        account = load_account(connection, user_id)
        _demand_use(services, connection, account)
    if account.password_hash is not None and not check_password(account.password_hash, old):
        raise Refused(Problem.PASSWORD_OLD_WRONG)
    password_hash = hash_password(new)
    with services.db.writing() as connection:
        if hold_account(connection, user_id, alone=True).password_hash != account.password_hash:
            raise Refused(Problem.CONFLICT, "password_changed_meanwhile")
        _demand_use(services, connection, account)
        if account.password_hash is None and not may_set_first(connection, user_id, session.organization_id):
            raise Refused(Problem.PASSWORD_BY_LINK)
        if not hold_session(connection, session.id_hash):
            raise Refused(Problem.SESSION_CHANGED, "session_ended_meanwhile")
        return store_and_tell(
            services, connection, account, password_hash, reference=reference, keep_session=session.id_hash
        )


def store_and_tell(
    services: Services,
    connection: Connection,
    account: Account,
    password_hash: str,
    *,
    reference: str,
    keep_session: bytes | None = None,
) -> int:
    """The new password, and who hears of it: sessions end, activity and mail say so, in the caller's transaction,
    which holds the account alone. Returns how many sessions ended.
    """
    now = services.now()
    first = account.password_hash is None
    ended = store_password(connection, account.user_id, password_hash, now=now, keep_session=keep_session)
    give_back_after(services, connection)
    for organization_id, _slug, _name in list_organizations_of(connection, account.user_id):
        record_event(
            connection,
            organization_id,
            who=account.email,
            what="password.set" if first else "password.changed",
            now=now,
            reference=reference,
            about={"sessions_ended": ended},
        )
    if is_address(account.email):
        queue_mail(
            services,
            connection,
            to=account.email,
            kind="password_changed",
            email=account.email,
            first=first,
            when=now,
            link=forgot_url(services),
        )
    return ended


def _demand_use(services: Services, connection: Connection, account: Account) -> None:
    if not allows_password(connection, account.user_id, now=services.now()):
        raise Refused(Problem.OKTA_ONLY, "okta_only")
