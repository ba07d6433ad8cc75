"""What came back from Okta: a code, an interaction code, the wish to go on at Okta's form, or a refusal.

The order protects the login: syntax, then state, and only then anything that could end it, so that no stranger can
cancel a login with a link. Knows no request: it takes the raw query, from the web and from a deep link alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from urllib.parse import parse_qsl

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt, expired
from portal.okta.refusals import describe, read_denial

MAX_QUERY = 8 * 1024  # characters
MAX_PARAMETERS = 64
_SIZES = {
    "state": 2048, "code": 4096, "interaction_code": 4096, "otp": 256, "error": 256, "error_description": 4096,
    "iss": 2048, "response": MAX_QUERY,
}  # characters; other parameters are not read (RFC 6749 section 4.1.2)
_ANSWERS = ("error", "code", "interaction_code", "otp")

_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2})")
_control = re.compile(r"[\x00-\x1f\x7f]")
_state = re.compile(r"[A-Za-z0-9_-]{32,128}")
_otp = re.compile(r"[0-9]{4,10}")
_code = re.compile(r"[\x21-\x7e]+")

Query = str | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: to be redeemed once, within minutes."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class InteractionCode:
    """Okta's own grant, from the embedded sign-in: to be redeemed once, within a minute."""

    interaction_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resume:
    """The sign-in is not over: show Okta's form again with the same attempt, and with `otp` from an e-mail link."""

    otp: str | None = field(default=None, repr=False)


_ERRORS = {
    "login_required": (Problem.LOGIN_REQUIRED_AT_OKTA, "login_required"),
    "invalid_scope": (Problem.OKTA_MISCONFIGURED, "scope_refused"),
    "unauthorized_client": (Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
    "unsupported_response_type": (Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
    "unsupported_response_mode": (Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
    "invalid_request": (Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
    "temporarily_unavailable": (Problem.OKTA_ERROR, "op_temporarily_unavailable"),
}


def state_of(query: Query) -> str | None:
    """The state by which to look the attempt up: there once, in our alphabet and size; else None. Never raises."""
    try:
        states = [value for name, value in _read_pairs(query) if name == "state"]
    except Refused:
        return None
    return states[0] if len(states) == 1 and _state.fullmatch(states[0]) else None


def read_otp(query: Query) -> str | None:
    """The code of an e-mail's link, for somebody who followed it in another browser: short and plain, or None."""
    try:
        found = read_parameters(query).get("otp", "")
    except Refused:
        return None
    return found if _otp.fullmatch(found) else None


def read_parameters(query: Query) -> dict[str, str]:
    """What an answer says in parameters that we know, decoded: each once at most, of its size, no control characters.

    Raises Refused(CALLBACK_INVALID) as duplicate_parameter, too_long, bad_character or bad_encoding.
    """
    pairs = _read_pairs(query)
    _check_syntax(pairs)
    return {name: value for name, value in pairs if name in _SIZES}


def read_callback(
    query: Query, attempt: Attempt, *, requires_iss: bool, now: float, seconds: int
) -> Code | InteractionCode | Resume:
    """What Okta answers to `attempt` (RFC 6749 4.1.2, RFC 9207 section 2.4, RFC 9700 section 2.1).

    query -- raw, without "?"; or pairs that are decoded already. requires_iss -- what the issuer's metadata promises.
    now -- epoch seconds; seconds -- how long an attempt may take.

    Raises Refused: CALLBACK_INVALID and ATTEMPT_UNKNOWN leave the attempt as it is, since a stranger can cause them;
    everything else came from Okta, or too late, and uses it up. A `Resume` does not use it up either.
    """
    parameters = read_parameters(query)
    _check_state(parameters, attempt)
    if "response" in parameters:
        raise Refused(Problem.CALLBACK_INVALID, "response_unsupported")
    if expired(attempt, now=now, seconds=seconds):
        raise Refused(Problem.ATTEMPT_EXPIRED, "state_expired")
    _check_issuer(parameters, attempt.issuer, requires_iss)
    return _read_answer(parameters)


def _read_pairs(query: Query) -> Sequence[tuple[str, str]]:
    """Decodes a raw query once and strictly; `;` separates nothing (CVE-2021-23336)."""
    if not isinstance(query, str):
        return query
    if len(query) > MAX_QUERY:
        raise Refused(Problem.CALLBACK_INVALID, "too_long", f"{len(query)} characters")
    if _bad_escape.search(query):
        raise Refused(Problem.CALLBACK_INVALID, "bad_encoding")
    if query.count("&") >= MAX_PARAMETERS:
        raise Refused(Problem.CALLBACK_INVALID, "too_long", "too many parameters")
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Refused(Problem.CALLBACK_INVALID, "bad_encoding") from error


def _check_syntax(pairs: Sequence[tuple[str, str]]) -> None:
    seen = set()
    for name, value in pairs:
        size = _SIZES.get(name)
        if size is None:
            continue
        if name in seen:
            raise Refused(Problem.CALLBACK_INVALID, "duplicate_parameter", name)
        if len(value) > size:
            raise Refused(Problem.CALLBACK_INVALID, "too_long", name)
        if _control.search(value):
            raise Refused(Problem.CALLBACK_INVALID, "bad_character", name)
        seen.add(name)


def _check_state(parameters: dict[str, str], attempt: Attempt) -> None:
    state = parameters.get("state")
    if not state:
        raise Refused(Problem.ATTEMPT_UNKNOWN, "state_missing")
    if not compare_digest(state.encode("utf-8", "replace"), attempt.state.encode()):
        raise Refused(Problem.ATTEMPT_UNKNOWN, "state_mismatch")


def _check_issuer(parameters: dict[str, str], issuer: str, requires_iss: bool) -> None:
    if "iss" in parameters:
        if parameters["iss"] != issuer:
            raise Refused(Problem.ISSUER_CONFUSED, "issuer_mismatch")
    elif requires_iss:
        raise Refused(Problem.ISSUER_CONFUSED, "iss_missing")


def _read_answer(parameters: dict[str, str]) -> Code | InteractionCode | Resume:
    answers = [name for name in _ANSWERS if name in parameters]
    if len(answers) > 1:
        raise Refused(Problem.CALLBACK_INVALID, "ambiguous_answer", " and ".join(answers))
    if not answers or not parameters[answers[0]].strip():
        raise Refused(Problem.CALLBACK_INVALID, "missing_code")
    name, value = answers[0], parameters[answers[0]]
    if name == "error":
        if value == "interaction_required":
            return Resume()
        raise _read_refusal(value, parameters.get("error_description", ""))
    if not _code.fullmatch(value):
        raise Refused(Problem.CALLBACK_INVALID, "bad_character", name)
    if name == "otp":
        return Resume(value)
    return Code(value) if name == "code" else InteractionCode(value)


def _read_refusal(error: str, description: str) -> Refused:
    detail = describe(error, description)
    if error == "access_denied":
        return Refused(read_denial(description), "op_access_denied", detail)
    problem, reason = _ERRORS.get(error, (Problem.OKTA_ERROR, "op_error"))
    return Refused(problem, reason, detail)
