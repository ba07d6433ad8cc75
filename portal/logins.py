"""What a login does once Okta has sent somebody back: redeem, check, and open POINT's door. Web and phone share it.

Knows no Flask. The steps, in this order, each refusing by itself:
    claim            the settings are still those this login began with, and this return is the first, on any node
    prove_person     code -> tokens -> checked ID token -> who it is
    admit            (issuer, sub) -> account, by the rules of `store.members`
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from portal.errors import Problem, Refused
from portal.login_stages import stage_of
from portal.okta.attempt import Attempt
from portal.okta.callback import Code, InteractionCode
from portal.okta.id_token import check_id_token
from portal.okta.metadata import Provider
from portal.okta.tokens import Tokens, redeem_code, redeem_interaction_code
from portal.okta_groups import complete_claims, ends_owner, follow
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.group_roles import Groups
from portal.store.member_list import hold_members
from portal.store.members import Admitted, Profile, admit_person
from portal.store.okta_logins import Login, find_login_by_integration
from portal.store.organizations import email_domain
from portal.store.sessions import (
    ABSOLUTE_SECONDS,
    UNPROVED_SECONDS,
    claim_attempt,
    claim_current,
    end_session,
    hash_id,
    open_session,
)

MAX_SID = 255  # characters
OKTA_SECONDS = 9.0  # For all calls of one request of a login together; the page has to be there within ten.


@dataclass(frozen=True, slots=True)
class Proof:
    """A person whom Okta has vouched for, with the tokens that came along.

    session_ends_at -- epoch seconds after which Okta itself wants the person to sign in again, where it says so.
    signed_in_at -- when they last did (`auth_time`), and sid -- what Okta calls that session; None where it says none.
    groups -- what decides on their role; None where nothing does, or where it could not be found out.
    """

    profile: Profile
    tokens: Tokens
    session_ends_at: int | None = None
    signed_in_at: int | None = None
    sid: str | None = None
    groups: Groups | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session is opened, as its owner sees it in a list: "Firefox, Windows", and an address without its last
    part."""

    device: str = ""
    network: str = ""


def seconds_left(proof: Proof, *, most: int, now: int) -> int:
    """How long a session may last: `most` seconds, or less where Okta wants the person back earlier or has given us
    nothing to ask it with whether they may still come in.

    Raises Refused(LOGIN_REQUIRED_AT_OKTA) when that time is over already.
    """
    if proof.tokens.refresh_token is None:
        most = min(most, UNPROVED_SECONDS)
    if proof.session_ends_at is None:
        return most
    left = min(most, proof.session_ends_at - now)
    if left <= 0:
        raise Refused(Problem.LOGIN_REQUIRED_AT_OKTA, "session_over_at_okta")
    return left


def find_current(services: Services, attempt: Attempt) -> Login | None:
    """The organization's Okta settings, if they are still those that the login began with."""
    with services.db.reading() as connection:
        login = find_login_by_integration(connection, attempt.integration_id)
    return login if login and login.organization_id == attempt.organization_id else None


def claim(services: Services, attempt: Attempt) -> bool:
    """True for the one return that may redeem the code.

    Raises Refused(SETTINGS_CHANGED) when the settings are no longer the ones that the login began with: the code then
    goes nowhere.
    """
    with services.db.single() as connection:
        claimed = claim_current(
            connection,
            attempt.state,
            organization_id=attempt.organization_id,
            integration_id=attempt.integration_id,
            version=attempt.integration_version,
            now=services.now(),
        )
    if not claimed:
        demand_unchanged(find_current(services, attempt), attempt)
    return claimed


