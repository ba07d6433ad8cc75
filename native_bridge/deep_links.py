"""The links by which the phone's system hands Okta's answer to the POINT app, and the app to the bridge.

A link comes from whoever likes to open one: another app, a web page, an e-mail. It is compared with what a link of ours
looks like, character by character; nothing is resolved, repaired or guessed. Knows no request and no storage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt
from portal.okta.callback import Code, InteractionCode, Resume, read_callback, read_parameters

STATE_MARK = "native-"
"""How every state of the bridge begins, so that a state of the web is known as one without looking it up."""
MAX_LINK = 8 * 1024  # bytes, which are characters: a link of ours is ASCII

_PATHS: dict[str, Literal["/login", "/logout"]] = {"/login": "/login", "/logout": "/logout"}
_unsafe = re.compile(r"[\s\x00-\x1f\x7f\\]")  # what browsers drop or turn into a slash, and every kind of blank
_web_state = re.compile(r"[A-Za-z0-9_-]{44}")  # as start_login makes it
# Names under which a callback's reasons are known to apps; the others are called the same there.
_REASONS = {
    "state_missing": (Problem.DEEP_LINK_INVALID, "missing_state"),
    "state_mismatch": (Problem.ATTEMPT_UNKNOWN, "unknown_state"),
    "iss_missing": (Problem.ISSUER_CONFUSED, "issuer_missing"),
}


@dataclass(frozen=True, slots=True)
class DeepLink:
    """A link that is ours by scheme and path. `query` is still raw, without "?"; the fragment is gone."""

    path: Literal["/login", "/logout"]
    query: str = field(repr=False)


def build_login_link(scheme: str, parameters: Mapping[str, str]) -> str:
    """`org.pointapp.point:/login?code=...`: one slash and no authority, as RFC 8252 section 7.1 has it."""
    return _build(scheme, "/login", parameters)


def build_logout_link(scheme: str, parameters: Mapping[str, str] = {}) -> str:
    """`org.pointapp.point:/logout`, with a query if there are `parameters`."""
    return _build(scheme, "/logout", parameters)


def parse_link(link: object, *, scheme: str, app_link: str = "") -> DeepLink:
    """Whether `link` is one of ours, by scheme and path (RFC 3986 sections 3 and 6.2.1, RFC 8252 sections 7.1 and 7.2).

    link -- any JSON value. scheme -- the app's own, the one thing in which upper and lower case are the same.
    app_link -- an https address that the app has claimed, or empty: `<app_link>?...` is a login,
    `<app_link>/logout?...` a logout.

    Raises Refused(DEEP_LINK_INVALID) as invalid_deep_link (no text, or blank), too_long (over 8,192 bytes),
    bad_character, wrong_scheme or wrong_path.
    """
    if not isinstance(link, str) or not link.strip():
        raise Refused(Problem.DEEP_LINK_INVALID, "invalid_deep_link", type(link).__name__)
    if len(link) > MAX_LINK:
        raise Refused(Problem.DEEP_LINK_INVALID, "too_long", f"{len(link)} characters")
    if _unsafe.search(link):
        raise Refused(Problem.DEEP_LINK_INVALID, "bad_character")
    # A fragment comes from the page that redirected here (DL-07) and may repeat parameters: it is never read.
    address, _, query = link.partition("#")[0].partition("?")
    path = _find_path(address, scheme, app_link)
    if not link.isascii():
        raise Refused(Problem.DEEP_LINK_INVALID, "bad_character")
    if path not in _PATHS:
        raise Refused(Problem.DEEP_LINK_INVALID, "wrong_path")
    return DeepLink(_PATHS[path], query)


def login_state(link: DeepLink) -> str:
    """The state by which to look the attempt up; everything in the query has been checked for its syntax before.

    Raises Refused(DEEP_LINK_INVALID) as wrong_flow (a logout link), missing_parameters, missing_state,
    duplicate_parameter, bad_encoding, bad_character or too_long. The state may still be anybody's: see `is_web_state`.
    """
    parameters = _read(link, "/login")
    if not link.query.strip("&"):
        raise Refused(Problem.DEEP_LINK_INVALID, "missing_parameters")
    if not parameters.get("state"):
        raise Refused(Problem.DEEP_LINK_INVALID, "missing_state")
    return parameters["state"]


def is_web_state(state: str) -> bool:
    """Whether this is the state of a login on the web, which the bridge must neither finish nor use up (DL-55)."""
    return bool(_web_state.fullmatch(state)) and not state.startswith(STATE_MARK)


def read_login_return(
    link: DeepLink, attempt: Attempt, *, requires_iss: bool, now: float, seconds: int
) -> Code | InteractionCode | Resume:
    """What Okta answers to `attempt`: state, then age, then issuer, then error or code (RFC 9700 2.1, RFC 9207 2.4).

    requires_iss -- what the issuer's metadata promises. now -- epoch seconds; seconds -- how long an attempt may take.

    Raises Refused. DEEP_LINK_INVALID (wrong_flow, missing_code, ambiguous_answer ... and all of `login_state`) and
    ATTEMPT_UNKNOWN (unknown_state) leave the attempt as it is, since a stranger can cause them. ATTEMPT_EXPIRED
    (state_expired), ISSUER_CONFUSED (issuer_mismatch, issuer_missing) and what Okta itself refuses (op_...) use it up.
    """
    _require_path(link, "/login")
    try:
        return read_callback(link.query, attempt, requires_iss=requires_iss, now=now, seconds=seconds)
    except Refused as refused:
        raise _translate(refused) from refused


def read_logout_return(link: DeepLink) -> str | None:
    """The state of a logout, if there is one: Okta sends it back only if it got one (RP-Initiated Logout section 3).

    An `error` is tolerated, since the person is logged out of POINT whatever Okta says. Raises
    Refused(DEEP_LINK_INVALID) as wrong_flow (a login link, or a login's answer at the logout path) and for the syntax.
    """
    parameters = _read(link, "/logout")
    if parameters.keys() & {"code", "interaction_code", "otp"}:
        raise Refused(Problem.DEEP_LINK_INVALID, "wrong_flow", "a login's answer")
    return parameters.get("state") or None


def _build(scheme: str, path: str, parameters: Mapping[str, str]) -> str:
    return f"{scheme}:{path}?{urlencode(parameters)}" if parameters else f"{scheme}:{path}"


def _find_path(address: str, scheme: str, app_link: str) -> str:
    """What stands where the path has to be. Raises Refused(wrong_scheme)."""
    if app_link and address in (app_link, f"{app_link}/logout"):
        return address.removeprefix(app_link) or "/login"
    name, _, path = address.partition(":")
    # isascii: the lower case of some foreign letters, such as the Kelvin sign, is an ASCII letter.
    if not name.isascii() or name.lower() != scheme.lower():
        raise Refused(Problem.DEEP_LINK_INVALID, "wrong_scheme")
    return path


def _read(link: DeepLink, path: str) -> dict[str, str]:
    _require_path(link, path)
    try:
        return read_parameters(link.query)
    except Refused as refused:
        raise _translate(refused) from refused


def _require_path(link: DeepLink, path: str) -> None:
    if link.path != path:
        raise Refused(Problem.DEEP_LINK_INVALID, "wrong_flow", link.path)


def _translate(refused: Refused) -> Refused:
    problem, reason = _REASONS.get(refused.reason, (refused.problem, refused.reason))
    if problem is Problem.CALLBACK_INVALID:
        problem = Problem.DEEP_LINK_INVALID
    return Refused(problem, reason, refused.detail)
