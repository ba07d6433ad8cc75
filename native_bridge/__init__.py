"""The phone's side of logging in: deep links, hand-over and POINT's own tokens. It never imports `portal.web`."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Adds the bridge to the application. Its calls come with the issue "native bridge"; until then it has none."""
    app.extensions["native_bridge"] = True
