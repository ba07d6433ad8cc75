"""What `maintenance` does with the activity: finished days are counted for the charts, and what is too old goes."""

from __future__ import annotations

from portal.services import Services
from portal.store.activity_days import list_organization_ids, remove_old_events, settle_days


def keep_activity(services: Services, now: int) -> int:
    """Goes through all organizations, each in transactions of its own; how many events it removed."""
    with services.db.reading() as connection:
        everybody = list_organization_ids(connection)
    removed = 0
    for organization_id in [*everybody, None]:
        if organization_id is not None:
            with services.db.writing() as connection:
                settle_days(connection, organization_id, now=now)
        # Some thousands at a time, so that logins never wait long.
        while True:
            with services.db.writing() as connection:
                gone = remove_old_events(connection, organization_id, now=now)
            removed += gone
            if not gone:
                break
    return removed
