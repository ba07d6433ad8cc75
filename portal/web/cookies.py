"""The portal's cookies: `__Host-`, Secure, HttpOnly and SameSite=Lax, save that plain http on loopback cannot have
the first two. Names start with `point_`, because cookies ignore ports and the sandbox may be the neighbour."""

from __future__ import annotations

from flask import Response, request

from portal.settings import Settings


def read_cookie(settings: Settings, name: str) -> str | None:
    """The value of our cookie `name` in this request."""
    return _sent().get(_full_name(settings, name))


def list_cookies(settings: Settings, prefix: str) -> list[tuple[str, str]]:
    """(name without our prefix, value) of every cookie of ours whose name starts with `prefix`."""
    start = _full_name(settings, prefix)
    skip = len(start) - len(prefix)
    return [(name[skip:], value) for name, value in _sent().items() if name.startswith(start)]


def set_cookie(response: Response, settings: Settings, name: str, value: str, *, seconds: int) -> None:
    """Sets our cookie `name` for so many seconds."""
    response.headers.add("Set-Cookie", _cookie(settings, name, value, seconds))


def drop_cookie(response: Response, settings: Settings, name: str) -> None:
    """Takes our cookie `name` away."""
    response.headers.add("Set-Cookie", _cookie(settings, name, "", 0))


def _sent() -> dict[str, str]:
    """The cookies of this request. Ours are plain (base64url), so none is unquoted; of two with a name the first
    counts, which is the one with the longer path (RFC 6265 5.4) and with `__Host-` the only one there can be.
    """
    sent: dict[str, str] | None = request.environ.get("point.cookies")
    if sent is None:
        sent = request.environ["point.cookies"] = {}
        for part in request.environ.get("HTTP_COOKIE", "").split(";"):
            name, _equals, value = part.strip().partition("=")
            sent.setdefault(name, value)
    return sent


def _full_name(settings: Settings, name: str) -> str:
    return f"__Host-point_{name}" if settings.secure else f"point_{name}"


def _cookie(settings: Settings, name: str, value: str, seconds: int) -> str:
    # Values are base64url, so that nothing needs quoting.
    secure = "; Secure" if settings.secure else ""
    return f"{_full_name(settings, name)}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
