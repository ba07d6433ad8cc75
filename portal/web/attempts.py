"""Logins under way, kept sealed in the browser that started them: one cookie each, so that tabs do not disturb each
other, and no more than a few, so that abandoned ones do not pile up."""

from __future__ import annotations

import base64

from flask import Response

from portal.errors import Refused
from portal.okta.attempt import Attempt, expired
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.okta_logins import Login
from portal.web.cookies import drop_cookie, list_cookies, read_cookie, set_cookie

_PREFIX = "attempt_"
_MOST = 5


def keep_attempt(response: Response, services: Services, attempt: Attempt) -> None:
    """Puts the attempt into the browser and takes the oldest away when there are many."""
    value = f"{attempt.started_at}.{services.sealer.seal_text('attempt', attempt.to_bytes())}"
    # Twice the lifetime: somebody who comes back late is told so, instead of "not started here".
    seconds = 2 * services.settings.attempt_seconds
    kept = sorted(list_cookies(services.settings, _PREFIX), key=lambda cookie: cookie[1])
    for name, _value in kept[: max(0, len(kept) - _MOST + 1)]:
        drop_cookie(response, services.settings, name)
    set_cookie(response, services.settings, _name(attempt.state), value, seconds=seconds)


def find_attempt(services: Services, state: str | None) -> Attempt | None:
    """The attempt of this browser that `state` names."""
    value = read_cookie(services.settings, _name(state)) if state else None
    if not value:
        return None
    try:
        return Attempt.from_bytes(services.sealer.unseal_text("attempt", value.partition(".")[2]))
    except (SealBroken, Refused):
        return None


def find_like(services: Services, login: Login, return_to: str) -> Attempt | None:
    """An attempt of this browser with these settings and this page at its end, most of its time still before it."""
    wanted = (login.integration_id, login.version, login.groups_claim or "", return_to)
    for _kept, value in list_cookies(services.settings, _PREFIX):
        try:
            attempt = Attempt.from_bytes(services.sealer.unseal_text("attempt", value.partition(".")[2]))
        except (SealBroken, Refused):
            continue
        alike = (attempt.integration_id, attempt.integration_version, attempt.groups_claim, attempt.return_to)
        old = expired(attempt, now=services.now(), seconds=services.settings.attempt_seconds // 2)
        if alike == wanted and not old:
            return attempt
    return None


def drop_attempt(response: Response, services: Services, attempt: Attempt) -> None:
    """Takes the attempt out of the browser."""
    drop_cookie(response, services.settings, _name(attempt.state))


def session_id_of(services: Services, attempt: Attempt) -> str:
    """The id of the session that this attempt opens.

    It follows from the attempt by a key that only we have: when a browser loads the same return twice and drops the
    first answer, the second can be given the same session without asking Okta again.
    """
    secret = services.sealer.fingerprint("session", f"{attempt.state}\0{attempt.code_verifier}".encode())
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _name(state: str) -> str:
    return _PREFIX + state[:12]
