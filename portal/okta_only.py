""""Okta only": who may switch an organization's passwords off, what that costs whom, and the codes that let an owner in
when Okta does not. Knows no Flask.

It counts at once. Unless an owner comes in by Okta within 15 minutes and confirms it, it is over by itself: nothing has
to run for that, and whoever notices writes it down.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.services import Services
from portal.store.activity import record_event
from portal.store.integrations import Integration, hold_integration
from portal.store.members import find_role
from portal.store.okta_only import (
    OktaOnly,
    begin_okta_only,
    confirm_okta_only,
    drop_okta_only,
    drop_overdue,
    end_password_sessions,
    find_okta_only,
    list_overdue,
)
from portal.store.recovery_codes import drop_codes, replace_codes
from portal.store.session_list import end_sessions_of
from portal.store.sessions import Session
from portal.store.trial_logins import PassedTrial, find_passed
from portal.subjects import entries_of, fingerprint

TRIAL_SECONDS = 3600
CODES = 8
# Nothing that looks or sounds like something else: no 0 O, 1 I L, 2 Z, 5 S, 8 B, 6 G, U V.
_ALPHABET = "ACDEFHJKMNPQRTVWXY34679"
_GROUPS, _LETTERS = 5, 4  # 20 letters of 23 are 90 bits.
_BETWEEN = re.compile(r"[\s.,_–-]+")
_CODE = re.compile(f"[{_ALPHABET}]{{{_GROUPS * _LETTERS}}}")


def find_trial(
    connection: Connection, live: Integration, *, user_id: int, browser_hash: bytes | None, now: int
) -> PassedTrial | None:
    """The test login of this person, in this browser, within the last hour, with what is live."""
    if browser_hash is None:
        return None
    return find_passed(
        connection,
        live.organization_id,
        fingerprint=fingerprint(entries_of(live), live.sign_in),
        user_id=user_id,
        browser_hash=browser_hash,
        since=now - TRIAL_SECONDS,
    )


def switch_on(services: Services, session: Session, *, browser_hash: bytes | None, reference: str) -> list[str]:
    """No passwords from now on, to be confirmed; answers this owner's recovery codes, which nobody can read again.

    Raises Refused(OKTA_NOT_CONNECTED, TRIAL_MISSING), CONFLICT when it is on already, and FORBIDDEN for whoever is no
    owner any more.
    """
    now, codes = services.now(), make_codes()
    notice_reverted(services, session.organization_id)
    with services.db.writing() as connection:
        live = hold_integration(connection, session.organization_id)
        if live is None:
            raise Refused(Problem.OKTA_NOT_CONNECTED, "okta_only_without_okta")
        if find_trial(connection, live, user_id=session.user_id, browser_hash=browser_hash, now=now) is None:
            raise Refused(Problem.TRIAL_MISSING)
        begun = begin_okta_only(
            connection, session.organization_id, user_id=session.user_id, who=session.email, now=now
        )
        if not begun:
            raise Refused(Problem.CONFLICT, "okta_only_on")
        drop_codes(connection, session.organization_id)
        _give_codes(connection, session, codes, now)
        _record(connection, session, "okta_only.switched_on", now, reference)
    return codes


def may_confirm(found: OktaOnly, session: Session) -> bool:
    """Whether this session proves that Okta lets an owner in: it came by Okta after the switch, or its person has
    signed in there once more since then."""
    return session.method == "okta" and max(session.created_at, session.signed_in_at or 0) > found.proof_after


def confirm(services: Services, session: Session, *, reference: str) -> int:
    """Makes it last and ends every session here that a password has opened; answers how many.

    Raises Refused(CONFIRM_BY_OKTA), and CONFLICT when there is nothing to confirm.
    """
    now = services.now()
    notice_reverted(services, session.organization_id)
    with services.db.writing() as connection:
        hold_integration(connection, session.organization_id)
        found = find_okta_only(connection, session.organization_id)
        if found is not None and found.confirmed_at is None and not may_confirm(found, session):
            raise Refused(Problem.CONFIRM_BY_OKTA)
        if not confirm_okta_only(connection, session.organization_id, now=now):
            raise Refused(Problem.CONFLICT, "okta_only_not_waiting")
        ended = end_password_sessions(connection, session.organization_id, now=now)
        _record(connection, session, "okta_only.confirmed", now, reference, sessions_ended=ended)
    return ended


def switch_off(services: Services, organization_id: int, *, who: str, reference: str) -> bool:
    """Passwords count again, and the recovery codes do not any more. False when it was off."""
    now = services.now()
    if notice_reverted(services, organization_id):
        return False
    with services.db.writing() as connection:
        hold_integration(connection, organization_id)
        if not drop_okta_only(connection, organization_id):
            return False
        drop_codes(connection, organization_id)
        record_event(
            connection, organization_id, who=who, what="okta_only.switched_off", now=now, reference=reference
        )
    return True


def renew_codes(services: Services, session: Session, *, reference: str) -> list[str]:
    """New codes for this owner in the place of their old ones, which end what they have opened elsewhere.

    Raises Refused(CONFLICT) where passwords count, and FORBIDDEN for whoever is no owner any more.
    """
    now, codes = services.now(), make_codes()
    with services.db.writing() as connection:
        hold_integration(connection, session.organization_id)
        found = find_okta_only(connection, session.organization_id)
        if found is None or not found.in_force(now):
            raise Refused(Problem.CONFLICT, "okta_only_off")
        _give_codes(connection, session, codes, now)
        ended = end_sessions_of(
            connection,
            session.organization_id,
            session.user_id,
            why="codes_renewed",
            now=now,
            except_id=session.id_hash,
            method="recovery",
        )
        _record(connection, session, "recovery_codes.made", now, reference, sessions_ended=len(ended))
    return codes


def notice_reverted(services: Services, organization_id: int) -> bool:
    """Writes down, once, that nobody confirmed it in time. True for whoever has noticed."""
    now = services.now()
    with services.db.reading() as connection:
        found = find_okta_only(connection, organization_id)
    if found is None or found.in_force(now):
        return False
    with services.db.writing() as connection:
        return _revert(connection, found, now)


def revert_overdue(services: Services, now: int) -> int:
    """What `maintenance` does: the same for every organization; returns how many."""
    with services.db.writing() as connection:
        return sum(_revert(connection, found, now) for found in list_overdue(connection, now=now))


def make_codes() -> list[str]:
    """Eight recovery codes of 90 bits, in groups to read out."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS)) for _ in range(_GROUPS))
        for _ in range(CODES)
    ]


