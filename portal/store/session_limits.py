"""How long an organization lets its people stay logged in; where it says nothing, the usual limits hold."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from portal.store.models import organizations
from portal.store.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS

SHORTEST_SECONDS = 300  # Less than that, and nobody gets anything done.


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds without use, and seconds at most; None where the usual limit holds. Both count for live sessions too."""

    idle_seconds: int | None
    most_seconds: int | None


def read_session_limits(connection: Connection, organization_id: int) -> SessionLimits:
    """The organization's own limits."""
    found = select(organizations.c.session_idle_seconds, organizations.c.session_seconds)
    row = connection.execute(found.where(organizations.c.id == organization_id)).one()
    return SessionLimits(row[0], row[1])


def save_session_limits(connection: Connection, organization_id: int, limits: SessionLimits) -> None:
    """From now on these count, for sessions that are open already as well; the app has only the second.

    Raises ValueError for a limit that is longer than the usual one (12 hours without use, 14 days), or under 5 minutes.
    """
    for seconds, most in ((limits.idle_seconds, IDLE_SECONDS), (limits.most_seconds, ABSOLUTE_SECONDS)):
        if seconds is not None and not SHORTEST_SECONDS <= seconds <= most:
            raise ValueError(f"{seconds} seconds: it has to be from {SHORTEST_SECONDS} to {most}")
    values = {"session_idle_seconds": limits.idle_seconds, "session_seconds": limits.most_seconds}
    connection.execute(update(organizations).where(organizations.c.id == organization_id).values(values))
