"""What every answer carries: security headers, a reference, one log line and one measurement.

A layer around Flask, not hooks inside it: it also covers what Flask itself could not answer, and it costs a tenth.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request

from portal import logs
from portal.metrics import count_request
from portal.services import Services

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # Nothing that is mixed up when it is read out.
_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
_STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload")
# An answer that says it for itself is left its own.
_DEFAULTS = {
    "content-security-policy": ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    "cache-control": ("Cache-Control", "no-store"),
    "referrer-policy": ("Referrer-Policy", "same-origin"),
    "vary": ("Vary", "Cookie"),
}
_REFERENCE, _ROUTE = "point.reference", "point.route"


def init_app(app: Flask) -> None:
    """Puts the layer around the application."""
    services: Services = app.extensions["point"]
    fixed = [*_HEADERS, _STRICT_TRANSPORT] if services.settings.secure else _HEADERS
    app.wsgi_app = _layer(app.wsgi_app, fixed)  # type: ignore[method-assign, assignment]


def reference() -> str:
    """What this request is called in logs, and on its error page if there is one: eight characters to read out."""
    found: str = request.environ[_REFERENCE]
    return found


def name_route(rule: str) -> None:
    """What this request is called in logs and metrics: its rule, never its path, which may be a link with a code."""
    request.environ[_ROUTE] = rule


def _layer(application: WSGIApplication, fixed: list[tuple[str, str]]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        environ[_REFERENCE] = number = _new_reference()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            given = {name.lower() for name, _value in headers}
            headers += fixed
            headers += [header for name, header in _DEFAULTS.items() if name not in given]
            headers.append(("X-Request-Id", number))
            _account_for(environ, status[:3], time.perf_counter() - began)
            return start_response(status, headers, exc_info)

        return application(environ, start)

    return answer


def _new_reference() -> str:
    number = random.getrandbits(40)
    text = "".join([_ALPHABET[(number >> shift) & 31] for shift in (0, 5, 10, 15, 20, 25, 30, 35)])
    return f"{text[:4]}-{text[4:]}"


def _account_for(environ: WSGIEnvironment, status: str, seconds: float) -> None:
    route = environ.get(_ROUTE, "(unknown)")
    count_request(route, status, seconds)
    logs.write_request(environ["REQUEST_METHOD"], route, status, seconds, environ[_REFERENCE])
