"""What may come back from Okta, what may not, and in which order it is looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt, start_login
from portal.okta.callback import Code, InteractionCode, Resume, read_callback, state_of
from tests.okta.scripted import CLIENT_ID, ISSUER, NOW

SECONDS = 600


def start() -> Attempt:
    return start_login(
        organization_id=1, integration_id=2, integration_version=3, app="spa", issuer=ISSUER, client_id=CLIENT_ID,
        redirect_uri="https://dash.pointapp.org/login/callback", scope="openid", return_to="/", now=NOW,
    )  # fmt: skip


ATTEMPT = start()
STATE = ATTEMPT.state


def read(query: object, *, requires_iss: bool = False, now: float = NOW + 60) -> object:
    return read_callback(query, ATTEMPT, requires_iss=requires_iss, now=now, seconds=SECONDS)  # type: ignore[arg-type]


def refusal(query: object, **changes: object) -> tuple[Problem, str]:
    with pytest.raises(Refused) as caught:
        read(query, **changes)  # type: ignore[arg-type]
    return caught.value.problem, caught.value.reason


def without_state(value: object) -> str | None:
    """The state is another one in every process; the names of the tests have to be the same."""
    return re.sub(r"[\w-]{40,}", "STATE", value) if isinstance(value, str) else None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"code=abc&state={STATE}", Code("abc")),
        (f"state={STATE}&code=abc", Code("abc")),
        (f"code=abc&state={STATE}&iss={quote(ISSUER, safe='')}", Code("abc")),
        (f"code=abc&state={STATE}&session_state=x&foo=1&foo=2&id_token=eyJ&code_verifier=evil", Code("abc")),
        (f"code=%2563&state={STATE}", Code("%63")),
        (f"code=a%2Bb&state={STATE}", Code("a+b")),
        (f"interaction_code=abc&state={STATE}", InteractionCode("abc")),
        (f"otp=123456&state={STATE}", Resume("123456")),
        (f"error=interaction_required&state={STATE}", Resume(None)),
        (f"error=interaction_required&error_description=Your+client&state={STATE}", Resume(None)),
        ([("code", "abc"), ("state", STATE)], Code("abc")),
    ],
    ids=without_state,
)
def test_a_good_answer_is_read(query: object, found: object) -> None:
    assert read(query) == found


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "state_missing"),
        ("&&&", "state_missing"),
        ("code=abc", "state_missing"),
        ("error=access_denied", "state_missing"),
        ("response=eyJ.x.y", "state_missing"),
        ("code=abc&state=", "state_missing"),
        (f"Code=abc&State={STATE}", "state_missing"),
        (f"code=abc;state={STATE}", "state_missing"),
        (f"code=abc&state={'A' * 43}", "state_mismatch"),
        (f"error=access_denied&state={'A' * 43}", "state_mismatch"),
        (f"response=eyJ&state={'A' * 43}", "state_mismatch"),
        (f"code=abc&state={STATE.swapcase()}", "state_mismatch"),
        (f"code=abc&state={STATE}x", "state_mismatch"),
        (f"code=abc&state={STATE[:-1]}", "state_mismatch"),
        ("code=abc&state=../../etc/passwd", "state_mismatch"),
        ("code=abc&state=%C3%A9", "state_mismatch"),
    ],
    ids=without_state,
)
def test_without_the_right_state_nothing_else_is_looked_at(query: str, reason: str) -> None:
    assert refusal(query, now=NOW + 10_000, requires_iss=True) == (Problem.ATTEMPT_UNKNOWN, reason)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (f"code=evil&code=abc&state={STATE}", "duplicate_parameter"),
        (f"code=abc&state={STATE}&state={STATE}", "duplicate_parameter"),
        (f"code=abc&state={STATE}&state=other", "duplicate_parameter"),
        (f"code=abc&state={STATE}&iss={ISSUER}&iss=https://evil.example", "duplicate_parameter"),
        (f"error=a&error=b&state={STATE}", "duplicate_parameter"),
        (f"code=abc&state={STATE}&response=eyJ", "response_unsupported"),
        (f"code=abc&error=access_denied&state={STATE}", "ambiguous_answer"),
        (f"code=abc&interaction_code=abc&state={STATE}", "ambiguous_answer"),
        (f"otp=1&error=interaction_required&state={STATE}", "ambiguous_answer"),
        (f"state={STATE}", "missing_code"),
        (f"code=&state={STATE}", "missing_code"),
        (f"code=%20&state={STATE}", "missing_code"),
        (f"error=&state={STATE}", "missing_code"),
        (f"code[]=abc&state={STATE}", "missing_code"),
        (f"?code=abc&state={STATE}", "missing_code"),
        (f"access_token=abc&token_type=Bearer&state={STATE}", "missing_code"),
        (f"code=abc&state={STATE}%00", "bad_character"),
        (f"code=abc%0d%0a&state={STATE}", "bad_character"),
        (f"code=abc\r\n&state={STATE}", "bad_character"),
        (f"code=a%20b&state={STATE}", "bad_character"),
        (f"code=%C3%A9&state={STATE}", "bad_character"),
        (f"code=%ff%fe&state={STATE}", "bad_encoding"),
        (f"code=%&state={STATE}", "bad_encoding"),
        (f"code=%G0&state={STATE}", "bad_encoding"),
        (f"code={'A' * 4097}&state={STATE}", "too_long"),
        (f"code=abc&state={'A' * 2049}", "too_long"),
        (f"error=access_denied&error_description={'A' * 10_000}&state={STATE}", "too_long"),
        (f"code=abc&state={STATE}&x={'A' * 100_000}", "too_long"),
        ("&".join(f"p{n}=1" for n in range(1000)) + f"&code=abc&state={STATE}", "too_long"),
    ],
    ids=without_state,
)
def test_an_answer_that_cannot_be_read_leaves_the_attempt_alone(query: str, reason: str) -> None:
    assert refusal(query) == (Problem.CALLBACK_INVALID, reason)


@pytest.mark.parametrize("iss", ["https://beta.okta.com", ISSUER + "/", ISSUER.upper(), "", "null"])
def test_the_answer_of_another_issuer_is_refused(iss: str) -> None:
    for answer in ({"code": "abc"}, {"error": "access_denied"}):
        query = urlencode({**answer, "state": STATE, "iss": iss})
        assert refusal(query) == (Problem.ISSUER_CONFUSED, "issuer_mismatch")


def test_a_promised_issuer_must_be_there() -> None:
    assert refusal(f"code=abc&state={STATE}", requires_iss=True) == (Problem.ISSUER_CONFUSED, "iss_missing")
    assert refusal(f"error=x&state={STATE}", requires_iss=True) == (Problem.ISSUER_CONFUSED, "iss_missing")
    assert read(f"code=abc&state={STATE}&iss={ISSUER}", requires_iss=True) == Code("abc")


@pytest.mark.parametrize("answer", ["code=abc", "error=access_denied", "otp=1"])
def test_an_attempt_that_took_too_long_is_over(answer: str) -> None:
    assert read(f"code=abc&state={STATE}", now=NOW + SECONDS - 1) == Code("abc")
    late = refusal(f"{answer}&state={STATE}", now=NOW + SECONDS)
    assert late == (Problem.ATTEMPT_EXPIRED, "state_expired")


NOT_ASSIGNED = "User is not assigned to the client application."
POLICY = "Policy evaluation failed for this request, please check the policy configurations."


@pytest.mark.parametrize(
    ("error", "description", "problem", "reason"),
    [
        ("access_denied", "", Problem.LOGIN_CANCELLED, "op_access_denied"),
        ("access_denied", "<script>alert(1)</script>", Problem.LOGIN_CANCELLED, "op_access_denied"),
        ("access_denied", NOT_ASSIGNED, Problem.LOGIN_NOT_ASSIGNED, "op_access_denied"),
        ("access_denied", POLICY, Problem.LOGIN_POLICY, "op_access_denied"),
        ("login_required", "", Problem.LOGIN_REQUIRED_AT_OKTA, "login_required"),
        ("invalid_scope", "", Problem.OKTA_MISCONFIGURED, "scope_refused"),
        ("unauthorized_client", "", Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
        ("unsupported_response_type", "", Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
        ("invalid_request", "bad redirect_uri", Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
        ("temporarily_unavailable", "", Problem.OKTA_ERROR, "op_temporarily_unavailable"),
        ("server_error", "", Problem.OKTA_ERROR, "op_error"),
        ("totally_new_code", "", Problem.OKTA_ERROR, "op_error"),
    ],
)
def test_okta_s_errors_become_problems(error: str, description: str, problem: Problem, reason: str) -> None:
    query = urlencode({"error": error, "error_description": description, "state": STATE})
    assert refusal(query) == (problem, reason)


def test_okta_s_own_words_are_for_the_log_capped_and_clean() -> None:
    words = "x" * 500 + "\u202e\u2028"
    with pytest.raises(Refused) as caught:
        read(urlencode({"error": "server_error", "error_description": "a\u202eb" + words, "state": STATE}))
    assert caught.value.detail.startswith("server_error: a bxxx")
    assert len(caught.value.detail) == 200
    assert caught.value.detail.isprintable()


def test_the_state_is_found_only_once_and_only_in_our_alphabet() -> None:
    assert state_of(f"code=abc&state={STATE}") == STATE
    assert state_of([("state", STATE)]) == STATE
    for query in (
        "", "code=abc", f"state={STATE}&state={STATE}", f"state={STATE}%00", "state=../../etc/passwd", "state=short",
        f"state={STATE}&x=%", f"state={STATE}&x=%ff", f"state={'A' * 129}", f"state={STATE}&x={'A' * 9000}",
        f"state={STATE}%0A",
    ):  # fmt: skip
        assert state_of(query) is None


def test_codes_do_not_show_in_a_log() -> None:
    assert "abc" not in f"{Code('abc')} {InteractionCode('abc')} {Resume('abc')}"


def test_the_attempt_decides_not_the_answer() -> None:
    other = replace(ATTEMPT, issuer="https://beta.okta.com")
    with pytest.raises(Refused, match="issuer_confused"):
        read_callback(f"code=abc&state={STATE}&iss={ISSUER}", other, requires_iss=False, now=NOW, seconds=SECONDS)
