"""Writing down what the person who is looking has just changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from portal.current import services
from portal.store.activity import record_event
from portal.web.guards import demand_viewer
from portal.web.headers import reference


def record_change(connection: Connection, what: str, **about: Any) -> None:
    """One event of the viewer's organization, in the transaction of the change; `about` must hold nothing secret."""
    session = demand_viewer().session
    record_event(
        connection, session.organization_id, who=session.email, what=what, now=services().now(),
        reference=reference(), about=about,
    )  # fmt: skip
