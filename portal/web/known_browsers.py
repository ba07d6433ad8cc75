"""Browsers that have logged in to an account before: a stranger's wrong passwords do not use up their tries."""

from __future__ import annotations

from flask import Response

from portal.sealing import SealBroken
from portal.services import Services
from portal.web.cookies import read_cookie, set_cookie

_YEAR = 365 * 86400
_MOST = 5


def is_known(services: Services, user_id: int) -> bool:
    """Whether this browser has logged in to that account with its password before."""
    return str(user_id) in _known(services)


def remember(response: Response, services: Services, user_id: int) -> None:
    """From now on this browser is known for that account, as for the last few others."""
    ids = [str(user_id), *(known for known in _known(services) if known != str(user_id))][:_MOST]
    value = services.sealer.seal_text("known browser", " ".join(ids).encode())
    set_cookie(response, services.settings, "known", value, seconds=_YEAR)


def _known(services: Services) -> list[str]:
    try:
        return services.sealer.unseal_text("known browser", read_cookie(services.settings, "known")).decode().split()
    except SealBroken:
        return []
