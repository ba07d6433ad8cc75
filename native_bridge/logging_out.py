"""Logging the app out: "this phone only" needs no browser, "Okta too" opens one when POINT's tokens are dead already.

Okta's return may come with our state, without it, twice or never; nothing depends on it.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection

from native_bridge import schemas
from native_bridge.bridge import Bridge
from native_bridge.deep_links import STATE_MARK, parse_link, read_logout_return
from portal import logins
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.logouts import BY_PAGE_SECONDS, Left, leave_okta, left_by
from portal.store.activity import record_event
from portal.store.native_attempts import add_attempt, note_logout_return
from portal.store.phone_sessions import PhoneSession
from portal.store.session_ends import hold_person
from portal.store.session_list import end_sessions_of
from portal.store.sessions import end_session, hash_id
from portal.trial_sign_out import note_signed_out
from portal.trials import is_trial_state


def log_out(bridge: Bridge, session: PhoneSession, *, okta: bool, reference: str) -> schemas.LoggedOut:
    """Ends the session; Okta gets its refresh token back. `okta` -- also says where to sign out there.

    A session that was logged out a moment ago gets the same once more, since answers get lost on phones.
    """
    services, sealed, now = bridge.services, session.sealed_tokens, bridge.services.now()
    back_at = now + BY_PAGE_SECONDS if okta else now
    if session.ended_at is None:
        with services.db.writing() as connection:
            # The ID token stays until the session is forgotten: Okta's sign-out asks for it, and it logs nobody in.
            kept = logins.keep_id_token(services, session.id_hash, sealed) if sealed else None
            _end_browser(connection, session, now)
            give_back_after(services, connection)
            if end_session(connection, session.id_hash, why="logout", now=now, kept=kept, back_at=back_at):
                record_event(
                    connection,
                    session.organization_id,
                    who=session.email,
                    what="logout",
                    now=now,
                    reference=reference,
                    about={"kind": "phone"},
                )
    left = left_by(session.id_hash, session.integration_id, sealed) if okta else None
    return _leave_okta(bridge, session, left) if left else schemas.LoggedOut(logout_url=None, state=None)


def end_one(bridge: Bridge, session: PhoneSession, id_hash: bytes, *, reference: str) -> None:
    """Ends one of the person's logins; Okta gets its refresh token back. Raises Refused(NOT_FOUND)."""
    services = bridge.services
    with services.db.writing() as connection:
        mine = (session.organization_id, session.user_id)
        found = end_sessions_of(connection, *mine, why="ended_by_person", now=services.now(), only=id_hash)
        if not found:
            raise Refused(Problem.NOT_FOUND, "session_unknown")
        (ended,) = found
        give_back_after(services, connection)
        record_event(
            connection,
            session.organization_id,
            who=session.email,
            what="session.ended",
            now=services.now(),
            reference=reference,
            about={"kind": ended.kind},
        )


def complete_logout(bridge: Bridge, deep_link: str) -> None:
    """Notes that Okta sent the person back. Any state, or none, is fine: everything is over already.

    Raises Refused(DEEP_LINK_INVALID) for what is no logout link of this app.
    """
    link = parse_link(deep_link, scheme=bridge.services.settings.native_scheme, app_link=bridge.app_link)
    state = read_logout_return(link)
    if is_trial_state(state):
        note_signed_out(bridge.services, state or "")
    elif state is not None:
        with bridge.services.db.single() as connection:
            note_logout_return(connection, hash_id(state), now=bridge.services.now())


def _end_browser(connection: Connection, session: PhoneSession, now: int) -> None:
    """Ends the browser session that was begun for this login, or the next person at this phone would find it open."""
    if session.opened_by is None:
        return
    # The same order as those who end all of somebody's sessions, since these are two.
    hold_person(connection, session.user_id)
    end_session(connection, session.opened_by, why="logout", now=now)


def _leave_okta(bridge: Bridge, session: PhoneSession, left: Left) -> schemas.LoggedOut:
    services, state = bridge.services, STATE_MARK + secrets.token_urlsafe(33)
    # A phone that came in by the web app can only be sent back to the web: that is what its Okta has registered.
    returns = {"native": (bridge.logout_uri, state), "spa": (services.settings.base_url, secrets.token_urlsafe(16))}
    found = leave_okta(services, left, returns=returns)
    if found is None:
        return schemas.LoggedOut(logout_url=None, state=None)
    url, app = found
    if app == "spa":
        return schemas.LoggedOut(logout_url=url, state=None)
    if session.ended_at is not None:
        return schemas.LoggedOut(logout_url=url, state=state)  # Asked again: one line of it is enough.
    with services.db.single() as connection:
        add_attempt(
            connection,
            state,
            purpose="logout",
            flow="okta",
            organization_id=session.organization_id,
            code_challenge="",
            sealed_attempt=b"",
            now=services.now(),
        )
    return schemas.LoggedOut(logout_url=url, state=state)
