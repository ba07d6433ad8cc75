"""Opens POINT's door for somebody who came back to the app: the account, the session and its first tokens, in one
transaction with the end of the login, so that either all of it happened or nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from native_bridge import schemas
from native_bridge.answering import give_tokens
from native_bridge.bridge import Bridge
from portal import logins
from portal.errors import Problem, Refused
from portal.logins import Proof
from portal.okta.attempt import Attempt
from portal.okta.callback import Code, InteractionCode
from portal.okta_groups import ends_owner, follow
from portal.store.activity import record_event
from portal.store.member_list import hold_members
from portal.store.members import admit_person
from portal.store.native_attempts import NativeAttempt, complete_attempt
from portal.store.okta_logins import find_login_by_integration
from portal.store.password_links import hold_account
from portal.store.phone_sessions import find_phone_session
from portal.store.sessions import (
    ABSOLUTE_SECONDS,
    PHONE_ABSOLUTE_SECONDS,
    UNPROVED_SECONDS,
    Session,
    find_session_by_hash,
    hash_id,
    open_session,
)

CODE_SECONDS = 300  # As long as Okta's own codes last.


@dataclass(frozen=True, slots=True)
class Arrival:
    """The app that came back. device -- what the list of sessions calls it; jkt -- the thumbprint of its DPoP key, or
    None; reference -- of this request; network -- where it came from."""

    device: str
    jkt: str | None
    reference: str
    network: str


def admit_by_okta(
    bridge: Bridge, known: NativeAttempt, attempt: Attempt, proof: Proof, arrival: Arrival
) -> schemas.Tokens:
    """Admits the person by the same rules as on the web and opens a session of the app.

    Raises Refused as `admit_person` does, and SETTINGS_CHANGED when an owner was faster than Okta.
    """
    try:
        return _admit_by_okta(bridge, known, attempt, proof, arrival)
    except IntegrityError:
        # The same person came in twice at the same time and the other one was first: now they are known.
        return _admit_by_okta(bridge, known, attempt, proof, arrival)


def admit_by_page(
    bridge: Bridge, known: NativeAttempt, came_back: Code | InteractionCode, arrival: Arrival
) -> schemas.Tokens:
    """A session of the app for the person whom the portal's own page has sent to it with a one-time code.

    Raises Refused(CODE_REFUSED) for another code, an old one, or one whose browser has logged out meanwhile.
    """
    now, session_id = bridge.services.now(), secrets.token_urlsafe(32)
    browser_hash = demand_code(known, came_back, now)
    with bridge.services.db.writing() as connection:
        browser = _find_browser(connection, browser_hash, now)
        who = {
            "user_id": browser.user_id,
            "method": browser.method,
            "identity_id": browser.identity_id,
            "integration_id": browser.integration_id,
            "integration_version": browser.integration_version,
            "sealed_tokens": _copy_id_token(bridge, browser, session_id),
            # Somebody who was logged in there before stays so.
            "opened_by": browser_hash if known.began_session else None,
        }
        _open(bridge, connection, browser.organization_id, session_id, arrival, who, _seconds_by(browser, now))
        return _finish(bridge, connection, known, session_id, arrival, what="login")


def _admit_by_okta(
    bridge: Bridge, known: NativeAttempt, attempt: Attempt, proof: Proof, arrival: Arrival
) -> schemas.Tokens:
    now, session_id = bridge.services.now(), secrets.token_urlsafe(32)
    seconds = logins.seconds_left(proof, most=PHONE_ABSOLUTE_SECONDS, now=now)
    held = ends_owner(bridge.services, attempt, proof.profile, proof.groups)
    with bridge.services.db.writing() as connection:
        if held:
            hold_members(connection, attempt.organization_id)
        current = find_login_by_integration(connection, attempt.integration_id, hold=True)
        logins.demand_unchanged(current, attempt)
        admitted = admit_person(connection, attempt.organization_id, proof.profile, now=now)
        follow(
            connection, current, attempt, proof.profile, proof.groups, admitted,
            now=now, reference=arrival.reference, held=held,
        )  # fmt: skip
        who = {
            "user_id": admitted.user_id,
            "method": "okta",
            "identity_id": admitted.identity_id,
            "integration_id": attempt.integration_id,
            "integration_version": attempt.integration_version,
            "sealed_tokens": logins.seal_tokens(bridge.services, hash_id(session_id), proof, attempt),
        }
        _open(bridge, connection, attempt.organization_id, session_id, arrival, who, seconds)
        what = "login.joined" if admitted.joined else "login"
        return _finish(bridge, connection, known, session_id, arrival, what=what)


def demand_code(known: NativeAttempt, came_back: Code | InteractionCode, now: int) -> bytes:
    """The browser session that the one-time code of the portal's page stands for. Raises Refused(CODE_REFUSED)."""
    code = came_back.code if isinstance(came_back, Code) else ""
    given = hashlib.sha256(code.encode()).digest()
    if known.code_hash is None or known.web_session is None or not hmac.compare_digest(given, known.code_hash):
        raise Refused(Problem.CODE_REFUSED, "code_rejected_by_op")
    if now - (known.code_at or 0) > CODE_SECONDS:
        raise Refused(Problem.CODE_REFUSED, "code_rejected_by_op", "expired")
    return known.web_session


