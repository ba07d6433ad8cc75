"""Okta's Management API, as far as a set-up needs it: who a token is for, reading, creating, replacing, deleting.

The token goes to a host run by Okta and nowhere else, and into no text of ours. What Okta refuses becomes a Refused; a
429 is waited out by whoever opened the account. Facts 6. Nothing here knows what is to be set up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from portal.errors import Problem, Refused
from portal.okta.answer import Answer
from portal.okta.connect import is_api_token
from portal.okta.domain import OktaDomain
from portal.okta.refusals import describe
from portal.okta.strict_json import read_list

Json = dict[str, Any]
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,200}")
_CLIENT_ID = re.compile(r"0oa[A-Za-z0-9]{17}")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\..*", re.DOTALL)
_SHORTEST_SECRET = 40
_NEXT = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="?next"?')
_MOST_PAGES = 50
_LONGEST_WAIT = 60.0  # Okta counts by the minute.


class WritingDoor(Protocol):
    """The door to the network, with the methods that change something."""

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> Answer: ...
    def post_json(
        self, url: str, document: Mapping[str, Any], *, headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer: ...  # fmt: skip
    def put_json(
        self, url: str, document: Mapping[str, Any], *, headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer: ...  # fmt: skip
    def delete(
        self, url: str, *, headers: Mapping[str, str] | None = None, deadline: float | None = None
    ) -> Answer: ...
    def within(self, seconds: float, name: str | None = None) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token, which may change everything in its Okta: it has no repr, and lives in memory only."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """An Okta and the token for it. wait -- sleeps so many seconds, or raises where that must not be."""

    door: WritingDoor
    base: str
    token: ApiToken
    clock: Callable[[], float]
    wait: Callable[[float], None]


def read_token(text: str) -> ApiToken:
    """The token in what was pasted; scripts write `SSWS` before it.

    Raises Refused: FIELD_REQUIRED, API_TOKEN_IS_CLIENT_ID, API_TOKEN_IS_SECRET, API_TOKEN_FORM.
    """
    token = re.sub(r"\A(?:Authorization:\s*)?SSWS\s+", "", text.strip(), flags=re.IGNORECASE)
    if not token:
        raise Refused(Problem.FIELD_REQUIRED)
    if _CLIENT_ID.fullmatch(token):
        raise Refused(Problem.API_TOKEN_IS_CLIENT_ID)
    if _JWT.fullmatch(token) or not _TOKEN.fullmatch(token):
        raise Refused(Problem.API_TOKEN_FORM)
    # Okta's tokens have 42 characters and begin with two zeros; its client secrets are longer or begin otherwise.
    if len(token) >= _SHORTEST_SECRET and not is_api_token(token):
        raise Refused(Problem.API_TOKEN_IS_SECRET)
    return ApiToken(token)


def open_account(
    door: WritingDoor, domain: OktaDomain, token: ApiToken, *, clock: Callable[[], float],
    wait: Callable[[float], None],
) -> Account:  # fmt: skip
    """The account for calls to `domain`, which has to be the host run by Okta and not a custom domain.

    clock -- epoch seconds, for answers that do not say what time it is at Okta. Raises Refused(DOMAIN_NOT_OKTA).
    """
    if not domain.is_okta_run:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "token_only_to_okta")
    return Account(door, domain.base, token, clock, wait)


def fetch_me(account: Account) -> str:
    """The login name of the person whose token it is, for people to read."""
    profile = fetch(account, "/api/v1/users/me").get("profile")
    login = profile.get("login") if isinstance(profile, dict) else None
    return login[:254] if isinstance(login, str) and login.isprintable() else ""


def fetch(account: Account, path: str) -> Json:
    """What is at `path`. Raises Refused, as all functions here do (`_refuse`)."""
    return _call(account, "GET", path).json()


def find(account: Account, path: str) -> Json | None:
    """What is at `path`, or None where Okta says that there is nothing."""
    try:
        return fetch(account, path)
    except Refused as refused:
        if refused.problem is Problem.SET_UP_GONE:
            return None
        raise


def fetch_list(account: Account, path: str) -> list[Json]:
    """All entries of a list, page by page (RFC 8288); a next page anywhere else than at this Okta is refused."""
    found: list[Json] = []
    for _ in range(_MOST_PAGES):
        answer = _call(account, "GET", path)
        try:
            page = read_list(answer.body)
        except ValueError as exc:
            raise Refused(Problem.OKTA_ANSWER_INVALID, "management_list", type(exc).__name__) from None
        found += [entry for entry in page if isinstance(entry, dict)]
        following = _NEXT.search(answer.headers.get("link", ""))
        if following is None:
            return found
        if not following[1].startswith(f"{account.base}/api/v1/"):
            raise Refused(Problem.OKTA_ANSWER_INVALID, "management_link_elsewhere")
        path = following[1].removeprefix(account.base)
    raise Refused(Problem.OKTA_ANSWER_INVALID, "management_list_too_long")


def create(account: Account, path: str, body: Json) -> Json:
    """Creates an entry of the list at `path` (without its query) and answers it as it is now."""
    return _call(account, "POST", path, body).json()


def replace(account: Account, path: str, body: Json) -> Json:
    """Puts `body` in the place of what is at `path`: what it leaves out is gone afterwards."""
    return _call(account, "PUT", path, {name: value for name, value in body.items() if not name.startswith("_")}).json()


def put(account: Account, path: str) -> None:
    """Makes what `path` says so, such as a group's assignment to an app."""
    _call(account, "PUT", path, {})


