"""How the embedded sign-in of an app stands: why it cannot work, step by step, and what is kept of it for minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from typing import Literal

from portal.errors import Refused
from portal.okta.keep import Kept

PROBE_SECONDS = 1.5
GOOD_SECONDS, BAD_SECONDS = 300.0, 60.0  # how long an answer is believed
MAX_STATES = 1000
_WAIT_AFTER = 600.0  # seconds: an answer older than this is nobody's, not even while it is asked for anew

Step = Literal["engine", "org_setting", "app_grant", "access_policy", "trusted_origin"]
Verdict = Literal["right", "wrong", "unknown"]
Key = tuple[str, str]
STEPS: tuple[Step, ...] = ("engine", "org_setting", "app_grant", "access_policy", "trusted_origin")


class Cause(Enum):
    """Why the embedded sign-in cannot work. When several hold, the first of this list is the one to mend first."""

    CLASSIC_ENGINE = "classic_engine"
    CLIENT_UNKNOWN = "client_unknown"
    REDIRECT_URI_MISSING = "redirect_uri_missing"
    ORG_SETTING_OFF = "org_setting_off"
    APP_GRANT_MISSING = "app_grant_missing"
    POLICY_GRANT_MISSING = "policy_grant_missing"
    ORIGIN_NOT_TRUSTED = "origin_not_trusted"
    OKTA_AWAY = "okta_away"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Row:
    """One step of the guide. found -- a few words of ours, or the names of grants; at most 200 characters."""

    step: Step
    verdict: Verdict
    found: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """cause -- None when the widget can work. rows -- all five steps. grants -- what the app has, when Okta told."""

    cause: Cause | None
    rows: tuple[Row, ...]
    grants: tuple[str, ...] | None


def all_unknown(cause: Cause, found: str) -> Embedded:
    return Embedded(cause, tuple(Row(step, "unknown", found) for step in STEPS), None)


class EmbeddedStates:
    """The answers for the apps in use, by (issuer, client id); at most 1,000, safe for threads.

    clock -- seconds since whenever.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: OrderedDict[Key, _State] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, probe: Callable[[], Embedded]) -> Embedded:
        """What is known, from `probe` when that is older than 5 minutes, or a minute if the widget could not work.

        One thread asks. The others go on with the last answer, or wait for the first. Raises nothing of its own.
        """
        state = self._state(key)
        try:
            return state.kept.get(
                lambda: state.remember(probe()), now=self._clock(), due=state.due, limit=_WAIT_AFTER,
                stale=float("inf"), alarm=("embedded_probe_failed", key[0]),
            )  # fmt: skip
        except Refused:
            return all_unknown(Cause.OKTA_AWAY, "no answer")

    def forget(self, key: Key) -> None:
        """Drops what is known, so that the next one asks anew: what is being asked right now is not kept either."""
        with self._lock:
            self._states.pop(key, None)

    def _state(self, key: Key) -> _State:
        with self._lock:
            state = self._states.setdefault(key, _State())
            self._states.move_to_end(key)
            if len(self._states) > MAX_STATES:
                self._states.popitem(last=False)
            return state


class _State:
    """What is kept of one app, and for how many seconds it is believed."""

    __slots__ = ("due", "kept")

    def __init__(self) -> None:
        self.kept: Kept[Embedded] = Kept(patience=PROBE_SECONDS + 0.5)
        self.due = BAD_SECONDS

    def remember(self, found: Embedded) -> Embedded:
        self.due = GOOD_SECONDS if found.cause is None else BAD_SECONDS
        return found