def _seconds_by(browser: Session, now: int) -> int:
    """As long as any session of the app, unless Okta wants the person back earlier: then the browser's ends early. Whom
    Okta vouched for in the browser, nobody can ask it about on the phone: the refresh token stays there."""
    most = UNPROVED_SECONDS if browser.method == "okta" else PHONE_ABSOLUTE_SECONDS
    if browser.expires_at < browser.created_at + ABSOLUTE_SECONDS:
        return min(most, browser.expires_at - now)
    return most


def _find_browser(connection: Connection, browser_hash: bytes, now: int) -> Session:
    """The live browser session; what ends all of somebody's sessions (a new password, "Okta only", its Okta deleted)
    does not begin before this transaction ends, and so finds the app's as well.

    Read once more behind the lock: PostgreSQL shows the change that was waited for, and with it the session's end.
    """
    browser = find_session_by_hash(connection, browser_hash, now=now)
    if browser is not None and _hold_what_ends(connection, browser):
        browser = find_session_by_hash(connection, browser_hash, now=now)
        if browser is not None:
            return browser
    raise Refused(Problem.CODE_REFUSED, "session_ended")


def _hold_what_ends(connection: Connection, browser: Session) -> bool:
    """False when its Okta is gone. In the order of all transactions: organizations and integration, then the person."""
    hold_account(connection, browser.user_id)
    if browser.integration_id is None:
        return True
    return find_login_by_integration(connection, browser.integration_id, hold=True) is not None


def _copy_id_token(bridge: Bridge, browser: Session, session_id: str) -> bytes | None:
    """What Okta's sign-out asks for; the refresh token stays the browser's alone."""
    if browser.sealed_tokens is None:
        return None
    return logins.keep_id_token(bridge.services, browser.id_hash, browser.sealed_tokens, hash_id(session_id))


def _open(
    bridge: Bridge,
    connection: Connection,
    organization_id: int,
    session_id: str,
    arrival: Arrival,
    who: dict[str, Any],
    seconds: int,
) -> None:
    open_session(
        connection,
        organization_id,
        session_id=session_id,
        now=bridge.services.now(),
        kind="phone",
        device=arrival.device,
        dpop_jkt=arrival.jkt,
        seconds=seconds,
        **who,
    )


def _finish(
    bridge: Bridge, connection: Connection, known: NativeAttempt, session_id: str, arrival: Arrival, *, what: str
) -> schemas.Tokens:
    services, now = bridge.services, bridge.services.now()
    session = find_phone_session(connection, hash_id(session_id))
    assert session is not None
    answer, kept = give_tokens(bridge, connection, session)
    sealed = services.sealer.seal("native-answer", kept, known.state_hash)
    if not complete_attempt(connection, known.state_hash, answer=sealed, now=now):
        raise Refused(Problem.ATTEMPT_USED, "state_used", "given up meanwhile")
    record_event(
        connection,
        session.organization_id,
        who=session.email,
        what=what,
        now=now,
        reference=arrival.reference,
        about={"method": session.method, "kind": "phone", "device": arrival.device},
    )
    return answer