def prove_person(services: Services, attempt: Attempt, came_back: Code | InteractionCode) -> Proof:
    """Redeems the code at the issuer that the login began with, and checks everything that comes back.

    Raises Refused: nobody is logged in without a verified ID token and an e-mail address.
    """
    provider = services.providers.load(attempt.issuer)
    tokens = _redeem(services, provider, attempt, came_back)
    claims = check_id_token(
        tokens.id_token or "",
        key=lambda kid, algorithm: services.providers.key(provider, kid, algorithm),
        algorithms=provider.algorithms,
        issuer=attempt.issuer,
        client_id=attempt.client_id,
        nonce=attempt.nonce,
        now=services.clock(),
        access_token=tokens.access_token,
        code=came_back.code if isinstance(came_back, Code) else came_back.interaction_code,
    )
    ends_at, signed_in_at, sid = (claims.get(name) for name in ("session_expiry", "auth_time", "sid"))
    claims, groups = complete_claims(services, provider, tokens, claims, attempt.groups_claim)
    return Proof(
        read_profile(claims),
        tokens,
        ends_at if type(ends_at) is int else None,
        # An Okta whose clock is ahead makes nobody younger than they are.
        min(signed_in_at, services.now()) if type(signed_in_at) is int else None,
        sid if isinstance(sid, str) and 0 < len(sid) <= MAX_SID else None,
        groups,
    )


def read_profile(claims: dict[str, Any]) -> Profile:
    """Who it is, out of checked claims. Raises Refused(EMAIL_MISSING, EMAIL_NOT_VERIFIED)."""
    email = claims.get("email")
    if not isinstance(email, str) or not email_domain(email) or len(email) > 254:
        raise Refused(Problem.EMAIL_MISSING)
    if claims.get("email_verified", True) is not True:
        raise Refused(Problem.EMAIL_NOT_VERIFIED)
    name = claims.get("name")
    shown = " ".join(name.split())[:200] if isinstance(name, str) else ""
    return Profile(claims["iss"], claims["sub"], email.strip().lower(), shown or email)


def open_okta_session(
    services: Services,
    attempt: Attempt,
    proof: Proof,
    *,
    session_id: str,
    reference: str,
    replaced: str | None,
    place: Place = Place(),
) -> Admitted:
    """Admits the person and opens their session, in one transaction: either all of it happened or nothing.

    replaced -- the id of the session that this browser had before; it ends. place -- where the browser is.
    Raises Refused as `admit_person` does, and SETTINGS_CHANGED when an owner was faster than Okta: deleting or moving
    the integration ends its sessions, so that none may begin after that.
    """
    try:
        return _open(services, attempt, proof, session_id, reference, replaced, place)
    except IntegrityError:
        # The same person came in twice at the same time and the other one was first: now they are known.
        return _open(services, attempt, proof, session_id, reference, replaced, place)


def record_refusal(
    services: Services,
    organization_id: int,
    refused: Refused,
    *,
    reference: str,
    app: str,
    stage: str,
    device: str,
    who: str = "",
) -> None:
    """Puts a login that was turned down into the organization's activity, where its owner finds it by the reference.

    app -- "spa" or "native"; stage -- how far it had come, of `login_stages.STAGES`; device -- as lists of sessions
    call it; who -- the address for which Okta had vouched by then.
    """
    about = {"code": refused.problem.code, "reason": refused.reason, "method": "okta", "app": app, "stage": stage}
    about |= {"device": device} if device else {}
    with services.db.writing() as connection:
        record_event(
            connection,
            organization_id,
            who=who,
            what="login.refused",
            now=services.now(),
            reference=reference,
            about=about,
        )


def end_refused(
    services: Services, attempt: Attempt, refused: Refused, *, reference: str, claimed: bool, device: str, who: str = ""
) -> bool:
    """An attempt that was turned down is over on every node, and written down once however often it comes back; whether
    it was this time, so that the reference finds it.

    claimed -- whether this very return had claimed the attempt before it was refused.
    who     -- the address of the person, where Okta had vouched for somebody by then.
    """
    stage, first = stage_of(refused.problem, refused.reason, claimed=claimed), claimed
    if not first:
        with services.db.writing() as connection:
            first = claim_attempt(connection, attempt.state, now=services.now())
    if first:
        told = {"reference": reference, "app": attempt.app, "stage": stage, "device": device, "who": who}
        record_refusal(services, attempt.organization_id, refused, **told)
    return first


def read_tokens(services: Services, session_id: bytes, sealed: bytes) -> dict[str, str]:
    """{"id_token": ..., "refresh_token": ..., "app": ..., "scope": ...} as kept. Raises sealing.SealBroken."""
    found: dict[str, str] = json.loads(services.sealer.unseal("tokens", sealed, session_id))
    return found


