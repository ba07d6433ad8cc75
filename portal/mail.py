"""Mail: written down in the transaction it belongs to, sent after the commit and off the page, tried again until it is
out or two days have passed.

Knows no Flask. A mail goes out once, whatever the number of processes: whoever sends it has claimed its row. (A sender
that dies between the server's "250" and its own note is the exception, as it is for every mail server; both copies have
the same Message-ID.)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from sqlalchemy import Connection

from portal.letters import find_needs, make_message, write_letter
from portal.logs import LOGGER
from portal.post import Away, Post, Returned, open_post
from portal.services import Services
from portal.store.activity import record_event
from portal.store.db import after_commit
from portal.store.mails import (
    Mail,
    NewMail,
    add_mails,
    claim_mail,
    find_next_time,
    give_up,
    mark_sent,
    put_off,
    remove_old_mails,
)
from portal.store.organizations import email_domain

GIVE_UP_SECONDS = 2 * 86400
_FIRST_PAUSE, _LONGEST_PAUSE = 60, 4 * 3600
_PATIENCE = 120  # A process stays awake for a mail that is due within so many seconds; `maintenance` sees to the rest.
_ROUND, _WAITING = "mail", "mail waiting"


def queue_mail(
    services: Services,
    connection: Connection,
    *,
    to: str,
    kind: str,
    organization_id: int | None = None,
    send_at: int | None = None,
    **values: Any,
) -> None:
    """Writes a mail into the caller's transaction; it is sent after the commit, and never after a rollback.

    kind            -- which of `templates/mails/`; `values` -- what it is written with, kept sealed.
    organization_id -- whose activity says so if it cannot be sent.
    send_at         -- epoch seconds, for one that shall wait.
    Raises ValueError for what is no address, LookupError for an unknown kind and TypeError when a value is missing.
    """
    add_mails(
        connection,
        [make_mail(services, to=to, kind=kind, organization_id=organization_id, send_at=send_at, values=values)],
        now=services.now(),
    )
    send_after(services, connection)


def make_mail(
    services: Services,
    *,
    to: str,
    kind: str,
    values: Mapping[str, Any],
    organization_id: int | None = None,
    send_at: int | None = None,
) -> NewMail:
    """A mail as `store.mails.add_mails` takes it, for whoever has many. Raises what `queue_mail` raises."""
    if not is_address(to):
        raise ValueError("a mail needs the address of one mailbox")
    missing = find_needs(kind) - values.keys()
    if missing:
        raise TypeError(f"the mail {kind!r} also needs {', '.join(sorted(missing))}")
    content = {"name": secrets.token_hex(12), "values": dict(values)}
    sealed = services.sealer.seal("mail", json.dumps(content).encode(), to.encode())
    return NewMail(to, kind, sealed, services.now() if send_at is None else send_at, organization_id)


def is_address(text: str) -> bool:
    """Whether this is one mailbox that a mail can go to."""
    return len(text) <= 254 and text == text.strip() and bool(email_domain(text))


def send_after(services: Services, connection: Connection) -> None:
    """What this transaction writes down is sent when it has been committed."""
    after_commit(connection, lambda: start_sending(services))


def start_sending(services: Services) -> None:
    """Begins to send what is due; answers at once."""
    services.background.start_once(_ROUND, lambda: _send_and_stay(services))


def finish_sending(services: Services, seconds: float = 5.0) -> None:
    """Waits at most so long for what is being sent; for commands, whose process ends with them."""
    services.background.wait(_ROUND, seconds)


def send_due(services: Services) -> int:
    """Sends what is due, one after the other, as long as the server takes it; how many went out."""
    sent = 0
    if (mail := _claim(services)) is None:
        return sent
    try:
        with open_post(services.settings) as post:
            while mail is not None and not services.background.stopping.is_set():
                sent += _send(services, post, mail)
                mail = _claim(services)
    except Away as away:
        # No use in trying the others: they stay due, and the next round begins with one of them.
        LOGGER.warning("mail server away", extra={"event": {"why": str(away)}})
    if mail is not None:
        _try_again(services, mail, "the server is away")
    return sent


def keep_up(services: Services) -> tuple[int, int]:
    """The part of `maintenance`: (how many mails it sent, how many old ones it forgot)."""
    sent = send_due(services)
    finish_sending(services)
    with services.db.writing() as connection:
        return sent, remove_old_mails(connection, now=services.now())


def _send_and_stay(services: Services) -> None:
    send_due(services)
    with services.db.reading() as connection:
        due = find_next_time(connection)
    if due is not None and 0 <= due - services.now() <= _PATIENCE:
        services.background.start_once(_WAITING, lambda: _wait(services, due))


def _wait(services: Services, until: int) -> None:
    """One thread of the process sleeps until the next mail is due."""
    if not services.background.stopping.wait(max(1.0, until - services.clock())):
        start_sending(services)


def _claim(services: Services) -> Mail | None:
    with services.db.writing() as connection:
        return claim_mail(connection, now=services.now())


def _send(services: Services, post: Post, mail: Mail) -> bool:
    """Whether it went out. Raises Away, with this mail still claimed."""
    message = _read(services, mail)
    if message is None:
        return False
    try:
        post.send(message, mail.recipient)
    except Returned as returned:
        if returned.for_good:
            _give_up(services, mail, str(returned))
        else:
            _try_again(services, mail, str(returned))
        return False
    with services.db.writing() as connection:
        mark_sent(connection, mail.id, now=services.now())
    return True


def _read(services: Services, mail: Mail) -> EmailMessage | None:
    """The message; None for one that cannot be written, which is given up, so that it holds up no other."""
    try:
        return _write(services, mail)
    except Exception as exc:
        # From before a key was taken out of the list, or a version that wrote other mails; or a mistake in a template.
        LOGGER.error("mail cannot be written", exc_info=exc)
        _give_up(services, mail, type(exc).__name__)
        return None


def _write(services: Services, mail: Mail) -> EmailMessage:
    settings = services.settings
    content = json.loads(services.sealer.unseal("mail", mail.sealed, mail.recipient.encode()))
    letter = write_letter(
        mail.kind, content["values"], base_url=settings.base_url, support_email=settings.support_email
    )
    return make_message(
        letter,
        sender=settings.mail_from or settings.support_email,
        support=settings.support_email,
        recipient=mail.recipient,
        at=mail.created_at,
        name=content["name"],
    )


def _try_again(services: Services, mail: Mail, why: str) -> None:
    """Later, and ever later; not at all after two days."""
    now = services.now()
    if now - mail.created_at >= GIVE_UP_SECONDS:
        _give_up(services, mail, why)
        return
    pause = min(_FIRST_PAUSE * 2 ** min(mail.tries - 1, 20), _LONGEST_PAUSE)
    with services.db.writing() as connection:
        put_off(connection, mail.id, until=now + pause, why=why)


def _give_up(services: Services, mail: Mail, why: str) -> None:
    LOGGER.error("mail given up", extra={"event": {"kind": mail.kind, "why": why, "tries": mail.tries}})
    now = services.now()
    with services.db.writing() as connection:
        give_up(connection, mail.id, now=now, why=why)
        record_event(
            connection,
            mail.organization_id,
            who="POINT",
            what="mail.failed",
            now=now,
            reference="",
            about={"to": mail.recipient, "kind": mail.kind, "why": why},
        )
