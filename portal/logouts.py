"""Signing out at Okta, for somebody who has logged out of POINT: where to send the browser.

Knows no Flask; web and phone share it. POINT's own session is over before any of this, and never waits for it. Every
other end of a session, and the logout that leaves Okta alone, gives its tokens back behind the page (`giving_back.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal import logins
from portal.errors import Refused
from portal.giving_back import start_giving_back
from portal.logs import LOGGER
from portal.metrics import REFUSALS
from portal.okta.logout import logout_url
from portal.okta.metadata import Provider
from portal.okta.tokens import revoke
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.left_tokens import forget_left_by
from portal.store.okta_logins import find_login_by_integration

OKTA_SECONDS = 3.0
# So long after a logout that leads on to Okta the page itself is at it, before anybody else tries.
BY_PAGE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Left:
    """What Okta's sign-out needs of a session that is over: the hash of its id, its integration, its sealed tokens."""

    id_hash: bytes
    integration_id: int
    sealed: bytes


def left_by(id_hash: bytes, integration_id: int | None, sealed: bytes | None) -> Left | None:
    """What a session that is over leaves at Okta; None for one that did not come from there."""
    return Left(id_hash, integration_id, sealed) if integration_id is not None and sealed is not None else None


def leave_okta(
    services: Services, left: Left, *, returns: Mapping[str, tuple[str, str]]
) -> tuple[str, str] | None:
    """(Okta's sign-out address, the app it is for) for this session, after its refresh token has been revoked; one that
    Okta does not take now is tried again behind the page.

    returns -- for the app ("spa", "native") that got the tokens: where Okta sends people back, and with which state
    (RP-Initiated Logout section 2).
    None when Okta has been deleted, is away or has no such thing.
    """
    try:
        tokens = logins.read_tokens(services, left.id_hash, left.sealed)
    except SealBroken:
        return None
    app = tokens.get("app", "spa")
    with services.db.reading() as connection:
        login = find_login_by_integration(connection, left.integration_id, app)
    if login is None:
        return None
    try:
        with services.door.within(OKTA_SECONDS):
            provider = services.providers.load(login.issuer)
            _revoke(services, provider, login.client_id, left, tokens.get("refresh_token"))
    except Refused as refused:
        _note(refused)
        start_giving_back(services)
        return None
    uri, state = returns[app]
    url = logout_url(provider, id_token_hint=tokens["id_token"], post_logout_redirect_uri=uri, state=state)
    return (url, app) if url else None


def _revoke(
    services: Services, provider: Provider, client_id: str, left: Left, refresh_token: str | None
) -> None:
    """The refresh token is of no use now. If Okta does not take it back, signing out goes on all the same."""
    if not refresh_token:
        return
    try:
        revoke(services.door, provider, client_id=client_id, token=refresh_token, hint="refresh_token")
    except Refused as refused:
        _note(refused)
        start_giving_back(services)
        return
    with services.db.single() as connection:
        forget_left_by(connection, left.id_hash, left.sealed)


def _note(refused: Refused) -> None:
    REFUSALS.labels(refused.problem.code, refused.reason).inc()
    event = {"code": refused.problem.code, "reason": refused.reason, "detail": refused.detail[:300]}
    LOGGER.warning("refused", extra={"event": event})
