"""What the bridge's calls share: the portal's services, the keys of POINT's tokens, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g, request

from native_bridge.signing_keys import SigningKeys
from portal.errors import Problem, Refused
from portal.limits import Limits, network_of
from portal.services import Services


@dataclass(frozen=True, slots=True)
class Bridge:
    """One per application."""

    services: Services
    keys: SigningKeys
    limits: Limits

    @property
    def login_uri(self) -> str:
        """Where Okta sends people back to the app after signing in."""
        return f"{self.services.settings.native_scheme}:/login"

    @property
    def logout_uri(self) -> str:
        """Where Okta sends people back to the app after signing out."""
        return f"{self.services.settings.native_scheme}:/logout"

    @property
    def app_link(self) -> str:
        """The https address that the app may claim in the place of its private scheme."""
        return f"{self.services.settings.base_url}/native/open"


def bridge() -> Bridge:
    """The bridge of the running application."""
    found: Bridge = current_app.extensions["native_bridge"]
    return found


def reference() -> str:
    """What this request is called in logs and errors."""
    found: str = request.environ["point.reference"]
    return found


def limit(name: str, *, count: int) -> None:
    """At most `count` a minute from one network. Raises Refused(TOO_MANY).

    Nothing is guessed here: without its counters nobody is kept out, since logins by Okta do not depend on Redis.
    """
    try:
        wait = bridge().limits.hit(name, network_of(request.remote_addr or ""), count=count, minutes=1)
    except Refused:
        return
    if wait:
        g.retry_after = wait
        raise Refused(Problem.TOO_MANY, name.replace("-", "_"))
