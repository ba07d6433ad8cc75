"""Delete Integration and its undo, for the page and the command line alike.

One transaction deletes and ends the sessions: whoever asks any node afterwards is logged out. The mails are written,
and Okta's refresh tokens given back, after that and off the page (`finishing_deletions.py`). Knows no Flask.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.finishing_deletions import MAIL, finish_after, prepare, write_down
from portal.password_changes import LOST_OKTA
from portal.services import Services
from portal.store.activity import record_event
from portal.store.deletions import (
    DELETED,
    Ends,
    Person,
    count_ends,
    end_set_up,
    find_without_password,
    list_without_password,
)
from portal.store.integrations import (
    Integration,
    count_okta_people,
    delete_integration,
    find_integration,
    hold_integration,
    restore_integration,
)
from portal.store.mails import drop_waiting
from portal.store.okta_only import is_in_force
from portal.store.organizations import load_name
from portal.store.password_links import end_links_of_organization
from portal.store.unfinished_deletions import begin_unfinished, stop_mails

NAMED = 20  # So many people are named on the page.


@dataclass(frozen=True, slots=True)
class Outlook:
    """What Delete Integration would do. people -- members who log in by this Okta; named -- the first of those who have
    no password."""

    live: Integration
    people: int
    without_password: int
    named: list[Person]
    ends: Ends
    okta_only: bool


def foresee(services: Services, organization_id: int) -> Outlook | None:
    """What Delete Integration would do now; None when Okta is not connected."""
    now = services.now()
    with services.db.reading() as connection:
        live = find_integration(connection, organization_id)
        if live is None:
            return None
        people, without_password = count_okta_people(connection, organization_id)
        return Outlook(
            live,
            people,
            without_password,
            list_without_password(connection, organization_id, NAMED),
            count_ends(connection, organization_id, live.id, now=now),
            is_in_force(connection, organization_id, now=now),
        )


def delete_okta(
    services: Services, organization_id: int, *, who: str, reference: str, expected_version: int | None = None
) -> Integration:
    """Takes Okta away; the integration that was deleted.

    Raises Refused(OKTA_NOT_CONNECTED), and Refused(CONFLICT) when somebody has saved since `expected_version`.
    """
    now = services.now()
    # Counted before: it takes a while where there are ten thousand, and nobody shall wait for that.
    outlook = foresee(services, organization_id)
    with services.db.writing() as connection:
        live = hold_integration(connection, organization_id)
        if live is None or outlook is None:
            raise Refused(Problem.OKTA_NOT_CONNECTED)
        if expected_version is not None and expected_version != live.version:
            raise Refused(Problem.CONFLICT, "integration_version")
        delete_integration(connection, organization_id, who=who, now=now)
        end_set_up(connection, organization_id, now=now)
        written = _write_first(services, connection, organization_id, who)
        begin_unfinished(
            connection, organization_id, live.id, first=who, reference=reference, written=written, now=now
        )
        finish_after(services, connection)
        about = {"people": outlook.people, "mailed": outlook.without_password, **asdict(outlook.ends)}
        about |= {"okta_only": outlook.okta_only}
        record_event(connection, organization_id, who=who, what=DELETED, now=now, reference=reference, about=about)
    return live


def restore_okta(services: Services, organization_id: int, *, who: str, reference: str) -> Integration:
    """Undoes the last Delete Integration of the past 30 days. Sessions stay ended; what has not been mailed yet never
    is, and the links that were mailed for it end.

    Raises what `store.integrations.restore_integration` raises.
    """
    now = services.now()
    with services.db.writing() as connection:
        hold_integration(connection, organization_id)
        restored = restore_integration(connection, organization_id, who=who, now=now)
        stop_mails(connection, organization_id)
        about = {
            "mails_taken_back": drop_waiting(connection, organization_id, MAIL),
            "links_ended": end_links_of_organization(connection, organization_id, LOST_OKTA, now=now),
        }
        record_event(
            connection, organization_id, who=who, what="okta.restored", now=now, reference=reference, about=about
        )
    return restored


def _write_first(services: Services, connection: Connection, organization_id: int, who: str) -> int:
    """Whoever deletes and has no other way in gets their link first; how many that is."""
    mine = find_without_password(connection, organization_id, who)
    if mine is None:
        return 0
    name, now = load_name(connection, organization_id), services.now()
    links, mails = prepare(services, organization_id, name, [mine], 0, now)
    write_down(services, connection, links, mails)
    return len(mails)
