"""Okta's orders to end sessions, obeyed: Universal Logout for all of somebody's, front-channel logout for one sign-in.

Knows no Flask. A session that has been ended here is refused by every node at its next request. Its refresh token is
given back all the same: what Okta has ended on its side, the order does not say.
"""

from __future__ import annotations

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.okta.keys import Key
from portal.okta.revocation import ALGORITHM, Order, Subject, check_order, issuers_of, read_subject
from portal.services import Services
from portal.store.activity import record_event
from portal.store.okta_logins import Login, find_login
from portal.store.revocations import use_revocation
from portal.store.session_list import (
    EndedSession,
    end_sessions_by_sid,
    end_sessions_of,
    find_by_email,
    find_by_identity,
    is_known_sid,
)

OKTA_SECONDS = 5.0
_WHY = "okta_revoked"


def obey(services: Services, slug: str, token: str, body: bytes, *, url: str, reference: str) -> int:
    """Ends every session of the person whom the order names, in browsers and apps; returns how many.

    url -- our endpoint's whole address, which the order has to name.
    Raises Refused: ORDER_UNPROVED, ORDER_FOREIGN, ORDER_UNREADABLE, ORDER_NOBODY, and as `Providers.load` does.
    """
    logins = _logins(services, slug)
    order = _check(services, logins, token, url)
    subject = read_subject(body)
    issuers = sorted({each for login in logins for each in issuers_of(login.issuer)})
    if subject.issuer and subject.issuer not in issuers:
        raise Refused(Problem.ORDER_FOREIGN, "subject_of_another_issuer")
    return _end(services, logins[0].organization_id, order, subject, issuers, reference)


def end_sign_in(services: Services, issuer: str, sid: str, *, reference: str) -> int:
    """Ends what came from this session of that Okta (front-channel logout); returns how many."""
    now = services.now()
    with services.db.reading() as connection:
        if not is_known_sid(connection, issuer, sid):
            return 0
    with services.db.writing() as connection:
        ended = end_sessions_by_sid(connection, issuer, sid, why=_WHY, now=now)
        give_back_after(services, connection)
        for organization_id in {each.organization_id for each in ended}:
            theirs = [each for each in ended if each.organization_id == organization_id]
            _record(connection, organization_id, theirs, "front_channel", now, reference)
    return len(ended)


def _logins(services: Services, slug: str) -> list[Login]:
    """The organization's apps. Where there is no Okta, nobody can prove to be it, whether or not we know the name."""
    with services.db.reading() as connection:
        found = [find_login(connection, slug, app) for app in ("spa", "native")]
    logins = [login for login in found if login is not None]
    if not logins:
        raise Refused(Problem.ORDER_UNPROVED, "okta_not_connected")
    return logins


def _check(services: Services, logins: list[Login], token: str, url: str) -> Order:
    def key(issuer: str, kid: str | None) -> Key:
        return services.providers.key(services.providers.load(issuer), kid, ALGORITHM)

    issuers = {each for login in logins for each in issuers_of(login.issuer)}
    clients = {login.client_id for login in logins}
    try:
        with services.door.within(OKTA_SECONDS):
            return check_order(token, key=key, issuers=issuers, audience=url, client_ids=clients, now=services.clock())
    except Refused as refused:
        if refused.problem is Problem.ID_TOKEN_REFUSED:  # a key that the issuer does not publish
            raise Refused(Problem.ORDER_UNPROVED, refused.reason, refused.detail) from refused
        raise


def _end(
    services: Services, organization_id: int, order: Order, subject: Subject, issuers: list[str], reference: str
) -> int:
    """The order is used up and the sessions end in one transaction."""
    now, ended = services.now(), []
    with services.db.writing() as connection:
        if not use_revocation(connection, organization_id, order.issuer, order.jti, expires_at=order.expires_at):
            raise Refused(Problem.ORDER_UNPROVED, "replayed")
        people = (
            find_by_identity(connection, organization_id, issuers, subject.sub)
            if subject.sub
            else find_by_email(connection, organization_id, issuers, subject.email)
        )
        for user_id in sorted(people):  # Two orders at once hold the same people in the same order.
            ended += end_sessions_of(connection, organization_id, user_id, why=_WHY, now=now)
        give_back_after(services, connection)
        if people:
            _record(connection, organization_id, ended, "iss_sub" if subject.sub else "email", now, reference)
    if not people:
        raise Refused(Problem.ORDER_NOBODY, "subject_unknown")
    return len(ended)


def _record(
    connection: Connection, organization_id: int, ended: list[EndedSession], by: str, now: int, reference: str
) -> None:
    about = {"by": by, "sessions": len(ended), "kinds": sorted({each.kind for each in ended})}
    who = sorted({each.email for each in ended})
    record_event(
        connection,
        organization_id,
        who=who[0] if who else "",
        what="session.okta_revoked",
        now=now,
        reference=reference,
        about=about,
    )
