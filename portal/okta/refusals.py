"""What Okta's refusals mean: status codes, error codes and Okta's own sentences become a `Problem`.

Okta's text goes to the log, capped and without control characters, never to a page. The door to the network is only
described here (`Door`, `Answer`); it lives in `portal/okta/http.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from portal.errors import Problem, Refused

DESCRIPTION_CAP = 200
# Reasons of the door that may be gone in a moment; after all others a second try would fail the same way, or too late.
_WORTH_A_SECOND_TRY = frozenset({"op_unavailable", "dns_temporary_failure"})
_FIRST_SECONDS, _SECOND_SECONDS = 5.0, 4.0  # together less than the 10 s that one call may take


class Answer(Protocol):
    """One HTTP answer: header names in lower case; `json` is strict and raises `Refused(OKTA_ANSWER_INVALID)`."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    def json(self) -> dict[str, Any]: ...


class Door(Protocol):
    """The one way to the network; follows no redirects, raises `Refused` when there is no answer to read."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, deadline: float | None = None
    ) -> Answer: ...

    def post_form(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer: ...

    def post_json(
        self, url: str, document: Mapping[str, Any], *, content_type: str = "application/json",
        headers: Mapping[str, str] | None = None, deadline: float | None = None,
    ) -> Answer: ...


def get_twice(door: Door, url: str, *, headers: Mapping[str, str]) -> Answer:
    """GET `url`, a second time at once when Okta answers 5xx or cannot be reached; never after a time-out. 9 s in all.

    Only for calls that change nothing: a code or a refresh token is never sent twice.
    """
    try:
        answer = door.get(url, headers=headers, deadline=_FIRST_SECONDS)
        if answer.status < 500:
            return answer
    except Refused as refused:
        if refused.reason not in _WORTH_A_SECOND_TRY:
            raise
    return door.get(url, headers=headers, deadline=_SECOND_SECONDS)


def require_ok(answer: Answer, *, call: str) -> None:
    """Anything but 200 is refused as `<call>_http_status`, a redirect as `<call>_redirected`; no body is shown.

    Raises Refused(OKTA_ANSWER_INVALID | OKTA_BUSY | OKTA_UNREACHABLE); the detail names the status.
    """
    status = answer.status
    if status == 200:
        return
    if 300 <= status < 400 and status != 304:
        raise Refused(Problem.OKTA_ANSWER_INVALID, f"{call}_redirected", f"HTTP {status}")
    if status == 429:
        raise Refused(Problem.OKTA_BUSY, f"{call}_http_status", "HTTP 429")
    problem = Problem.OKTA_UNREACHABLE if status >= 500 else Problem.OKTA_ANSWER_INVALID
    raise Refused(problem, f"{call}_http_status", f"HTTP {status}")


def read_error(answer: Answer) -> tuple[str, str]:
    """The error code and the description of a 4xx answer, in OAuth's or in Okta's management shape; else ("", "")."""
    try:
        document = answer.json()
    except Refused:
        return "", ""
    code = document.get("error") or document.get("errorCode")
    text = document.get("error_description") or document.get("errorSummary")
    return code if isinstance(code, str) else "", text if isinstance(text, str) else ""


def describe(error: str, description: str, *, hide: tuple[str, ...] = ()) -> str:
    """`error: description` for the log: printable, capped, and without the secrets of this call (`hide`)."""
    text = f"{error}: {description}"
    for secret in filter(None, hide):
        text = text.replace(secret, "[hidden]")
    return clean(text)


def clean(text: str) -> str:
    """Somebody else's text as it may stand in a log: on one line, printable, at most 200 characters."""
    return "".join(c if c.isprintable() else " " for c in text[:DESCRIPTION_CAP])


def read_denial(description: str) -> Problem:
    """Which `Problem` an `access_denied` is. Okta has one code for three stories and tells them apart in words."""
    text = description.lower()
    if "not assigned" in text or "did not match a user assigned" in text:
        return Problem.LOGIN_NOT_ASSIGNED
    if "policy" in text or "network zone" in text:
        return Problem.LOGIN_POLICY
    return Problem.LOGIN_CANCELLED
