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
from portal.okta.attempt import Attempt
from portal.okta.id_token import check_id_token
from portal.okta.tokens import Tokens, fetch_userinfo, redeem_code
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.integrations import Login, find_login_by_integration
from portal.store.members import Admitted, Profile, admit_person
from portal.store.organizations import email_domain
from portal.store.sessions import claim_attempt, claim_current, end_session, hash_id, open_session


@dataclass(frozen=True, slots=True)
class Proof:
    """A person whom Okta has vouched for, with the tokens that came along."""

    profile: Profile
    tokens: Tokens


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
        _demand_unchanged(find_current(services, attempt), attempt.organization_id, attempt.integration_version)
    return claimed


def prove_person(services: Services, attempt: Attempt, code: str) -> Proof:
    """Redeems the code at the issuer that the login began with, and checks everything that comes back.

    Raises Refused: nobody is logged in without a verified ID token and an e-mail address.
    """
    provider = services.providers.load(attempt.issuer)
    tokens = redeem_code(
        services.door,
        provider,
        client_id=attempt.client_id,
        code=code,
        redirect_uri=attempt.redirect_uri,
        code_verifier=attempt.code_verifier,
    )
    claims = check_id_token(
        tokens.id_token or "",
        key=lambda kid, algorithm: services.providers.key(provider, kid, algorithm),
        algorithms=provider.algorithms,
        issuer=attempt.issuer,
        client_id=attempt.client_id,
        nonce=attempt.nonce,
        now=services.clock(),
        access_token=tokens.access_token,
        code=code,
    )
    if not isinstance(claims.get("email"), str) and provider.userinfo_endpoint:
        more = fetch_userinfo(services.door, provider, access_token=tokens.access_token, subject=claims["sub"])
        # The address and whether it is verified come from one source, or the one could vouch for the other.
        claims = {"name": claims.get("name"), **more, "iss": claims["iss"], "sub": claims["sub"]}
    return Proof(read_profile(claims), tokens)


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
) -> Admitted:
    """Admits the person and opens their session, in one transaction: either all of it happened or nothing.

    replaced -- the id of the session that this browser had before; it ends.
    Raises Refused as `admit_person` does, and SETTINGS_CHANGED when an owner was faster than Okta: deleting or moving
    the integration ends its sessions, so that none may begin after that.
    """
    try:
        return _open(services, attempt, proof, session_id, reference, replaced)
    except IntegrityError:
        # The same person came in twice at the same time and the other one was first: now they are known.
        return _open(services, attempt, proof, session_id, reference, replaced)


def record_refusal(
    services: Services, organization_id: int, refused: Refused, *, reference: str, who: str = ""
) -> None:
    """Puts a login that was turned down into the organization's activity, where its owner finds it by the reference."""
    about = {"code": refused.problem.code, "reason": refused.reason, "method": "okta"}
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


def end_refused(services: Services, attempt: Attempt, refused: Refused, *, reference: str, claimed: bool) -> None:
    """An attempt that was turned down is over on every node, and written down once however often it comes back.

    claimed -- whether this very return had claimed the attempt before it was refused.
    """
    if not claimed:
        with services.db.writing() as connection:
            claimed = claim_attempt(connection, attempt.state, now=services.now())
    if claimed:
        record_refusal(services, attempt.organization_id, refused, reference=reference)


def read_tokens(services: Services, session_id: bytes, sealed: bytes) -> dict[str, str]:
    """{"id_token": ..., "refresh_token": ...} as kept for a session. Raises sealing.SealBroken."""
    found: dict[str, str] = json.loads(services.sealer.unseal("tokens", sealed, session_id))
    return found


def keep_id_token(services: Services, session_id: bytes, sealed: bytes) -> bytes | None:
    """The sealed tokens of a session without the refresh token; None when they cannot be opened."""
    try:
        id_token = read_tokens(services, session_id, sealed)["id_token"]
    except SealBroken:
        return None
    return services.sealer.seal("tokens", json.dumps({"id_token": id_token}).encode(), session_id)


def _demand_unchanged(login: Login | None, organization_id: int, version: int) -> None:
    if login is None or login.organization_id != organization_id:
        raise Refused(Problem.SETTINGS_CHANGED, "integration_deleted")
    if login.version != version:
        raise Refused(Problem.SETTINGS_CHANGED, "integration_version")


def _open(
    services: Services,
    attempt: Attempt,
    proof: Proof,
    session_id: str,
    reference: str,
    replaced: str | None,
) -> Admitted:
    now = services.now()
    kept = {"id_token": proof.tokens.id_token, "refresh_token": proof.tokens.refresh_token}
    sealed = services.sealer.seal("tokens", json.dumps(kept).encode(), hash_id(session_id))
    with services.db.writing() as connection:
        current = find_login_by_integration(connection, attempt.integration_id, hold=True)
        _demand_unchanged(current, attempt.organization_id, attempt.integration_version)
        admitted = admit_person(connection, attempt.organization_id, proof.profile, now=now)
        if replaced:
            end_session(connection, hash_id(replaced), why="replaced", now=now)
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
        )
        record_event(
            connection,
            attempt.organization_id,
            who=proof.profile.email,
            what="login.joined" if admitted.joined else "login",
            now=now,
            reference=reference,
            about={"method": "okta"},
        )
    return admitted
