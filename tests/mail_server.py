"""A real SMTP server for the tests: aiosmtpd on loopback, which can be slow, refuse, break off, or speak TLS."""

from __future__ import annotations

import asyncio
import email.policy
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

_PARSER = BytesParser(policy=email.policy.default)


class MailServer:
    """Takes mails until told otherwise.

    answer -- what DATA is answered; recipient_answer -- what RCPT is, by address; wait -- seconds before each answer;
    break_off -- hangs up in the middle of the next so many mails.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, starttls: bool = False, login: bool = False) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.users: list[str] = []
        self.answer = "250 OK"
        self.recipient_answer: dict[str, str] = {}
        self.wait = 0.0
        self.break_off = 0
        options: dict[str, Any] = {"hostname": "127.0.0.1", "port": 0, "decode_data": False}
        if login:
            options |= {"authenticator": self._authenticate, "auth_require_tls": starttls, "auth_required": True}
        if tls is not None and starttls:
            options |= {"tls_context": tls, "require_starttls": True}
        elif tls is not None:
            options |= {"ssl_context": tls}
        self._controller = _Controller(self, **options)

    @property
    def port(self) -> int:
        found: int = self._controller.port
        return found

    def url(self, scheme: str = "smtp", credentials: str = "", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{credentials}{host}:{self.port}"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def wait_for(self, count: int = 1, seconds: float = 10.0) -> list[EmailMessage]:
        """The mails, once there are so many."""
        until = time.monotonic() + seconds
        while len(self.mails) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.mails) >= count, f"{len(self.mails)} of {count} mails"
        return self.mails

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to this address."""
        return [mail for mail in self.mails if mail["To"] == address]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.wait)
        answer = self.recipient_answer.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.wait)
        if self.break_off:
            self.break_off -= 1
            server.transport.close()
            return "451 gone"
        if self.answer.startswith("250"):
            self.recipients.append(list(envelope.rcpt_tos))
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
            self.mails.append(_PARSER.parsebytes(envelope.original_content or b""))
        return self.answer

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == b"a password of the mail server"
        if good:
            self.users.append(data.login.decode())
        return AuthResult(success=good)


class _Controller(Controller):
    """Port 0 is any free port, and aiosmtpd's own first connection has to know which."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A running one."""
    server = MailServer(**options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """One of a mail's two texts."""
    part = mail.get_body((kind,))
    assert part is not None
    found: str = part.get_content()
    return found


def link_in(mail: EmailMessage, contains: str = "/login/password/") -> str:
    """The link that a mail is about, which both texts have."""
    links = [link for link in re.findall(r"https?://\S+", text_of(mail)) if contains in link]
    assert links, text_of(mail)
    assert links[0] in text_of(mail, "html")
    return links[0]


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Until it is so."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not become so"
        time.sleep(0.01)
