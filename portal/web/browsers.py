"""Which browser this is: a random value in a cookie, of which the server keeps the hash; nothing about a person."""

from __future__ import annotations

import hashlib
import re
import secrets

from flask import Response

from portal.services import Services
from portal.web.cookies import read_cookie, set_cookie

_SECONDS = 86400
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def browser_hash(services: Services) -> bytes | None:
    """The hash of this browser's value, if it has one."""
    value = _value(services)
    return _hash(value) if value else None


def mark_browser(response: Response, services: Services) -> bytes:
    """Marks this browser for a day, with the value it has or a new one; answers its hash."""
    value = _value(services) or secrets.token_urlsafe(32)
    set_cookie(response, services.settings, "browser", value, seconds=_SECONDS)
    return _hash(value)


def _value(services: Services) -> str | None:
    value = read_cookie(services.settings, "browser") or ""
    return value if _VALUE.fullmatch(value) else None


def _hash(value: str) -> bytes:
    return hashlib.sha256(b"browser\0" + value.encode()).digest()
