"""Okta's Sign-In Widget, served from our own origin under a path with its version: nothing comes from Okta's CDN.

The package lies in `node_modules`. What is served is a table made once from its folder, so no path that comes in is
ever joined to one of ours. Without the package the table is empty, and the embedded sign-in falls back to the redirect.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request

from portal.access import public
from portal.errors import Problem, Refused

FOLDER = Path(__file__).parents[2] / "node_modules" / "@okta" / "okta-signin-widget"
STYLE, SCRIPT = "css/okta-sign-in.min.css", "js/okta-sign-in.oie.min.js"
LICENCE, NOTICES = "LICENSE", "THIRD-PARTY-NOTICES"
_LABELS = "labels/json/login_"
# The bundle for Okta's Identity Engine alone; maps, other bundles and sources stay where they are.
_SERVED = (STYLE, SCRIPT, "font/*", "img/**/*", "labels/json/*.json")
_TEXT = "text/plain; charset=utf-8"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".ttf": "font/ttf",
    ".otf": "font/otf",
    ".eot": "application/vnd.ms-fontobject",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".gif": "image/gif",
}
# Licence and notices have no ending. Most fonts and pictures are packed by their own format.
_PACKED = {".css", ".js", ".json", ""}
_FOREVER = "public, max-age=31536000, immutable"
# Script, style and the labels of some languages; each of these is about 30 kB packed, and there are sixty.
_KEPT = 16
_PACKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Widget:
    """The package as it is installed: its version, and each file that is served by its name."""

    version: str
    files: Mapping[str, Path]

    @property
    def languages(self) -> frozenset[str]:
        """English, which the script brings along, and whatever has labels, as the widget's `language` names it."""
        names = (name.removeprefix(_LABELS) for name in self.files if name.startswith(_LABELS))
        codes = {name.removesuffix(".json").replace("_", "-") for name in names}
        # Okta's translators check their layouts in ok-PL and ok-SK, which nobody speaks.
        return frozenset({"en", *(code for code in codes if not code.startswith("ok-"))})


def init_app(app: Flask, folder: Path = FOLDER) -> None:
    """Looks once whether the widget is in `folder`, and serves it."""
    app.extensions["widget"] = find_widget(folder)
    app.add_url_rule("/siw/<version>/<path:name>", "widget_assets.file", file, methods=["GET"])


@lru_cache
def find_widget(folder: Path) -> Widget | None:
    """The widget in `folder`; None where it is missing or only half there."""
    try:
        version = json.loads((folder / "package.json").read_bytes())["version"]
    except FileNotFoundError:
        return None
    dist = folder / "dist"
    paths = [path for pattern in _SERVED for path in dist.glob(pattern) if path.suffix in _TYPES]
    files = {path.relative_to(dist).as_posix(): path for path in paths}
    files |= {name: folder / name for name in (LICENCE, NOTICES)}
    complete = all(name in files and files[name].is_file() for name in (STYLE, SCRIPT, LICENCE, NOTICES))
    return Widget(version, files) if complete else None


def installed() -> bool:
    """Whether there is a widget to embed."""
    return _widget() is not None


def version() -> str:
    """The widget's version. Raises LookupError where it is not installed."""
    return _demand_widget().version


def base_address() -> str:
    """What the widget's `assets.baseUrl` has to be, without a trailing slash. Raises LookupError as `version` does."""
    return f"/siw/{version()}"


def address(name: str) -> str:
    """The address of a file of the widget, such as `STYLE`. Raises LookupError for one that is not served."""
    if name not in _demand_widget().files:
        raise LookupError(f"the Sign-In Widget has no {name} that is served")
    return f"{base_address()}/{name}"


def label_languages() -> frozenset[str]:
    """The languages the widget speaks from our own origin, such as `de` and `pt-BR`; none where it is missing."""
    widget = _widget()
    return widget.languages if widget else frozenset()


@public()
def file(version: str, name: str) -> Response:
    """One file, to be kept for a year: its address changes with the version."""
    widget = _widget()
    if widget is None or version != widget.version or name not in widget.files:
        raise Refused(Problem.NOT_FOUND, "widget_file")
    path = widget.files[name]
    packed = path.suffix in _PACKED and request.accept_encodings["gzip"] > 0
    response = Response(_pack(path) if packed else path.read_bytes(), content_type=_TYPES.get(path.suffix, _TEXT))
    response.headers["Cache-Control"] = _FOREVER
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Link"] = f'<{address(LICENCE)}>; rel="license", <{address(NOTICES)}>; rel="license"'
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _widget() -> Widget | None:
    found: Widget | None = current_app.extensions["widget"]
    return found


def _demand_widget() -> Widget:
    widget = _widget()
    if widget is None:
        raise LookupError("the Sign-In Widget is not installed")
    return widget


def _pack(path: Path) -> bytes:
    """The file by gzip; the first who ask for the script wait for one another instead of packing it all at once."""
    with _PACKING:
        return _packed(path)


@lru_cache(maxsize=_KEPT)
def _packed(path: Path) -> bytes:
    """Read in pieces: the script is 1.6 MB, and a process does not give back what it once needed for it."""
    packer = zlib.compressobj(level=9, wbits=31)
    with path.open("rb") as source:
        parts = [packer.compress(part) for part in iter(lambda: source.read(65536), b"")]
    return b"".join([*parts, packer.flush()])
