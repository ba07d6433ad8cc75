"""Style sheets and pictures: the style sheets joined into one, compressed once, cached for a year under their hash."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

from portal.access import public

_STATIC = Path(__file__).parents[2] / "static"
_STYLES = ("tokens", "base", "components")
_FOREVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Serves the joined style sheet; Flask serves the other files."""
    app.add_url_rule("/static/css/point.css", "assets.style", style, methods=["GET"])
    app.view_functions["static"] = public()(app.view_functions["static"])


@lru_cache
def address(name: str) -> str:
    """The address of a file in `static/`, with its hash, so that it may be cached for a year."""
    return f"/static/{name}?v={hashlib.sha256(_content(name)).hexdigest()[:12]}"


@public()
def style() -> Response:
    """The one style sheet."""
    plain, packed = _packed_style()
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(packed if takes_gzip else plain, mimetype="text/css")
    response.headers["Cache-Control"] = _FOREVER if request.args.get("v") else "public, max-age=300"
    response.headers["Vary"] = "Accept-Encoding"
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _content(name: str) -> bytes:
    if name == "css/point.css":
        return b"".join((_STATIC / "css" / f"{part}.css").read_bytes() for part in _STYLES)
    return (_STATIC / name).read_bytes()


@lru_cache
def _packed_style() -> tuple[bytes, bytes]:
    plain = _content("css/point.css")
    return plain, gzip.compress(plain, 9, mtime=0)
