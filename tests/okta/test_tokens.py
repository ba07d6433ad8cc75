"""Asking Okta for tokens: what is sent, what is believed, and what a refusal means."""

from __future__ import annotations

from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.answer import Answer
from portal.okta.tokens import Tokens, fetch_userinfo, redeem_code, refresh, revoke
from tests.okta.forgery import by_id, load_cases
from tests.okta.scripted import CLIENT_ID, ISSUER, ScriptedDoor, answer, provider

CODE, VERIFIER, REFRESH_TOKEN = "code-canary", "verifier-canary", "refresh-canary"
REDIRECT_URI = "https://dash.pointapp.org/login/callback"
SCOPE = "openid profile email offline_access"
GOOD: dict[str, Any] = {
    "token_type": "Bearer",
    "expires_in": 3600,
    "access_token": "access-canary",
    "scope": SCOPE,
    "refresh_token": "next-refresh-canary",
    "id_token": "eyJ.id-canary.x",
}
UNKNOWN_CLIENT = {
    "errorCode": "invalid_client",
    "errorSummary": "Invalid value for 'client_id' parameter.",
    "errorLink": "invalid_client",
    "errorId": "oae1",
    "errorCauses": [],
}


def redeem(door: ScriptedDoor) -> Tokens:
    return redeem_code(
        door, provider(), client_id=CLIENT_ID, code=CODE, redirect_uri=REDIRECT_URI, code_verifier=VERIFIER
    )


def renew(door: ScriptedDoor) -> Tokens:
    return refresh(door, provider(), client_id=CLIENT_ID, refresh_token=REFRESH_TOKEN, scope=SCOPE)


def tokens_of(**changes: Any) -> Answer:
    return answer({name: value for name, value in {**GOOD, **changes}.items() if value != "absent"})


def refusal(call: Any, *answers: Answer | Refused) -> Refused:
    door = ScriptedDoor(*answers)
    with pytest.raises(Refused) as caught:
        call(door)
    assert len(door.calls) == 1, "a code or a refresh token was sent twice"
    return caught.value


def test_a_code_is_redeemed_as_a_public_client() -> None:
    door = ScriptedDoor(answer(GOOD))
    tokens = redeem(door)
    assert door.calls == [
        (
            "POST",
            f"{ISSUER}/oauth2/v1/token",
            {
                "grant_type": "authorization_code",
                "client_id": CLIENT_ID,
                "code": CODE,
                "redirect_uri": REDIRECT_URI,
                "code_verifier": VERIFIER,
            },
            {"accept": "application/json"},
        )
    ]
    assert tokens == Tokens(
        "access-canary", "eyJ.id-canary.x", "next-refresh-canary", tuple(SCOPE.split()), 3600
    )


def test_a_refresh_sends_the_token_and_the_scope_and_no_secret() -> None:
    door = ScriptedDoor(answer(GOOD))
    assert renew(door).refresh_token == "next-refresh-canary"
    _, url, form, headers = door.calls[0]
    assert url == f"{ISSUER}/oauth2/v1/token"
    assert form == {
        "grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": REFRESH_TOKEN, "scope": SCOPE,
    }  # fmt: skip
    assert set(headers) == {"accept"}


# What the `ctx` of a case makes of the answer, and the kinds that its name lists besides.
CONTEXTS: dict[str, list[dict[str, Any]]] = {
    "token_type=mac": [{"token_type": kind} for kind in ("mac", "DPoP", "", None, 1, ["Bearer"], "absent")],
    "access_token=123": [{"access_token": token} for token in (123, "absent", "", None, [], {}, True, "a b", "a\r\nb")],
    "scope=profile": [{"scope": scope} for scope in ("profile", "", "openidx profile", "OPENID")],
    "200+error": [{"error": "invalid_grant"}, {"error": None}, {"error": ""}],
}


