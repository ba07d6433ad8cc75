"""How far a login had come when it was turned down, told by what turned it down. Knows no Flask and no words.

A real login is not watched step by step as a test login is: the refusal says enough, and costs the others nothing.
"""

from __future__ import annotations

from portal.errors import Problem

# In the order in which a login goes through them: POINT leads to Okta, the person is at Okta, they come back, POINT
# fetches the proof, checks it, and looks whether it lets this person in.
STAGES = ("start", "okta", "return", "proof", "check", "admission")

_RETURN = frozenset({Problem.ATTEMPT_EXPIRED, Problem.ISSUER_CONFUSED, Problem.SETTINGS_CHANGED})
_ADMISSION = frozenset({
    Problem.ACCOUNT_EXISTS, Problem.ACCOUNT_TAKEN, Problem.EMAIL_MISSING, Problem.EMAIL_NOT_VERIFIED,
    Problem.EMAIL_OUTSIDE, Problem.LOGIN_AS_ANOTHER, Problem.LOGIN_UNASKED,
})  # fmt: skip
# Okta could not be asked: on the way back that is its metadata, which is looked at before the answer is.
_AWAY = frozenset({Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY, Problem.OKTA_ANSWER_INVALID})
_TOO_OLD = frozenset({"session_over_at_okta", "auth_time_missing", "auth_time_too_old"})


def stage_of(problem: Problem, reason: str, *, claimed: bool) -> str:
    """Which of STAGES a login that came back was turned down at.

    claimed -- whether its return had been taken for the first one, after which Okta is asked for the proof.
    """
    if problem in _RETURN:
        return "return"
    if problem in _ADMISSION or reason in _TOO_OLD:
        return "admission"
    if problem is Problem.ID_TOKEN_REFUSED:
        return "check"
    if claimed:
        return "proof"
    return "return" if problem in _AWAY else "okta"