def turn(account: Account, path: str, *, on: bool) -> bool:
    """Activates or deactivates what is at `path`; False where there is nothing."""
    return _there(lambda: _call(account, "POST", f"{path}/lifecycle/{'activate' if on else 'deactivate'}", {}))


def delete(account: Account, path: str) -> bool:
    """Deletes what is at `path`; False where there is nothing any more."""
    return _there(lambda: _call(account, "DELETE", path))


def revoke_token(account: Account) -> None:
    """Takes all power from the token that the account was opened with."""
    _call(account, "DELETE", "/api/v1/api-tokens/current")


def _there(call: Callable[[], Answer]) -> bool:
    try:
        call()
    except Refused as refused:
        if refused.problem is Problem.SET_UP_GONE:
            return False
        raise
    return True


def _call(account: Account, method: str, path: str, body: Json | None = None) -> Answer:
    """One call; one that was refused for coming too soon has done nothing, and is made again after the wait."""
    while True:
        answer = _send(account, method, path, body)
        if answer.status != 429:
            break
        account.wait(_seconds_to_wait(account, answer))
    if not 200 <= answer.status < 300:
        raise _refuse(account, answer)
    return answer


def _send(account: Account, method: str, path: str, body: Json | None) -> Answer:
    url, headers = account.base + path, {"authorization": f"SSWS {account.token.value}"}
    if method == "GET":
        return account.door.get(url, headers=headers)
    if method == "DELETE":
        return account.door.delete(url, headers=headers)
    send = account.door.put_json if method == "PUT" else account.door.post_json
    return send(url, body or {}, headers=headers)


def _seconds_to_wait(account: Account, answer: Answer) -> float:
    """Until `x-rate-limit-reset`, by Okta's own clock where it says the time; there is no Retry-After (facts 6)."""
    try:
        now = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        now = account.clock()
    reset = answer.headers.get("x-rate-limit-reset", "")
    seconds = float(reset) - now if reset.isdecimal() and len(reset) < 12 else _LONGEST_WAIT / 4
    return min(max(seconds, 1.0), _LONGEST_WAIT)


def _refuse(account: Account, answer: Answer) -> Refused:
    """What Okta's refusal means; its own words go to the log, without the token."""
    code, text = _read_refusal(answer)
    detail = describe(code or f"HTTP {answer.status}", text, hide=(account.token.value,))
    return Refused(_problem_of(answer.status, code), code.lower() or "management_http_status", detail)


def _problem_of(status: int, code: str) -> Problem:
    if code == "E0000015":
        return Problem.API_ACCESS_MANAGEMENT
    if status >= 500:
        return Problem.OKTA_UNREACHABLE
    known = {
        400: Problem.SET_UP_REFUSED,
        401: Problem.API_TOKEN_REFUSED,
        403: Problem.API_TOKEN_WEAK,
        404: Problem.SET_UP_GONE,
    }
    return known.get(status, Problem.OKTA_ANSWER_INVALID)


def _read_refusal(answer: Answer) -> tuple[str, str]:
    """(errorCode, the summary with its causes). The code is one of Okta's, or empty."""
    try:
        document = answer.json()
    except Refused:
        return "", ""
    code, causes = document.get("errorCode"), document.get("errorCauses")
    listed = causes if isinstance(causes, list) else []
    texts = [document.get("errorSummary")]
    texts += [cause.get("errorSummary") for cause in listed if isinstance(cause, dict)]
    is_code = isinstance(code, str) and re.fullmatch(r"E\d{7}", code)
    return str(code) if is_code else "", " | ".join(text for text in texts if isinstance(text, str))