@pytest.mark.parametrize("case", by_id([c for c in load_cases("id_token_attacks") if c["cls"] == "envelope"]))
def test_the_verdict_of_the_case_holds(case: dict[str, Any]) -> None:
    context = case["recipe"]["ctx"]
    if context == "refresh no rt":
        assert case["expect"] == "accept"
        assert renew(ScriptedDoor(tokens_of(refresh_token="absent"))).refresh_token == REFRESH_TOKEN
        return
    for changes in CONTEXTS[context]:
        for call in (redeem, renew):
            refused = refusal(call, tokens_of(**changes))
            assert (refused.problem, refused.reason) == (Problem.OKTA_ANSWER_INVALID, case["error"]), changes


@pytest.mark.parametrize("case", by_id([c for c in load_cases("id_token_attacks") if c["id"] == "IDT-90"]))
def test_userinfo_of_another_person_is_refused(case: dict[str, Any]) -> None:
    for sub in ("00uOther", "", None, "00UALICE", ["00uAlice"]):
        refused = userinfo_refusal(answer({"sub": sub, "email": "alice@acme.example"}))
        assert (refused.problem, refused.reason) == (Problem.ID_TOKEN_REFUSED, case["error"])


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "bEARER"])
def test_the_token_type_is_read_in_any_case(kind: str) -> None:
    assert redeem(ScriptedDoor(tokens_of(token_type=kind))).access_token == "access-canary"


def test_what_the_answer_may_leave_out_may_be_missing() -> None:
    tokens = redeem(ScriptedDoor(tokens_of(expires_in="absent", scope="absent", refresh_token="absent")))
    assert (tokens.expires_in, tokens.scope, tokens.refresh_token) == (None, (), None)
    again = renew(ScriptedDoor(tokens_of(scope="absent", id_token="absent")))
    assert (again.scope, again.id_token) == (tuple(SCOPE.split()), "")


@pytest.mark.parametrize("token", ["absent", None])
def test_a_code_that_brings_no_id_token_logs_nobody_in(token: Any) -> None:
    refused = refusal(redeem, tokens_of(id_token=token))
    assert (refused.problem, refused.reason) == (Problem.OKTA_ANSWER_INVALID, "id_token_missing")


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token": 7}, {"id_token": ""}, {"id_token": "x" * 16_385}, {"id_token": "a b"}, {"refresh_token": ""},
        {"refresh_token": "x" * 4097}, {"refresh_token": ["x"]}, {"access_token": "x" * 32_769},
        {"access_token": "é"}, {"expires_in": "3600"}, {"expires_in": -1}, {"expires_in": True},
        {"expires_in": 1e300}, {"expires_in": 10**12}, {"scope": ["openid"]}, {"scope": "openid " * 1000},
    ],
)  # fmt: skip
def test_members_of_the_wrong_kind_or_size_are_refused(changes: dict[str, Any]) -> None:
    refused = refusal(redeem, tokens_of(**changes))
    assert (refused.problem, refused.reason) == (Problem.OKTA_ANSWER_INVALID, "token_response_invalid")


def oauth(error: str, description: str = "", status: int = 400) -> Answer:
    return answer({"error": error, "error_description": description}, status)


NOT_ASSIGNED = "User is not assigned to the client application."
POLICY = "Policy evaluation failed for this request, please check the policy configurations."


