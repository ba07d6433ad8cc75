"""A session proves itself at Okta from time to time: its refresh token is used, and what Okta says of it counts.

Knows no Flask. One caller at a time does it for a session, over all threads, workers and nodes: the lease is one
UPDATE, and shorter than the 30 seconds in which Okta takes the same refresh token again after a lost answer. The new
token is stored before anything else happens.
"""

from __future__ import annotations

import json
import time
from typing import Any

from portal import logins
from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.okta.id_token import check_id_token
from portal.okta.tokens import Tokens, refresh
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.okta_logins import Login, find_login_by_integration
from portal.store.proving import Due, find_proof, keep_proof, take_lease
from portal.store.sessions import end_session

OKTA_SECONDS = 5.0
AWAY_SECONDS = 3600  # How long people stay in while their Okta does not answer.
_WAIT_SECONDS = 1.0
# What Okta says about the person, not about the moment.
_OVER = frozenset(
    {Problem.REFRESH_REFUSED, Problem.ID_TOKEN_REFUSED, Problem.LOGIN_NOT_ASSIGNED, Problem.LOGIN_POLICY}
)


def prove_again(
    services: Services, id_hash: bytes, *, sealed_tokens: bytes | None, proved_at: int, reference: str
) -> None:
    """Asks Okta about a session whose last proof is older than POINT_RECHECK_SECONDS, unless somebody else is at it.

    sealed_tokens -- the session's; without a refresh token among them there is nothing to ask with.
    Raises Refused(TOKEN_REFUSED, okta_ended) when Okta has ended it, which ends it here, and OKTA_UNREACHABLE when the
    last proof is older than an hour beyond that and Okta does not answer.
    """
    now = services.now()
    if now - proved_at < services.settings.recheck_seconds or not _can_prove(services, id_hash, sealed_tokens):
        return
    with services.db.writing() as connection:
        due = take_lease(connection, id_hash, now=now, proved_before=now - services.settings.recheck_seconds)
    if due is None:
        if _is_overdue(services, proved_at):
            _wait(services, id_hash, proved_at)
        return
    with services.db.reading() as connection:
        kept = logins.read_tokens(services, id_hash, due.sealed_tokens)
        login = find_login_by_integration(connection, due.integration_id, kept.get("app", "spa"))
    if login is not None:
        _ask(services, due, login, kept, proved_at=proved_at, reference=reference)


def _can_prove(services: Services, id_hash: bytes, sealed_tokens: bytes | None) -> bool:
    try:
        return bool(sealed_tokens and logins.read_tokens(services, id_hash, sealed_tokens).get("refresh_token"))
    except SealBroken:
        return False


def _is_overdue(services: Services, proved_at: int) -> bool:
    return services.now() - proved_at > AWAY_SECONDS + services.settings.recheck_seconds


def _wait(services: Services, id_hash: bytes, proved_at: int) -> None:
    """Somebody else is asking, or has just asked in vain: goes on only with a new proof, or the end of the session."""
    patience = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < patience:
        with services.db.reading() as connection:
            if find_proof(connection, id_hash) != proved_at:
                return
        time.sleep(0.05)
    raise Refused(Problem.OKTA_UNREACHABLE, "proof_overdue")


def _ask(
    services: Services, due: Due, login: Login, kept: dict[str, Any], *, proved_at: int, reference: str
) -> None:
    try:
        with services.door.within(OKTA_SECONDS):
            tokens = _refresh(services, due, login, kept["refresh_token"])
    except Refused as refused:
        event = {"code": refused.problem.code, "reason": refused.reason, "reference": reference}
        LOGGER.info("a session could not prove itself", extra={"event": event})
        if refused.problem in _OVER:
            _end(services, due, refused, reference)
            raise Refused(Problem.TOKEN_REFUSED, "okta_ended", refused.reason) from refused
        if _is_overdue(services, proved_at):
            raise Refused(Problem.OKTA_UNREACHABLE, refused.reason) from refused
        return
    content = {**kept, "refresh_token": tokens.refresh_token, "id_token": tokens.id_token or kept["id_token"]}
    sealed = services.sealer.seal("tokens", json.dumps(content).encode(), due.id_hash)
    with services.db.single() as connection:
        keep_proof(connection, due.id_hash, sealed_tokens=sealed, now=services.now())


def _refresh(services: Services, due: Due, login: Login, refresh_token: str) -> Tokens:
    """RFC 6749 section 6; an ID token that comes along is of the same issuer and person (OIDC Core 12.2)."""
    provider = services.providers.load(login.issuer)
    tokens = refresh(
        services.door, provider, client_id=login.client_id, refresh_token=refresh_token, scope=login.scope
    )
    if tokens.id_token:
        check_id_token(
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
    return tokens


def _end(services: Services, due: Due, refused: Refused, reference: str) -> None:
    now = services.now()
    with services.db.writing() as connection:
        if end_session(connection, due.id_hash, why="okta_ended", now=now):
            about = {"code": refused.problem.code, "reason": refused.reason, "kind": due.kind}
            record_event(
                connection,
                due.organization_id,
                who=due.email,
                what="session.okta_ended",
                now=now,
                reference=reference,
                about=about,
            )
