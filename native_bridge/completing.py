"""How a login of the app ends: the deep link it was opened with and its own verifier, for POINT's tokens.

The order protects the login. The link's form, its state, the verifier: whoever lacks one of them changes nothing, not
even by `?error=`. Only then comes what Okta says, and the first return that gets there is the only one that redeems.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from dataclasses import dataclass

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from native_bridge import schemas
from native_bridge.admitting import Arrival, admit_by_okta, admit_by_page, demand_code
from native_bridge.answering import AGAIN_SECONDS
from native_bridge.bridge import Bridge
from native_bridge.deep_links import DeepLink, is_web_state, login_state, parse_link, read_login_return
from native_bridge.trying import answer_trial
from portal import logins
from portal.attempts import unseal_native_attempt
from portal.errors import Problem, Refused
from portal.login_stages import stage_of
from portal.metrics import LOGINS
from portal.okta.attempt import Attempt
from portal.okta.callback import Code, InteractionCode, Resume
from portal.sealing import SealBroken
from portal.store.native_attempts import (
    NativeAttempt,
    claim_current_return,
    claim_return,
    fail_attempt,
    find_native_attempt,
    reopen_attempt,
)
from portal.store.sessions import hash_id
from portal.trials import is_trial_state

_UNDER_WAY_SECONDS = 12
_GOES_ON = "op_interaction_required"  # The app's own form has more to ask.
_WAITING = threading.BoundedSemaphore(8)
_MOMENT, _PATIENCE = 0.5, 3.0  # seconds
_REFUSALS = 300  # a minute, of one organization from one network
# What a stranger can cause, and what leaves the login as it is.
_NOT_OVER = frozenset(
    {
        Problem.DEEP_LINK_INVALID,
        Problem.ATTEMPT_UNKNOWN,
        Problem.ATTEMPT_EXPIRED,
        Problem.ATTEMPT_USED,
        Problem.LOGIN_UNDER_WAY,
        Problem.UNAVAILABLE,
    }
)


@dataclass(frozen=True, slots=True)
class Return:
    """A deep link that belongs to this app's login: what was sent, and the attempt it found."""

    link_hash: bytes
    known: NativeAttempt
    attempt: Attempt
    came_back: Code | InteractionCode


def complete(bridge: Bridge, sent: schemas.Complete, arrival: Arrival) -> schemas.Tokens:
    """POINT's tokens for the person whom this deep link brings back; the same link and verifier get the same answer
    for 30 seconds.

    Raises Refused. Nothing is used up by DEEP_LINK_INVALID, ATTEMPT_UNKNOWN (a wrong verifier included),
    LOGIN_REQUIRED_AT_OKTA, and by an Okta that is away before it has been asked for tokens.
    """
    services = bridge.services
    link = parse_link(sent.deep_link, scheme=services.settings.native_scheme, app_link=bridge.app_link)
    state = login_state(link)
    if is_trial_state(state):
        answer_trial(bridge, link, state, reference=arrival.reference)
    link_hash = hashlib.sha256(sent.deep_link.encode("utf-8", "surrogatepass")).digest()
    known = _find(bridge, state, sent.code_verifier)
    _demand_calm(bridge, known, arrival)
    if known.status in ("returned", "completed", "failed"):
        return _second_time(bridge, known, link_hash)
    attempt = unseal_native_attempt(services, known)
    with services.door.within(logins.OKTA_SECONDS):
        requires_iss = known.flow == "page" or services.providers.load(attempt.issuer).requires_iss
        try:
            came_back = _read(bridge, known, attempt, link, requires_iss=requires_iss)
        except Refused as refused:
            _end(bridge, known, attempt, refused, arrival, link_hash=link_hash)
            raise
        if known.flow == "page":
            # A link of an earlier page of ours, or a guess: the login stays open for the right one.
            demand_code(known, came_back, services.now())
        return _redeem(bridge, Return(link_hash, known, attempt, came_back), arrival)


