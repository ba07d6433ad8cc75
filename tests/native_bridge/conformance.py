"""What schemathesis loads: calls that ask for a bearer get the token of an app which logs in again whenever one of the
calls has logged it out. Runs in schemathesis' process, never in that of the tests."""

from __future__ import annotations

import os
from typing import Any

import schemathesis

from bench.people import Browser
from bench.phone import Phone


@schemathesis.auth(refresh_interval=None)
class LoggedIn:
    """One app and its browser, whose session at Okta goes on."""

    def __init__(self) -> None:
        self.phone, self.browser = Phone(os.environ["CONFORMANCE_BASE"]), Browser()

    def get(self, _case: Any, _context: Any) -> str:
        """The access token of a live login."""
        try:
            self.phone.me()
        except (KeyError, RuntimeError):
            self.phone.log_in(self.browser, "alice@acme.example")
        return str(self.phone.tokens["access_token"])

    def set(self, case: Any, token: str, _context: Any) -> None:
        """Sends it along."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
