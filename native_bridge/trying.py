"""A test login that Okta leads to the app: the app did not begin it and gets no tokens; it hears how it ended.

The verifier is the server's here. Whatever the app sends, the answer is a problem, the same for every delivery.
"""

from __future__ import annotations

import time
from typing import NoReturn

from native_bridge.bridge import Bridge
from native_bridge.deep_links import DeepLink
from portal import trials
from portal.errors import Problem, Refused
from portal.store.trial_logins import Trial
from portal.trial_run import examine
from portal.trial_stages import first_wrong, read_stages

_PATIENCE = 3.0  # seconds


def answer_trial(bridge: Bridge, link: DeepLink, state: str, *, reference: str) -> NoReturn:
    """Examines what came back, the first time, and says how it ended.

    Raises Refused: TEST_LOGIN_DONE with the reason "passed", or "failed_" and the stage; ATTEMPT_UNKNOWN and
    DEEP_LINK_INVALID, which change nothing; LOGIN_UNDER_WAY while another delivery is examined.
    """
    services = bridge.services
    trial = trials.find_by_state(services, state)
    if trial is None or trial.app != "native":
        raise Refused(Problem.ATTEMPT_UNKNOWN, "unknown_state" if trial is None else "wrong_flow")
    try:
        returned = trials.take_back(services, trial, link.query)
    except Refused as refused:
        if refused.problem is Problem.CALLBACK_INVALID:
            raise Refused(Problem.DEEP_LINK_INVALID, refused.reason, refused.detail) from refused
        raise
    if returned is not None:
        examine(services, returned, reference=reference)
    raise Refused(Problem.TEST_LOGIN_DONE, _reason(_wait(bridge, state)))


def _wait(bridge: Bridge, state: str) -> Trial:
    """The test login once it is over. Raises Refused(LOGIN_UNDER_WAY, ATTEMPT_UNKNOWN)."""
    patience = time.monotonic() + _PATIENCE
    while True:
        trial = trials.find_by_state(bridge.services, state)
        if trial is None:
            raise Refused(Problem.ATTEMPT_UNKNOWN, "unknown_state")
        if trial.status == "done" or trials.is_cut_off(bridge.services, trial):
            return trial
        if time.monotonic() > patience:
            raise Refused(Problem.LOGIN_UNDER_WAY)
        time.sleep(0.05)


def _reason(trial: Trial) -> str:
    if trial.passed:
        return "passed"
    wrong = first_wrong(read_stages(trial.stages))
    return f"failed_{wrong.id}" if wrong else "failed"