def _read(
    bridge: Bridge, known: NativeAttempt, attempt: Attempt, link: DeepLink, *, requires_iss: bool
) -> Code | InteractionCode:
    now, seconds = bridge.services.now(), bridge.services.settings.attempt_seconds
    came_back = read_login_return(link, attempt, requires_iss=requires_iss, now=now, seconds=seconds)
    if isinstance(came_back, Resume):
        raise Refused(Problem.LOGIN_REQUIRED_AT_OKTA, _GOES_ON)
    if isinstance(came_back, InteractionCode) != (known.flow == "embedded"):
        raise Refused(Problem.DEEP_LINK_INVALID, "wrong_flow")
    return came_back


def _find(bridge: Bridge, state: str, code_verifier: str) -> NativeAttempt:
    with bridge.services.db.reading() as connection:
        known = find_native_attempt(connection, hash_id(state))
    if known is None:
        raise Refused(Problem.ATTEMPT_UNKNOWN, "wrong_flow" if is_web_state(state) else "unknown_state")
    if known.purpose != "login":
        raise Refused(Problem.ATTEMPT_UNKNOWN, "wrong_flow")
    challenge = create_s256_code_challenge(code_verifier)
    if not hmac.compare_digest(challenge.encode(), known.code_challenge.encode()):
        # Another app, or another person's phone: the login stays open for the one that began it.
        raise Refused(Problem.ATTEMPT_UNKNOWN, "state_other_device")
    return known


def _redeem(bridge: Bridge, found: Return, arrival: Arrival) -> schemas.Tokens:
    """Claims the return and goes on to Okta, or to whom the portal's own page handed out the code."""
    services, known, attempt = bridge.services, found.known, found.attempt
    # The first token of all makes the first key, which writes: not inside the transaction that opens the session.
    bridge.keys.signing()
    if not _claim(bridge, found):
        return _not_claimed(bridge, found, arrival)
    who = ""
    try:
        if known.flow == "page":
            answer = admit_by_page(bridge, known, found.came_back, arrival)
        else:
            proof = logins.prove_person(services, attempt, found.came_back)
            who = proof.profile.email
            answer = admit_by_okta(bridge, known, attempt, proof, arrival)
    except Refused as refused:
        if known.flow == "page" and refused.problem is Problem.UNAVAILABLE:
            _reopen(bridge, known)
            raise
        over = _over_by(refused)
        _end(bridge, known, attempt, over, arrival, who=who)
        raise over from refused
    except Exception:
        _end(bridge, known, attempt, Refused(Problem.INTERNAL), arrival)
        raise
    LOGINS.labels("phone", "ok").inc()
    return answer


def _over_by(refused: Refused) -> Refused:
    """A code that was sent once is not sent again: what may be over in a moment ends this login all the same."""
    if refused.problem in (Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY, Problem.UNAVAILABLE):
        return Refused(Problem.OKTA_ERROR, refused.reason, refused.detail)
    return refused


def _not_claimed(bridge: Bridge, found: Return, arrival: Arrival) -> schemas.Tokens:
    """Another return was faster, or the settings are no longer those that the login began with."""
    with bridge.services.db.reading() as connection:
        again = find_native_attempt(connection, found.known.state_hash)
    if again is not None and again.status in ("created", "opened"):
        try:
            logins.demand_unchanged(logins.find_current(bridge.services, found.attempt), found.attempt)
        except Refused as refused:
            _end(bridge, found.known, found.attempt, refused, arrival, link_hash=found.link_hash)
            raise
    return _second_time(bridge, found.known, found.link_hash)


def _claim(bridge: Bridge, found: Return) -> bool:
    attempt, key, now = found.attempt, found.known.state_hash, bridge.services.now()
    with bridge.services.db.single() as connection:
        if found.known.flow == "page":
            return claim_return(connection, key, link_hash=found.link_hash, now=now)
        return claim_current_return(
            connection,
            key,
            link_hash=found.link_hash,
            organization_id=attempt.organization_id,
            integration_id=attempt.integration_id,
            version=attempt.integration_version,
            now=now,
        )