def hash_code(text: str) -> bytes | None:
    """What is stored of a code, however it was typed; None for what is none."""
    letters = _BETWEEN.sub("", text).upper()
    return hashlib.sha256(b"recovery code\0" + letters.encode()).digest() if _CODE.fullmatch(letters) else None


def _revert(connection: Connection, found: OktaOnly, now: int) -> bool:
    gone = drop_overdue(connection, found.organization_id, now=now)
    if gone:
        drop_codes(connection, found.organization_id)
        record_event(
            connection,
            found.organization_id,
            who=found.started_by,
            what="okta_only.reverted",
            now=now,
            reference="",
            about={"confirm_by": found.confirm_by},
        )
    return gone


def _give_codes(connection: Connection, session: Session, codes: list[str], now: int) -> None:
    # The role was read before anything was held.
    if find_role(connection, session.organization_id, session.user_id) != "owner":
        raise Refused(Problem.FORBIDDEN, "owner_no_more")
    hashes = [code_hash for code in codes if (code_hash := hash_code(code))]
    replace_codes(connection, session.organization_id, session.user_id, hashes=hashes, now=now)


def _record(
    connection: Connection, session: Session, what: str, now: int, reference: str, **about: int
) -> None:
    record_event(
        connection, session.organization_id, who=session.email, what=what, now=now, reference=reference, about=about
    )