@pytest.mark.parametrize(
    ("given", "problem", "reason"),
    [
        (answer(UNKNOWN_CLIENT, 401), Problem.OKTA_MISCONFIGURED, "client_unknown"),
        (answer(UNKNOWN_CLIENT, 400), Problem.OKTA_MISCONFIGURED, "client_unknown"),
        (oauth("invalid_client", "No client credentials found.", 401), Problem.OKTA_MISCONFIGURED, "client_unknown"),
        (oauth("unauthorized_client"), Problem.OKTA_MISCONFIGURED, "grant_missing"),
        (oauth("unsupported_grant_type"), Problem.OKTA_MISCONFIGURED, "grant_missing"),
        (oauth("invalid_scope"), Problem.OKTA_MISCONFIGURED, "scope_refused"),
        (oauth("invalid_request"), Problem.OKTA_MISCONFIGURED, "op_configuration_error"),
        (oauth("invalid_dpop_proof"), Problem.OKTA_MISCONFIGURED, "dpop_required"),
        (oauth("access_denied", NOT_ASSIGNED), Problem.LOGIN_NOT_ASSIGNED, "op_access_denied"),
        (oauth("access_denied", POLICY, 401), Problem.LOGIN_POLICY, "op_access_denied"),
        (oauth("access_denied", "Some of the requested scopes"), Problem.LOGIN_POLICY, "op_access_denied"),
        (oauth("brand_new"), Problem.OKTA_ERROR, "op_error"),
        (oauth("invalid_grant", status=429), Problem.OKTA_BUSY, "token_http_status"),
        (answer({"errorCode": "E0000047"}, 429), Problem.OKTA_BUSY, "token_http_status"),
        (answer(b"<h1>oops</h1>", 500, "text/html"), Problem.OKTA_UNREACHABLE, "token_http_status"),
        (answer(b"", 503, "text/html"), Problem.OKTA_UNREACHABLE, "token_http_status"),
        (answer(b"<h1>oops</h1>", 404, "text/html"), Problem.OKTA_ANSWER_INVALID, "token_http_status"),
        (answer([], 400), Problem.OKTA_ANSWER_INVALID, "token_http_status"),
        (answer({"error": 7}, 400), Problem.OKTA_ANSWER_INVALID, "token_http_status"),
        (answer(GOOD, 204), Problem.OKTA_ANSWER_INVALID, "token_http_status"),
        (answer(GOOD, 206), Problem.OKTA_ANSWER_INVALID, "token_http_status"),
        (answer(GOOD, 307, location="https://evil.example"), Problem.OKTA_ANSWER_INVALID, "token_redirected"),
        (answer(GOOD, 308), Problem.OKTA_ANSWER_INVALID, "token_redirected"),
        (answer(b"<html>", 200, "text/html"), Problem.OKTA_ANSWER_INVALID, "response_wrong_type"),
        (answer(b'{"access_token":"a","access_token":"b"}'), Problem.OKTA_ANSWER_INVALID, "response_duplicate_member"),
        (answer(b'{"access_token":'), Problem.OKTA_ANSWER_INVALID, "response_malformed"),
    ],
)
@pytest.mark.parametrize("call", [redeem, renew])
def test_a_refusal_is_mapped_and_never_repeated(call: Any, given: Answer, problem: Problem, reason: str) -> None:
    refused = refusal(call, given)
    assert (refused.problem, refused.reason) == (problem, reason)


def test_an_invalid_grant_is_the_code_s_end_or_the_session_s() -> None:
    given = oauth("invalid_grant", "The refresh token is invalid or expired.")
    for call, problem, reason in (
        (redeem, Problem.CODE_REFUSED, "code_rejected_by_op"),
        (renew, Problem.REFRESH_REFUSED, "refresh_refused"),
    ):
        refused = refusal(call, given)
        assert (refused.problem, refused.reason) == (problem, reason)
        assert "The refresh token is invalid or expired." in refused.detail


@pytest.mark.parametrize("call", [redeem, renew])
@pytest.mark.parametrize("reason", ["op_unavailable", "op_timeout"])
def test_a_lost_answer_is_not_asked_for_again(call: Any, reason: str) -> None:
    assert refusal(call, Refused(Problem.OKTA_UNREACHABLE, reason)).reason == reason


def test_okta_s_words_reach_the_log_without_what_we_sent() -> None:
    words = f"bad {CODE} {VERIFIER} {REFRESH_TOKEN}\n" + "x" * 500
    for call in (redeem, renew):
        detail = refusal(call, oauth("invalid_grant", words)).detail
        assert CODE not in detail or call is renew
        assert VERIFIER not in detail or call is renew
        assert REFRESH_TOKEN not in detail or call is redeem
        assert len(detail) < 220
        assert detail.isprintable()


def test_tokens_do_not_show_in_a_log() -> None:
    assert "canary" not in repr(redeem(ScriptedDoor(answer(GOOD))))


