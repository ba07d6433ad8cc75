"""Okta's refresh tokens after Delete Integration: given back off the page, by one thread for each organization.

Whoever deletes, undoes and deletes again adds to what that thread has to do, and takes up no other. Knows no Flask.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial

from portal import logins
from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.okta.tokens import revoke
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.integrations import Integration

_REVOKE_SECONDS = 600
_CALL_SECONDS = 3.0
_PAUSES = (5, 20, 60, 120)
_AWAY = (Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY)


@dataclass(frozen=True, slots=True)
class _Deleted:
    """What one Delete has left: (hash of the session's id, its sealed tokens)."""

    live: Integration
    left: list[tuple[bytes, bytes]] = field(repr=False)
    reference: str


def start_revoking(
    services: Services, live: Integration, left: list[tuple[bytes, bytes]], reference: str
) -> None:
    """Begins to give `left` back, or adds it to what is being given back for this organization; answers at once."""
    owner, deleted = live.organization_id, _Deleted(live, left, reference)
    try:
        services.background.stand_in_line(f"revoke-{owner}", deleted, partial(_revoke_all, services), owner=owner)
    except Refused:
        # Nobody has these tokens any more: left alone, they end at Okta by themselves.
        LOGGER.warning("tokens not revoked", extra={"event": {"left": len(left)}})


def _revoke_all(services: Services, deleted: _Deleted) -> None:
    """Gives every refresh token back, one after the other, so that Okta's limits are not felt; ten minutes at most."""
    until = services.clock() + _REVOKE_SECONDS
    waiting, pauses, revoked, refused = deque(deleted.left), iter(_PAUSES), 0, 0
    while waiting and services.clock() < until and not services.background.stopping.is_set():
        try:
            revoked += _revoke(services, deleted.live, *waiting[0])
        except Refused as refusal:
            if refusal.problem in _AWAY:
                pause = next(pauses, None)
                if pause is None or services.background.stopping.wait(pause):
                    break
                continue
            refused += 1
        waiting.popleft()
    about = {"revoked": revoked, "not_revoked": refused + len(waiting)}
    with services.db.writing() as connection:
        record_event(
            connection,
            deleted.live.organization_id,
            who="POINT",
            what="okta.tokens_revoked",
            now=services.now(),
            reference=deleted.reference,
            about=about,
        )


def _revoke(services: Services, live: Integration, id_hash: bytes, sealed: bytes) -> bool:
    """Whether there was a refresh token, and Okta has taken it back. Raises Refused."""
    try:
        tokens = logins.read_tokens(services, id_hash, sealed)
    except SealBroken:
        return False
    app = live.apps.get(tokens.get("app", "spa"))
    token = tokens.get("refresh_token")
    if app is None or not token:
        return False
    with services.door.within(_CALL_SECONDS):
        provider = services.providers.load(app.issuer)
        revoke(services.door, provider, client_id=app.client_id, token=token, hint="refresh_token")
    return True
