"""The end of a session at Okta: its refresh token is taken back, and the browser is told where to sign out.

Knows no Flask; web and phone share it. POINT's own session is over before any of this, and never waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from portal import logins
from portal.errors import Refused
from portal.logs import LOGGER
from portal.metrics import REFUSALS
from portal.okta.logout import logout_url
from portal.okta.metadata import Provider
from portal.okta.tokens import revoke
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.okta_logins import find_login_by_integration

OKTA_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Left:
    """What Okta's sign-out needs of a session that is over: the hash of its id, its integration, its sealed tokens."""

    id_hash: bytes
    integration_id: int
    sealed: bytes


def left_by(id_hash: bytes, integration_id: int | None, sealed: bytes | None) -> Left | None:
    """What a session that is over leaves at Okta; None for one that did not come from there."""
    return Left(id_hash, integration_id, sealed) if integration_id is not None and sealed is not None else None


def give_back(services: Services, left: Left | None) -> None:
    """Gives Okta its refresh token back, where nobody is going to sign out there."""
    if left is not None:
        leave_okta(services, left, returns={}, only_revoke=True)


def give_back_behind(services: Services, *given: Left | None) -> None:
    """The same after the page has been answered, for as many as there are. If too much is under way already, Okta's
    tokens die of disuse: POINT's sessions are over in any case."""
    by_integration: dict[int, list[Left]] = {}
    for each in filter(None, given):
        by_integration.setdefault(each.integration_id, []).append(each)
    for integration_id, left in by_integration.items():
        try:
            # One thread for each Okta, so that a slow one keeps nobody else waiting.
            name = f"give-back-{integration_id}"
            owner = ("integration", integration_id)
            services.background.stand_in_line(name, left, partial(_give_all_back, services), owner=owner)
        except Refused as refused:
            _note(refused)


def _give_all_back(services: Services, left: list[Left]) -> None:
    for each in left:
        give_back(services, each)


def leave_okta(
    services: Services, left: Left, *, returns: Mapping[str, tuple[str, str]], only_revoke: bool = False
) -> tuple[str, str] | None:
    """(Okta's sign-out address, the app it is for) for this session, after its refresh token has been revoked.

    returns -- for the app ("spa", "native") that got the tokens: where Okta sends people back, and with which state
    (RP-Initiated Logout section 2). only_revoke -- nobody is going to open the address.
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
            _revoke(services, provider, login.client_id, tokens.get("refresh_token"))
    except Refused as refused:
        _note(refused)
        return None
    if only_revoke:
        return None
    uri, state = returns[app]
    url = logout_url(provider, id_token_hint=tokens["id_token"], post_logout_redirect_uri=uri, state=state)
    return (url, app) if url else None


def _revoke(services: Services, provider: Provider, client_id: str, refresh_token: str | None) -> None:
    """The refresh token is of no use now. If Okta does not take it back, signing out goes on all the same."""
    if not refresh_token:
        return
    try:
        revoke(services.door, provider, client_id=client_id, token=refresh_token, hint="refresh_token")
    except Refused as refused:
        _note(refused)


def _note(refused: Refused) -> None:
    REFUSALS.labels(refused.problem.code, refused.reason).inc()
    event = {"code": refused.problem.code, "reason": refused.reason, "detail": refused.detail[:300]}
    LOGGER.warning("refused", extra={"event": event})
