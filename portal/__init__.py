"""POINT's login portal. `create_app` wires the parts together and knows nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Flask

from portal import logs, metrics
from portal.services import make_services
from portal.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings, *, clock: Callable[[], float] = time.time) -> Flask:
    """The WSGI application for these settings; `clock` gives epoch seconds."""
    from portal import commands
    from portal import web as pages
    from portal.web.application import Portal

    app = Portal(
        "portal",
        root_path=pages.ROOT,
        template_folder="templates",
        static_folder="static",
        instance_path=str(settings.instance.absolute()),
    )
    logs.configure(settings.log_level)
    app.extensions["point"] = make_services(settings, clock=clock, on_call=metrics.saw_call)
    pages.init_app(app)
    commands.init_app(app)
    return app
