"""Redirects to addresses that are ASCII already: Werkzeug would take each one apart and put it together again."""

from __future__ import annotations

from wsgiref.types import WSGIEnvironment

from flask import Response
from werkzeug.datastructures import Headers


class Redirect(Response):
    """An empty answer with `Location`; 303 unless said otherwise (RFC 9110 15.4.4)."""

    def __init__(self, address: str, status: int = 303) -> None:
        super().__init__(b"", status, {"Location": address, "Content-Length": "0"})

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers as they are."""
        return self.headers
