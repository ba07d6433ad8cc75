"""For machines: is it alive, is it ready, what does it measure."""

from __future__ import annotations

import ipaddress

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import metrics
from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.web import throttle

pages = Blueprint("health", __name__)


@pages.get("/healthz")
@public()
def healthz() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "ok"}


@pages.get("/readyz")
@public()
def readyz() -> ResponseReturnValue:
    """The database answers, and Redis where one is set."""
    found = {"database": _database_answers(), "redis": throttle.storage_answers()}
    ready = all(found.values())
    return {"status": "ready" if ready else "not ready", **found}, 200 if ready else 503


@pages.get("/metrics")
@public()
def show_metrics() -> Response:
    """Prometheus text, for whoever asks from this machine or its own network and not through a proxy."""
    if request.headers.get("X-Forwarded-For") or not _is_near(request.remote_addr or ""):
        raise Refused(Problem.NOT_FOUND, "metrics_from_afar")
    return Response(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_near(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _database_answers() -> bool:
    try:
        with services().db.reading() as connection:
            connection.execute(text("SELECT 1 FROM alembic_version"))
    except (Refused, DBAPIError):
        return False
    return True
