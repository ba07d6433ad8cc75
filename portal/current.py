"""The application that is running: how pages and commands reach its services. The services know no Flask, this does."""

from __future__ import annotations

from flask import current_app

from portal.services import Services


def services() -> Services:
    """The services of the application that this request or command runs in."""
    found: Services = current_app.extensions["point"]
    return found
