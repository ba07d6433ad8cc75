"""What a request may reach besides itself: database, network, clock, settings. Made once in `create_app`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.background import Background
from portal.okta.http import Door
from portal.okta.provider import Providers
from portal.sealing import Sealer
from portal.settings import Settings
from portal.store.db import Database


@dataclass(frozen=True, slots=True)
class Services:
    """One of each per process. `clock` gives epoch seconds and is the only source of "now" for expiry decisions."""

    settings: Settings
    db: Database
    door: Door
    providers: Providers
    sealer: Sealer
    clock: Callable[[], float]
    background: Background = field(default_factory=Background)

    def now(self) -> int:
        """Whole epoch seconds."""
        return int(self.clock())

    def close(self) -> None:
        """Ends what is under way behind the pages, then gives all connections back."""
        self.background.close()
        self.door.close()
        self.db.close()


def make_services(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    on_call: Callable[[str, float, str], None] | None = None,
) -> Services:
    """The services that `settings` ask for; `on_call` hears of every outgoing call (host, seconds, outcome)."""
    door = Door(loopback=settings.loopback_okta, ca_bundle=settings.ca_bundle, on_call=on_call)
    return Services(
        settings=settings,
        db=Database(settings.database_url),
        door=door,
        providers=Providers(door, clock=clock, seconds=settings.metadata_seconds, loopback=settings.loopback_okta),
        sealer=Sealer(settings.secret_keys),
        clock=clock,
    )
