"""What Delete Integration does behind its page, in short transactions, so that nobody waits long for the database: the
tokens of the sessions it ended are collected to be given back, and everybody without another way in gets a mail.

What a process leaves undone because it dies, the next deletion or `maintenance` takes up. Knows no Flask.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from portal.giving_back import give_back_after
from portal.mail import is_address, make_mail, send_after
from portal.password_changes import LOST_OKTA, forgot_url, link_url, new_link
from portal.services import Services
from portal.store.db import after_commit
from portal.store.deletions import Person
from portal.store.mails import NewMail, add_mails
from portal.store.organizations import load_name
from portal.store.password_links import INVITATION_SECONDS, NewLink, add_links
from portal.store.unfinished_deletions import (
    Unfinished,
    claim_people,
    collect,
    end_unfinished,
    find_unfinished,
    list_holding,
    list_to_mail,
    list_unfinished,
)

MAIL = "okta_deleted"
# A mail server takes a few hundred a minute from somebody it knows; ten thousand people have theirs within 84 minutes.
_MAILS_AT_ONCE, _MAIL_PAUSE = 60, 30
_AT_ONCE = 100  # sessions or people in one transaction
_BREATH = 0.01  # seconds between two, in which others write
_ROUND = "deletions"


def finish_after(services: Services, connection: Connection) -> None:
    """What this deletion still has to do is done when it has been committed."""
    after_commit(connection, lambda: services.background.start_once(_ROUND, partial(_finish_all, services)))


def wait_for_deletions(services: Services, seconds: float = 60.0) -> None:
    """Waits at most so long for them; for commands, whose process ends with them."""
    services.background.wait(_ROUND, seconds)


def finish_deletions(services: Services) -> int:
    """Does what deletions have left to do; how many are finished. Two at once, on two nodes, share the work."""
    with services.db.reading() as connection:
        unfinished = list_unfinished(connection)
    return sum(_finish(services, deletion) for deletion in unfinished)


def _finish_all(services: Services) -> None:
    finish_deletions(services)


def _finish(services: Services, deletion: Unfinished) -> bool:
    collected: bytes | None = b""
    mails = True
    while collected is not None or mails:
        # In turn: nobody shall wait for their mail until ten thousand tokens are collected.
        mails = mails and _write_mails(services, deletion)
        collected = _collect(services, deletion, collected) if collected is not None else None
        if services.background.stopping.wait(_BREATH):
            return False
    with services.db.writing() as connection:
        end_unfinished(connection, deletion)
    return True


def _collect(services: Services, deletion: Unfinished, after: bytes) -> bytes | None:
    """Up to which session tokens are collected; None when there are no more."""
    with services.db.reading() as connection:
        found = list_holding(connection, deletion, _AT_ONCE, after=after)
    if not found:
        return None
    with services.db.writing() as connection:
        collect(connection, deletion, found, now=services.now())
        give_back_after(services, connection)
    return found[-1]


def _write_mails(services: Services, before: Unfinished) -> bool:
    """Whether there was somebody to write to. Everything is sealed before the transaction begins."""
    with services.db.reading() as connection:
        deletion = find_unfinished(connection, before.integration_id)
        if deletion is None or not deletion.mails or deletion.deleted_at != before.deleted_at:
            return False
        people = list_to_mail(connection, deletion, _AT_ONCE)
        name = load_name(connection, deletion.organization_id)
    if not people:
        return False
    links, mails = prepare(services, deletion.organization_id, name, people, deletion.written, deletion.deleted_at)
    with services.db.writing() as connection:
        written = deletion.written + len(mails)
        if claim_people(connection, deletion, after_user_id=people[-1].user_id, written=written):
            write_down(services, connection, links, mails)
    return True


def prepare(
    services: Services, organization_id: int, name: str, people: list[Person], number: int, since: int
) -> tuple[list[NewLink], list[NewMail]]:
    """A link to set a password, and the mail with it, for each who has an address; the first is the mail of this
    `number`, by which they are spread over time from `since` on."""
    links: list[NewLink] = []
    mails: list[NewMail] = []
    for person in people:
        if not is_address(person.email):
            continue
        send_at = since + (number + len(mails)) // _MAILS_AT_ONCE * _MAIL_PAUSE
        link = new_link(
            person.user_id, LOST_OKTA, expires_at=send_at + INVITATION_SECONDS, organization_id=organization_id
        )
        values = {"organization": name, "email": person.email, "days": INVITATION_SECONDS // 86400}
        values |= {"link": link_url(services, link), "forgot_link": forgot_url(services)}
        mail = make_mail(
            services, to=person.email, kind=MAIL, values=values, organization_id=organization_id, send_at=send_at
        )
        links.append(link)
        mails.append(mail)
    return links, mails


def write_down(services: Services, connection: Connection, links: list[NewLink], mails: list[NewMail]) -> None:
    """What `prepare` has made, in the caller's transaction; sent after it."""
    now = services.now()
    add_links(connection, links, now=now)
    add_mails(connection, mails, now=now)
    if mails:
        send_after(services, connection)