def _second_time(bridge: Bridge, known: NativeAttempt, link_hash: bytes) -> schemas.Tokens:
    """The same link again, or another link for a login that is over: what was said is said again, once for both.

    Raises Refused(ATTEMPT_USED) for another link or a late one, LOGIN_UNDER_WAY when the first is still at Okta.
    """
    began, place = time.monotonic(), False
    try:
        while True:
            now = bridge.services.now()
            with bridge.services.db.reading() as connection:
                found = find_native_attempt(connection, known.state_hash)
            if found is None or found.link_hash is None or not hmac.compare_digest(found.link_hash, link_hash):
                raise Refused(Problem.ATTEMPT_USED, "state_used")
            if found.status != "returned":
                return _answer_again(bridge, found, now)
            if now - (found.returned_at or 0) > _UNDER_WAY_SECONDS:
                raise Refused(Problem.ATTEMPT_USED, "state_used", "its first return was cut off")
            # A moment costs nobody anything; longer, only a few may wait, or one slow Okta would take every thread.
            waited = time.monotonic() - began
            if waited > _MOMENT and not place:
                place = _WAITING.acquire(blocking=False)
            if waited > _PATIENCE or (waited > _MOMENT and not place):
                raise Refused(Problem.LOGIN_UNDER_WAY)
            time.sleep(0.02)
    finally:
        if place:
            _WAITING.release()


def _answer_again(bridge: Bridge, found: NativeAttempt, now: int) -> schemas.Tokens:
    if found.failure:
        code, _, reason = found.failure.partition(":")
        raise Refused(Problem[code.upper()], reason, "again")
    if found.answer is None or now - (found.ended_at or 0) > AGAIN_SECONDS:
        raise Refused(Problem.ATTEMPT_USED, "state_used")
    try:
        kept = bridge.services.sealer.unseal("native-answer", found.answer, found.state_hash)
    except SealBroken as exc:
        raise Refused(Problem.ATTEMPT_USED, "state_used", "answer_unreadable") from exc
    return msgspec.json.decode(kept, type=schemas.Tokens)


def _reopen(bridge: Bridge, known: NativeAttempt) -> None:
    with bridge.services.db.writing() as connection:
        reopen_attempt(connection, known.state_hash)


def _whose(known: NativeAttempt, arrival: Arrival) -> str:
    """The same key as the web's: from there logins of this organization keep coming back refused."""
    return f"{known.organization_id} {arrival.network}"


def _demand_calm(bridge: Bridge, known: NativeAttempt, arrival: Arrival) -> None:
    if bridge.limits.is_restless(_whose(known, arrival)):
        raise Refused(Problem.TOO_MANY, "refused_callback")


def _end(
    bridge: Bridge,
    known: NativeAttempt,
    attempt: Attempt,
    refused: Refused,
    arrival: Arrival,
    link_hash: bytes | None = None,
    who: str = "",
) -> None:
    """The login is over, unless a stranger could have sent this or it may work in a moment; written down once.

    link_hash -- of a return that has not been claimed yet. who -- the address for which Okta had vouched by then.
    """
    if refused.problem in _NOT_OVER or refused.reason == _GOES_ON:
        return
    services, now = bridge.services, bridge.services.now()
    failure = f"{refused.problem.code}:{refused.reason}"[:100]
    with services.db.writing() as connection:
        if link_hash is not None and not claim_return(connection, known.state_hash, link_hash=link_hash, now=now):
            return
        failed = fail_attempt(connection, known.state_hash, failure=failure, now=now)
    if failed:
        LOGINS.labels("phone", "refused").inc()
        if attempt.organization_id and bridge.limits.count_refusal(_whose(known, arrival), count=_REFUSALS):
            stage = stage_of(refused.problem, refused.reason, claimed=link_hash is None)
            told = {"reference": arrival.reference, "app": attempt.app, "stage": stage, "device": arrival.device}
            logins.record_refusal(services, attempt.organization_id, refused, who=who, **told)
