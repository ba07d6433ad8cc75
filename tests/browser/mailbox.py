"""The mails that a test's portal writes as files."""

from __future__ import annotations

import email
import email.policy

from tests.mail_server import link_in, wait_until
from tests.world import World


class Mailbox:
    """What has come since this was made."""

    def __init__(self, world: World) -> None:
        self.folder = world.settings.instance / "mail"
        self.before = set(self.folder.glob("*.eml"))

    def link_to(self, address: str, subject: str, contains: str = "/login/password/") -> str:
        """The link in a mail to this address, which is waited for."""
        found: list[str] = []

        def look() -> list[str]:
            for path in set(self.folder.glob("*.eml")) - self.before:
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if (mail["To"], mail["Subject"]) == (address, subject):
                    found.append(link_in(mail, contains))  # type: ignore[arg-type]
            return found

        wait_until(look)
        return found[0]
