"""Delete Integration and its undo, for the page and the command line alike.

One transaction deletes, ends the sessions and writes the mails down: whoever asks any node afterwards is logged out.
Okta's refresh tokens are given back after that, off the page. Knows no Flask.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from portal.deleted_tokens import start_revoking
from portal.errors import Problem, Refused
from portal.mail import is_address, make_mail, send_after
from portal.password_changes import LOST_OKTA, forgot_url, link_url, new_link
from portal.services import Services
from portal.store.activity import record_event
from portal.store.db import after_commit
from portal.store.deletions import (
    DELETED,
    Ends,
    Person,
    count_ends,
    end_set_up,
    list_left_tokens,
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
from portal.store.mails import add_mails, drop_waiting
from portal.store.okta_only import is_in_force
from portal.store.organizations import load_name
from portal.store.password_links import INVITATION_SECONDS, add_links, end_links_of_organization

NAMED = 20  # So many people are named on the page.
MAIL = "okta_deleted"
# A mail server takes a few hundred a minute from somebody it knows; ten thousand people have theirs within 84 minutes.
_MAILS_AT_ONCE, _MAIL_PAUSE = 60, 30


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
    with services.db.writing() as connection:
        live = hold_integration(connection, organization_id)
        if live is None:
            raise Refused(Problem.OKTA_NOT_CONNECTED)
        if expected_version is not None and expected_version != live.version:
            raise Refused(Problem.CONFLICT, "integration_version")
        people, _without = count_okta_people(connection, organization_id)
        ends = count_ends(connection, organization_id, live.id, now=now)
        left = list_left_tokens(connection, organization_id, live.id)
        was_only = is_in_force(connection, organization_id, now=now)
        delete_integration(connection, organization_id, who=who, now=now)
        end_set_up(connection, organization_id, now=now)
        mailed = _write_mails(services, connection, organization_id, first=who)
        about = {"people": people, "mailed": mailed, **asdict(ends), "okta_only": was_only}
        record_event(connection, organization_id, who=who, what=DELETED, now=now, reference=reference, about=about)
        if left:
            after_commit(connection, lambda: start_revoking(services, live, left, reference))
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
        about = {
            "mails_taken_back": drop_waiting(connection, organization_id, MAIL),
            "links_ended": end_links_of_organization(connection, organization_id, LOST_OKTA, now=now),
        }
        record_event(
            connection, organization_id, who=who, what="okta.restored", now=now, reference=reference, about=about
        )
    return restored


def _write_mails(services: Services, connection: Connection, organization_id: int, *, first: str) -> int:
    """A link for each of those who have no other way in; `first` gets theirs first. How many."""
    now, name = services.now(), load_name(connection, organization_id)
    people = [person for person in list_without_password(connection, organization_id) if is_address(person.email)]
    people.sort(key=lambda person: person.email != first)
    links, mails = [], []
    for number, person in enumerate(people):
        send_at = now + number // _MAILS_AT_ONCE * _MAIL_PAUSE
        link = new_link(
            person.user_id, LOST_OKTA, expires_at=send_at + INVITATION_SECONDS, organization_id=organization_id
        )
        values = {"organization": name, "email": person.email, "days": INVITATION_SECONDS // 86400}
        values |= {"link": link_url(services, link), "forgot_link": forgot_url(services)}
        links.append(link)
        mails.append(
            make_mail(
                services,
                to=person.email,
                kind=MAIL,
                values=values,
                organization_id=organization_id,
                send_at=send_at,
            )
        )
    add_links(connection, links, now=now)
    add_mails(connection, mails, now=now)
    if mails:
        send_after(services, connection)
    return len(mails)
