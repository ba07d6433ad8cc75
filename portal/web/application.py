"""Flask, less what this portal never needs: views that are coroutines, routes that depend on the Host header, hooks of
blueprints and a session of Flask's own. Each costs every request a little; the Host header is nothing to rely on."""

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

    # The portal's hooks are the application's, none a blueprint's; Flask looks through the blueprints three times.
    def preprocess_request(self) -> Any:
        """The application's `before_request` functions."""
        for ask in self.before_request_funcs.get(None, ()):
            answer: Any = ask()
            if answer is not None:
                return answer
        return None

    def process_response(self, response: Response) -> Response:
        """The application's `after_request` functions, the last one first."""
        for change in reversed(self.after_request_funcs.get(None, ())):
            response = change(response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """The application's `teardown_request` functions, the last one first."""
        for end in reversed(self.teardown_request_funcs.get(None, ())):
            end(exc)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes by the path alone, whatever the Host header says."""
        if request is None:
            return None
        query = request.query_string.decode("latin-1")
        return MapAdapter(self.url_map, "localhost", "/", "", "http", request.path, request.method, query)
