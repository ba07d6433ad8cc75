"""A deleted Okta integration as pages show it, for as long as it can be undone."""

from __future__ import annotations

from types import SimpleNamespace

from portal.current import services
from portal.finishing_deletions import MAIL
from portal.store.deletions import count_mails, find_deletion
from portal.store.unfinished_deletions import find_unfinished
from portal.web.guards import demand_viewer
from portal.web.render import show_time


def show_deleted() -> SimpleNamespace | None:
    """The last Delete Integration of the viewer's organization; None when Okta is connected or it is too late."""
    session, now = demand_viewer().session, services().now()
    with services().db.reading() as connection:
        found = find_deletion(connection, session.organization_id, now=now)
        if found is None:
            return None
        sent, waiting, failed = count_mails(connection, session.organization_id, MAIL, since=found.at)
        unfinished = find_unfinished(connection, found.integration_id)
    if unfinished is not None:
        # Some are not even written down yet.
        waiting = max(waiting, found.about.get("mailed", 0) - sent - failed)
    about = {"people": 0, "web_sessions": 0, "phone_sessions": 0, "setup_links": 0, "mailed": 0, "okta_only": False}
    return SimpleNamespace(
        integration_id=found.integration_id,
        at=show_time(found.at),
        by=found.by,
        until=show_time(found.until),
        sent=sent,
        waiting=waiting,
        failed=failed,
        **{name: found.about.get(name, nothing) for name, nothing in about.items()},
    )
