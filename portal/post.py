"""Where mails leave the house: an SMTP server by aiosmtplib, or files in `instance/mail/` where there is none.

Knows no database and no templates. Everything has a time by which it is over, however slowly a server answers.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from portal.settings import LOOPBACK_HOSTS, Settings

CONNECT_SECONDS = 10.0
SEND_SECONDS = 30.0
_PORTS = {"smtp": 587, "smtps": 465}
_OURS = (
    aiosmtplib.SMTPAuthenticationError,
    aiosmtplib.SMTPConnectError,
    aiosmtplib.SMTPHeloError,
    aiosmtplib.SMTPNotSupported,
    aiosmtplib.SMTPSenderRefused,
)


class Away(Exception):  # noqa: N818 - it says what is the matter
    """The mail server cannot be reached or does not let us in: no mail can go out now."""


class Returned(Exception):  # noqa: N818
    """This mail was not taken; others may be. `for_good` -- and never will be (RFC 5321 4.2.1: a 5yz answer)."""

    def __init__(self, why: str, *, for_good: bool) -> None:
        super().__init__(why)
        self.for_good = for_good


class Post(Protocol):
    """What takes mails."""

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hands one mail over. Raises Away or Returned."""


@contextmanager
def open_post(settings: Settings) -> Iterator[Post]:
    """What takes mails, for as many of them as there are. Raises Away."""
    if settings.smtp_url is None:
        yield _Folder(settings.instance / "mail")
        return
    with asyncio.Runner() as runner:
        server = _Server(runner, settings, settings.smtp_url)
        try:
            yield server
        finally:
            server.close()


class _Folder:
    """Mails as files that a mail program opens; only for the eyes of whoever runs the portal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage, recipient: str) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = f"{message['Date'].datetime:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
            draft, final = self._folder / f".{name}", self._folder / f"{name}.eml"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.as_bytes())
            draft.rename(final)
        except OSError as exc:
            raise Away(type(exc).__name__) from exc


class _Server:
    """One connection to the SMTP server."""

    def __init__(self, runner: asyncio.Runner, settings: Settings, address: str) -> None:
        url = urlsplit(address)
        self._runner = runner
        host = url.hostname or ""
        user = unquote(url.username) if url.username else None
        # Opportunistic, as mail servers among themselves do it; a password never goes out in the open.
        must_encrypt = user is not None and host not in LOOPBACK_HOSTS and host != "::1"
        self._client = aiosmtplib.SMTP(
            hostname=host,
            port=url.port or _PORTS[url.scheme],
            username=user,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            start_tls=False if url.scheme == "smtps" else (True if must_encrypt else None),
            tls_context=ssl.create_default_context(cafile=settings.ca_bundle),
            timeout=CONNECT_SECONDS,
            # Otherwise the machine's own name is looked up, which may take as long as the DNS likes.
            local_hostname=urlsplit(settings.base_url).hostname,
        )
        self._run(self._client.connect(), CONNECT_SECONDS)

    def send(self, message: EmailMessage, recipient: str) -> None:
        try:
            self._run(self._client.send_message(message, recipients=[recipient]), SEND_SECONDS)
        except aiosmtplib.SMTPRecipientsRefused as exc:
            raise _returned(exc.recipients[0].code) from exc
        except aiosmtplib.SMTPResponseException as exc:
            if exc.code == 421:  # RFC 5321 3.8: the server is closing down.
                raise Away("answered 421") from exc
            raise _returned(exc.code) from exc
        except ValueError as exc:
            raise Returned(type(exc).__name__, for_good=True) from exc

    def close(self) -> None:
        """Says goodbye, if anybody is still listening."""
        try:
            self._run(self._client.quit(), 2.0)
        except (Away, aiosmtplib.SMTPException):
            self._client.close()

    def _run(self, work: Coroutine[Any, Any, object], seconds: float) -> None:
        """Does it within so many seconds altogether, however slowly a server sends its answer letter by letter."""

        async def bounded() -> None:
            async with asyncio.timeout(seconds):
                await work

        try:
            self._runner.run(bounded())
        except TimeoutError as exc:
            raise Away("timeout") from exc
        except (OSError, aiosmtplib.SMTPServerDisconnected) as exc:
            raise Away(type(exc).__name__) from exc
        except _OURS as exc:
            # It is us, not this mail, whom the server does not want; an operator can see to that within two days.
            raise Away(f"{type(exc).__name__} {getattr(exc, 'code', '')}".strip()) from exc


def _returned(code: int) -> Returned:
    # 550 to 553 are about the mailbox (RFC 5321 4.2.3); 554 and 530 as often about us.
    return Returned(f"answered {code}", for_good=550 <= code <= 553)
