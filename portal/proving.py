"""A session proves itself at Okta from time to time: its refresh token is used, and what Okta says of it counts.

Knows no Flask. One caller at a time does it for a session, over all threads, workers and nodes: the lease is one
UPDATE, and shorter than the 30 seconds in which Okta takes the same refresh token again after a lost answer. The new
token is stored before anything else happens. The app waits for Okta's answer; a page waits two seconds, and a thread of
its own sees to it that a late answer is not lost.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from portal import logins
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.logs import LOGGER
from portal.metrics import REFUSALS
from portal.okta.groups import read_names
from portal.okta.id_token import check_id_token
from portal.okta.tokens import Tokens, refresh
from portal.okta_groups import complete_claims
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.group_roles import Groups, follow_groups, would_change
from portal.store.left_tokens import leave_tokens
from portal.store.members import Profile, take_over_profile
from portal.store.okta_logins import Login, find_login_by_integration
from portal.store.proving import Due, find_proof, keep_proof, take_lease
from portal.store.sessions import UNPROVED_SECONDS, Session, end_session

OKTA_SECONDS = 5.0
PAGE_SECONDS = 2.0  # A page waits so long for Okta, and goes on.
_OVERDUE_SECONDS = 4.0  # A page that must not go on without an answer waits a little longer, and says so.
_BEHIND_SECONDS = 10.0  # Behind a page there is more time, and still less than the lease lasts.
_WAIT_SECONDS = 1.0
# What Okta says about the person, not about the moment.
_OVER = frozenset({Problem.REFRESH_REFUSED, Problem.LOGIN_NOT_ASSIGNED, Problem.LOGIN_POLICY})
# A token that is somebody else's. One that cannot be checked proves nothing, neither for the person nor against them.
_ANOTHERS = frozenset({"issuer_mismatch", "subject_mismatch", "subject_missing", "audience_mismatch", "azp_mismatch"})
# The answer, if there was one, did not get here: Okta may have given out a new token that nobody has.
_LOST = frozenset({"op_unavailable", "response_malformed"})


def prove_again(
    services: Services, id_hash: bytes, *, sealed_tokens: bytes | None, proved_at: int, reference: str
) -> None:
    """Asks Okta about a session whose last proof is older than POINT_RECHECK_SECONDS, unless somebody else is at it.

    sealed_tokens -- the session's; without a refresh token among them there is nothing to ask with, and the session
    ends 12 hours after the login.
    Raises Refused(TOKEN_REFUSED, okta_ended) when Okta has ended it, which ends it here, and OKTA_UNREACHABLE when the
    last proof is older than an hour beyond that and Okta does not answer.
    """
    if not _is_due(services, proved_at) or not _can_prove(services, id_hash, sealed_tokens, proved_at):
        return
    due = _take_lease(services, id_hash)
    if due is None:
        if _is_overdue(services, proved_at):
            _wait(services, id_hash, proved_at)
        return
    try:
        _prove(services, due, reference, seconds=OKTA_SECONDS)
    except Refused as refused:
        _stay_or_not(services, refused, proved_at)


def prove_session(services: Services, session: Session, *, reference: str) -> bool:
    """The same for a session in a browser, which waits two seconds for Okta. True when it has to be read again.

    Costs nothing while the last proof counts or while another request of the session asks Okta. Raises as
    `prove_again`.
    """
    if session.method != "okta" or not _is_due(services, session.proved_at):
        return False
    overdue = _is_overdue(services, session.proved_at)
    if session.proving_until is not None and session.proving_until > services.now() and not overdue:
        return False
    if not _can_prove(services, session.id_hash, session.sealed_tokens, session.proved_at):
        return False
    due = _take_lease(services, session.id_hash)
    if due is None:
        if overdue:
            _wait(services, session.id_hash, session.proved_at)
        return True
    try:
        return _prove_behind(services, due, reference, seconds=_OVERDUE_SECONDS if overdue else PAGE_SECONDS)
    except Refused as refused:
        _stay_or_not(services, refused, session.proved_at)
    return True


def _is_due(services: Services, proved_at: int) -> bool:
    return services.now() - proved_at >= services.settings.recheck_seconds


def _is_overdue(services: Services, proved_at: int) -> bool:
    return services.now() - proved_at > services.settings.away_seconds + services.settings.recheck_seconds


def _can_prove(services: Services, id_hash: bytes, sealed_tokens: bytes | None, proved_at: int) -> bool:
    """Whether there is a refresh token. Raises Refused(TOKEN_REFUSED) where there has been none for too long."""
    try:
        if sealed_tokens and logins.read_tokens(services, id_hash, sealed_tokens).get("refresh_token"):
            return True
    except SealBroken:
        pass
    if services.now() - proved_at < UNPROVED_SECONDS:
        return False
    with services.db.writing() as connection:
        # What it holds has no refresh token in it, or none that can be read: there is nothing to give back.
        end_session(connection, id_hash, why="unproved", now=services.now(), dead_at_okta=True)
    raise Refused(Problem.TOKEN_REFUSED, "unproved")


def _take_lease(services: Services, id_hash: bytes) -> Due | None:
    now = services.now()
    with services.db.writing() as connection:
        return take_lease(connection, id_hash, now=now, proved_before=now - services.settings.recheck_seconds)


def _wait(services: Services, id_hash: bytes, proved_at: int) -> None:
    """Somebody else is asking, or has just asked in vain: goes on only with a new proof, or the end of the session."""
    patience = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < patience:
        with services.db.reading() as connection:
            if find_proof(connection, id_hash) != proved_at:
                return
        time.sleep(0.05)
    raise Refused(Problem.OKTA_UNREACHABLE, "proof_overdue")


def _stay_or_not(services: Services, refused: Refused, proved_at: int) -> None:
    """Okta has no good answer: people stay in for an hour. An end is an end."""
    if refused.problem is Problem.TOKEN_REFUSED:
        raise refused
    if _is_overdue(services, proved_at):
        raise Refused(Problem.OKTA_UNREACHABLE, refused.reason) from refused


def _prove_behind(services: Services, due: Due, reference: str, *, seconds: float) -> bool:
    """Asks Okta in a thread and waits for it, at most so long; False when it goes on without us. Raises as `_prove`."""
    said: Future[Refused | None] = Future()

    def ask() -> None:
        try:
            _prove(services, due, reference, seconds=_BEHIND_SECONDS)
        except Refused as refused:
            said.set_result(refused)
        except BaseException as bug:
            said.set_exception(bug)
            raise
        else:
            said.set_result(None)

    try:
        services.background.start("okta-proof", ask, owner=due.organization_id)
    except Refused:
        # Too much is under way behind other pages: then in front of this one.
        _prove(services, due, reference, seconds=seconds)
        return True
    try:
        refused = said.result(timeout=seconds)
    except TimeoutError:
        raise Refused(Problem.OKTA_UNREACHABLE, "op_timeout") from None
    if refused is not None:
        raise refused
    return True


def _prove(services: Services, due: Due, reference: str, *, seconds: float) -> None:
    """Asks Okta, and keeps what it says. Raises Refused: TOKEN_REFUSED when that was the end, else as Okta failed."""
    with services.db.reading() as connection:
        kept = logins.read_tokens(services, due.id_hash, due.sealed_tokens)
        login = find_login_by_integration(connection, due.integration_id, kept.get("app", "spa"))
    if login is None:
        return  # Deleted this very moment, and the session with it.
    try:
        with services.door.within(seconds):
            # Sessions from before the scope was kept were granted what logins still ask for.
            tokens = _ask(services, login, kept["refresh_token"], kept.get("scope") or login.scope)
            claims, stored = _check_and_keep(services, due, login, kept, tokens)
            claims, groups = _complete(services, login, tokens, claims)
    except Refused as refused:
        REFUSALS.labels(refused.problem.code, refused.reason).inc()
        event = {"code": refused.problem.code, "reason": refused.reason, "reference": reference}
        LOGGER.info("a session could not prove itself", extra={"event": event})
        if _is_over(refused):
            _end(services, due, refused, reference)
            raise Refused(Problem.TOKEN_REFUSED, "okta_ended", refused.reason) from refused
        raise
    _take_over(services, due, claims, reference)
    if groups is None or (groups.missing and kept.get("groups_claim") != login.groups_claim):
        return
    if not groups.missing:
        _remember_claim(services, stored, login)
    _follow(services, due, groups, reference)


def _is_over(refused: Refused) -> bool:
    return refused.problem in _OVER or (refused.problem is Problem.ID_TOKEN_REFUSED and refused.reason in _ANOTHERS)


def _ask(services: Services, login: Login, refresh_token: str, scope: str) -> Tokens:
    """RFC 6749 section 6, with no more scope than the login was granted. An answer that was lost on the way is asked
    for once more, at once: inside the leeway Okta gives the same again."""
    provider = services.providers.load(login.issuer)
    wanted = {"client_id": login.client_id, "refresh_token": refresh_token, "scope": scope}
    try:
        return refresh(services.door, provider, **wanted)
    except Refused as refused:
        if refused.reason not in _LOST:
            raise
    return refresh(services.door, provider, **wanted)


def _check_and_keep(
    services: Services, due: Due, login: Login, kept: dict[str, Any], tokens: Tokens
) -> tuple[dict[str, Any], Due]:
    """The claims of the ID token that came along, of the same issuer and person (OIDC Core 12.2), or {}; and the
    session with what it holds now.

    The new refresh token is stored whatever the check says, even where Okta's keys cannot be had at the moment.
    """
    try:
        claims = _check(services, due, login, tokens)
    except Refused:
        _keep(services, due, login, {**kept, "refresh_token": tokens.refresh_token}, proved=False)
        raise
    newer = {"refresh_token": tokens.refresh_token, "id_token": tokens.id_token or kept["id_token"]}
    if login.groups_claim and read_names(claims, login.groups_claim) is not None:
        newer["groups_claim"] = login.groups_claim
    return claims, _keep(services, due, login, {**kept, **newer}, proved=True)


def _check(services: Services, due: Due, login: Login, tokens: Tokens) -> dict[str, Any]:
    if not tokens.id_token:
        return {}
    provider = services.providers.load(login.issuer)
    return check_id_token(
        tokens.id_token,
        key=lambda kid, algorithm: services.providers.key(provider, kid, algorithm),
        algorithms=provider.algorithms,
        issuer=due.issuer,
        client_id=login.client_id,
        nonce=None,
        now=services.clock(),
        access_token=tokens.access_token,
        subject=due.sub,
    )


def _keep(services: Services, due: Due, login: Login, content: dict[str, Any], *, proved: bool) -> Due:
    """Stores the new tokens; a session that has ended meanwhile gives them back."""
    sealed = services.sealer.seal("tokens", json.dumps(content).encode(), due.id_hash)
    newer = replace(due, sealed_tokens=sealed)
    with services.db.single() as connection:
        if keep_proof(connection, due, sealed_tokens=sealed, proved_at=services.now() if proved else None):
            return newer
    with services.db.writing() as connection:
        if find_proof(connection, due.id_hash) is None:
            leave_tokens(
                connection, due.organization_id, issuer=login.issuer, client_id=login.client_id, name=due.id_hash,
                sealed=sealed, why="ended_meanwhile", now=services.now(),
            )  # fmt: skip
            give_back_after(services, connection)
    return newer


def _remember_claim(services: Services, due: Due, login: Login) -> None:
    """Userinfo alone has named the groups, and for the first time: where the claim is missing later, they are in none
    any more. A session that has ended meanwhile, or holds newer tokens, needs no such note."""
    kept = logins.read_tokens(services, due.id_hash, due.sealed_tokens)
    if kept.get("groups_claim") == login.groups_claim:
        return
    content = json.dumps({**kept, "groups_claim": login.groups_claim}).encode()
    sealed = services.sealer.seal("tokens", content, due.id_hash)
    with services.db.single() as connection:
        keep_proof(connection, due, sealed_tokens=sealed, proved_at=None)


def _complete(
    services: Services, login: Login, tokens: Tokens, claims: dict[str, Any]
) -> tuple[dict[str, Any], Groups | None]:
    """What an ID token leaves out is at userinfo, as at a login. If that fails, nothing is taken over this time."""
    if not claims:
        return claims, None
    provider = services.providers.load(login.issuer)
    try:
        return complete_claims(services, provider, tokens, claims, login.groups_claim or "")
    except Refused as refused:
        if _is_over(refused):
            raise
        return {}, None


def _take_over(services: Services, due: Due, claims: dict[str, Any], reference: str) -> None:
    """Name and address follow Okta. What is no good there, or taken here, stays as it was, and nobody is put out."""
    if not claims:
        return
    try:
        profile = logins.read_profile({"name": due.account_name, **claims})
    except Refused:
        return
    if not isinstance(claims.get("name"), str):
        profile = Profile(profile.issuer, profile.sub, profile.email, due.account_name)
    if (profile.email, profile.name) == (due.email, due.account_name):
        return
    try:
        with services.db.writing() as connection:
            changed = take_over_profile(connection, due.organization_id, due.user_id, due.identity_id, profile)
            if changed:
                record_event(
                    connection,
                    due.organization_id,
                    who=due.account_email,
                    what="member.changed_at_okta",
                    now=services.now(),
                    reference=reference,
                    about=changed,
                )
    except IntegrityError:
        # Somebody has taken the address this very moment.
        LOGGER.info("an address was taken meanwhile", extra={"event": {"reference": reference}})


def _follow(services: Services, due: Due, groups: Groups, reference: str) -> None:
    """The role follows the groups, up and down. A claim that is missing counts only where the session has had it, or
    its login could not find out: the refresh of one from before groups were asked for brings none."""
    with services.db.reading() as connection:
        if not would_change(connection, due.organization_id, due.user_id, groups):
            return
    with services.db.writing() as connection:
        follow_groups(
            connection,
            due.organization_id,
            due.user_id,
            groups,
            who=due.account_email,
            now=services.now(),
            reference=reference,
            told=False,
        )


def _end(services: Services, due: Due, refused: Refused, reference: str) -> None:
    """Okta has said no. A refresh token that it has refused is dead there; that of somebody who is no longer assigned,
    or of somebody else, may not be, and is given back."""
    now, dead = services.now(), refused.problem is Problem.REFRESH_REFUSED
    with services.db.writing() as connection:
        ended = end_session(connection, due.id_hash, why="okta_ended", now=now, dead_at_okta=dead)
        give_back_after(services, connection)
        if ended:
            about = {"code": refused.problem.code, "reason": refused.reason, "kind": due.kind}
            record_event(
                connection,
                due.organization_id,
                who=due.account_email,
                what="session.okta_ended",
                now=now,
                reference=reference,
                about=about,
            )