def keep_id_token(
    services: Services, session_id: bytes, sealed: bytes, for_session: bytes | None = None
) -> bytes | None:
    """The sealed tokens of a session without the refresh token, for itself or for another session; None when they
    cannot be opened."""
    try:
        tokens = read_tokens(services, session_id, sealed)
    except SealBroken:
        return None
    kept = {"id_token": tokens["id_token"], "app": tokens.get("app", "spa")}
    return services.sealer.seal("tokens", json.dumps(kept).encode(), for_session or session_id)


def demand_unchanged(login: Login | None, attempt: Attempt) -> None:
    """Raises Refused(SETTINGS_CHANGED) when the settings are no longer those that the login began with."""
    if login is None or login.organization_id != attempt.organization_id:
        raise Refused(Problem.SETTINGS_CHANGED, "integration_deleted")
    if login.version != attempt.integration_version:
        raise Refused(Problem.SETTINGS_CHANGED, "integration_version")


def seal_tokens(services: Services, session_hash: bytes, proof: Proof, attempt: Attempt) -> bytes:
    """Okta's tokens as they are kept for a session, with the app ("spa" or "native") to which Okta gave them, the scope
    that a refresh may ask for, no more than the login was granted (RFC 6749 section 6), and the claim that has named
    the person's groups, or of which nobody could find out: where it is missing later, they are in none."""
    tokens = proof.tokens
    granted = [name for name in attempt.scope.split() if not tokens.scope or name in tokens.scope]
    kept = {"id_token": tokens.id_token, "refresh_token": tokens.refresh_token, "app": attempt.app}
    kept |= {"scope": " ".join(granted)}
    if attempt.groups_claim and (proof.groups is None or not proof.groups.missing):
        kept |= {"groups_claim": attempt.groups_claim}
    return services.sealer.seal("tokens", json.dumps(kept).encode(), session_hash)


def _redeem(services: Services, provider: Provider, attempt: Attempt, came_back: Code | InteractionCode) -> Tokens:
    if isinstance(came_back, InteractionCode):
        return redeem_interaction_code(
            services.door,
            provider,
            client_id=attempt.client_id,
            interaction_code=came_back.interaction_code,
            code_verifier=attempt.code_verifier,
        )
    return redeem_code(
        services.door,
        provider,
        client_id=attempt.client_id,
        code=came_back.code,
        redirect_uri=attempt.redirect_uri,
        code_verifier=attempt.code_verifier,
    )


def _open(
    services: Services,
    attempt: Attempt,
    proof: Proof,
    session_id: str,
    reference: str,
    replaced: str | None,
    place: Place,
) -> Admitted:
    now = services.now()
    sealed = seal_tokens(services, hash_id(session_id), proof, attempt)
    held = ends_owner(services, attempt, proof.profile, proof.groups)
    with services.db.writing() as connection:
        if held:
            hold_members(connection, attempt.organization_id)
        current = find_login_by_integration(connection, attempt.integration_id, hold=True)
        demand_unchanged(current, attempt)
        admitted = admit_person(connection, attempt.organization_id, proof.profile, now=now)
        admitted = follow(
            connection, current, attempt, proof.profile, proof.groups, admitted, now=now, reference=reference, held=held
        )
        open_session(
            connection,
            attempt.organization_id,
            session_id=session_id,
            user_id=admitted.user_id,
            method="okta",
            now=now,
            identity_id=admitted.identity_id,
            integration_id=attempt.integration_id,
            integration_version=attempt.integration_version,
            sealed_tokens=sealed,
            device=place.device,
            network=place.network,
            okta_sid=proof.sid,
            signed_in_at=proof.signed_in_at,
            seconds=seconds_left(proof, most=ABSOLUTE_SECONDS, now=now),
        )
        if replaced:
            # Behind the opening, which waits for whoever ends all sessions of the person: nobody has a hold of a
            # session while they wait for that (`store/session_ends.py`).
            end_session(connection, hash_id(replaced), why="replaced", now=now)
        record_event(
            connection,
            attempt.organization_id,
            who=proof.profile.email,
            what="login.joined" if admitted.joined else "login",
            now=now,
            reference=reference,
            about={"method": "okta", **({"device": place.device} if place.device else {})},
        )
    return admitted
