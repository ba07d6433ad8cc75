"""Flask, less what this portal never needs: views that are coroutines, routes that depend on the Host header, and a
session of Flask's own. Each costs every request a little, and the Host header is nothing to build an answer from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter


class _Nothing(dict[str, Any], SessionMixin):
    """Flask's own session, which the portal does not use: ours are on the server."""


class _NoSessions(SessionInterface):
    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return _Nothing()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        return None


class Portal(Flask):
    """The WSGI application."""

    session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every view is a plain function."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes by the path alone, whatever the Host header says."""
        if request is None:
            return None
        query = request.query_string.decode("latin-1")
        return MapAdapter(self.url_map, "localhost", "/", "", "http", request.path, request.method, query)
