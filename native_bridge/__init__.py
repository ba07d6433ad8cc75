"""The phone's side of logging in: deep links, hand-over and POINT's own tokens. It never imports `portal.web`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Adds the app's calls and the page "Open POINT" to a portal that `portal.create_app` has made."""
    # Imported here, so that the deep links alone need neither a web framework nor a database.
    from native_bridge import api as _api  # noqa: F401
    from native_bridge import pages
    from native_bridge.bridge import Bridge
    from native_bridge.operations import calls
    from native_bridge.signing_keys import SigningKeys

    services = app.extensions["point"]
    keys = SigningKeys(services)
    app.extensions["native_bridge"] = Bridge(services, keys, app.extensions["limits"])
    app.extensions.setdefault("maintenance", {})["signing_keys"] = keys.keep_up
    app.register_blueprint(calls)
    app.register_blueprint(pages.pages)