# -- userinfo --------------------------------------------------------------------------------------


def ask_who(door: ScriptedDoor) -> dict[str, Any]:
    return fetch_userinfo(door, provider(), access_token="access-canary", subject="00uAlice")


def userinfo_refusal(*answers: Answer | Refused) -> Refused:
    with pytest.raises(Refused) as caught:
        ask_who(ScriptedDoor(*answers))
    return caught.value


def test_the_access_token_travels_in_the_header_alone() -> None:
    door = ScriptedDoor(answer({"sub": "00uAlice", "email": "alice@acme.example"}))
    assert ask_who(door)["email"] == "alice@acme.example"
    method, url, form, headers = door.calls[0]
    assert (method, url, form) == ("GET", f"{ISSUER}/oauth2/v1/userinfo", {})
    assert headers["authorization"] == "Bearer access-canary"


@pytest.mark.parametrize(
    ("given", "problem", "reason"),
    [
        (answer(b"eyJ.x.y", 200, "application/jwt"), Problem.OKTA_ANSWER_INVALID, "userinfo_signed"),
        (answer(b"eyJ.x.y", 200, "Application/JWT; charset=utf-8"), Problem.OKTA_ANSWER_INVALID, "userinfo_signed"),
        (answer({}, 302, location="https://evil.example"), Problem.OKTA_ANSWER_INVALID, "userinfo_redirected"),
        (answer({"sub": "00uAlice"}, 401), Problem.OKTA_ANSWER_INVALID, "userinfo_http_status"),
        (answer({}, 429), Problem.OKTA_BUSY, "userinfo_http_status"),
        (answer({}, 502), Problem.OKTA_UNREACHABLE, "userinfo_http_status"),
        (answer(b"<html>", 200, "text/html"), Problem.OKTA_ANSWER_INVALID, "response_wrong_type"),
    ],
)
def test_a_bad_userinfo_is_refused(given: Answer, problem: Problem, reason: str) -> None:
    refused = userinfo_refusal(given)
    assert (refused.problem, refused.reason) == (problem, reason)


def test_userinfo_is_asked_for_twice_at_most() -> None:
    door = ScriptedDoor(answer({}, 500), answer({"sub": "00uAlice"}))
    assert ask_who(door) == {"sub": "00uAlice"}
    door = ScriptedDoor(answer({}, 500))
    with pytest.raises(Refused):
        ask_who(door)
    assert len(door.calls) == 2


def test_an_issuer_without_userinfo_is_refused_without_a_call() -> None:
    door = ScriptedDoor(answer({}))
    with pytest.raises(Refused, match="userinfo_unavailable"):
        fetch_userinfo(door, provider(userinfo_endpoint=None), access_token="x", subject="y")
    assert door.calls == []


# -- revocation ------------------------------------------------------------------------------------


def test_a_token_is_revoked_as_a_public_client() -> None:
    door = ScriptedDoor(answer(b"", 200, ""))
    revoke(door, provider(), client_id=CLIENT_ID, token=REFRESH_TOKEN, hint="refresh_token")
    form = {"token": REFRESH_TOKEN, "token_type_hint": "refresh_token", "client_id": CLIENT_ID}
    assert door.calls == [("POST", f"{ISSUER}/oauth2/v1/revoke", form, {"accept": "application/json"})]


def test_a_refused_revocation_says_so_once() -> None:
    for status, problem in ((401, Problem.OKTA_ANSWER_INVALID), (503, Problem.OKTA_UNREACHABLE)):
        door = ScriptedDoor(answer({}, status))
        with pytest.raises(Refused) as caught:
            revoke(door, provider(), client_id=CLIENT_ID, token=REFRESH_TOKEN, hint="refresh_token")
        assert (caught.value.problem, len(door.calls)) == (problem, 1)


def test_an_issuer_without_revocation_is_not_asked() -> None:
    door = ScriptedDoor(answer({}))
    revoke(door, provider(revocation_endpoint=None), client_id=CLIENT_ID, token="x", hint="refresh_token")
    assert door.calls == []
