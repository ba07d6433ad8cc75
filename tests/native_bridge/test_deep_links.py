"""Which links belong to a login or a logout of ours, what they say, and every listed case."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native_bridge.deep_links import (
    MAX_LINK,
    STATE_MARK,
    DeepLink,
    build_login_link,
    build_logout_link,
    is_web_state,
    login_state,
    parse_link,
    read_login_return,
    read_logout_return,
)
from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt, start_login
from portal.okta.callback import Code, InteractionCode, Resume
from tests.okta.forgery import by_id, load_cases
from tests.okta.scripted import CLIENT_ID, ISSUER, NOW

SCHEME = "org.pointapp.point"
APP_LINK = "https://dash.pointapp.org/native/open"
OTHER_ISSUER = "https://beta.okta.com"
SECONDS = 600
CASES = load_cases("deep_links")
# What a stranger can cause, and must therefore not end anybody's login.
HARMLESS = {Problem.DEEP_LINK_INVALID, Problem.ATTEMPT_UNKNOWN}


BEGUN = start_login(
    organization_id=1, integration_id=2, integration_version=3, app="native", issuer=ISSUER, client_id=CLIENT_ID,
    redirect_uri=f"{SCHEME}:/login", scope="openid", return_to="/", now=NOW,
)  # fmt: skip


def start(letter: str, **changes: Any) -> Attempt:
    """An attempt of the bridge with a state that is the same in every run."""
    return replace(BEGUN, state=STATE_MARK + (letter + "0_-" + letter.lower()) * 9, **changes)


FRESH = start("F")
ATTEMPTS = {
    "S": FRESH,
    "S_USED": start("U"),
    "S_EXP": start("E", started_at=NOW - SECONDS),
    "S_OTHER": start("O"),
    "S_B": start("B", organization_id=2, issuer=OTHER_ISSUER),
    "S_IDX": start("I"),
    "S:metadata_says_iss_supported": start("M"),
}
FIXTURES = {
    **{name: attempt.state for name, attempt in ATTEMPTS.items()},
    "S_WEB": "WebState" * 5 + "0_-w",
    "S_OUT": STATE_MARK + "Out0" * 11,
    "C": "code-0123456789",
    "C_USED": "code-used",
    "IC": "interaction-code-0123456789",
    "ISS_A:enc": quote(ISSUER, safe=""),
    "ISS_B:enc": quote(OTHER_ISSUER, safe=""),
    "1000_PARAMS": "&".join(f"p{number}=1" for number in range(1000)),
}


# -- the listed cases ----------------------------------------------------------------------------------------------

API = "proved through the API in tests/native_bridge/test_complete.py"
# Cases that the library cannot decide alone: what it says, and why that is not all.
ELSEWHERE = {
    "DL-52": ("ok", f"only the store of attempts knows that a login is over; {API}"),
    "DL-54": ("ok", f"only the app's own code_verifier tells two phones apart; {API}"),
    "DL-55": ("web_state", f"whoever finds no attempt for a state asks is_web_state and says wrong_flow; {API}"),
    "DL-57": ("ok_logout", f"whose state it is, is looked up; {API}"),
    "DL-60": ("ok", f"Okta refuses the code; {API}"),
    "DL-61": ("ok", f"Okta refuses the code; {API}"),
    "DL-123": ("ok", f"Okta refuses the code %63; {API}"),
}


def fill(uri: object) -> object:
    """The link of a case with its fixtures in their places."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return FIXTURES[name] if name in FIXTURES else "A" * int(name.removeprefix("A"))

    return re.sub(r"\{([^{}]+)\}", value, uri) if isinstance(uri, str) else uri


def decide(link: object) -> tuple[str, bool]:
    """The verdict as a case writes it, as far as the library goes, and whether the attempt is used up by it."""
    try:
        parsed = parse_link(link, scheme=SCHEME)
        if parsed.path == "/logout":
            return ("ok_logout" if read_logout_return(parsed) else "ok_logout_no_state"), True
        state = login_state(parsed)
        if is_web_state(state):
            return "web_state", False
        # A state that nobody began leads to no attempt; here it meets one, and must not fit it.
        name = next((name for name, attempt in ATTEMPTS.items() if attempt.state == state), "S")
        requires_iss = name == "S:metadata_says_iss_supported"
        found = read_login_return(parsed, ATTEMPTS[name], requires_iss=requires_iss, now=NOW, seconds=SECONDS)
    except Refused as refused:
        return refused.reason, refused.problem not in HARMLESS
    return ("op_interaction_required", False) if isinstance(found, Resume) else ("ok", True)


@pytest.mark.parametrize("case", by_id([case for case in CASES if case["id"] not in ELSEWHERE]))
def test_a_listed_link_gets_its_verdict(case: dict[str, Any]) -> None:
    code, used_up = decide(fill(case["uri"]))
    assert code == case["code"]
    assert case["consumes_state"] in (None, used_up)


@pytest.mark.parametrize("case", by_id([case for case in CASES if case["id"] in ELSEWHERE]))
def test_of_the_others_the_library_says_what_it_can(case: dict[str, Any]) -> None:
    code, _ = decide(fill(case["uri"]))
    assert code == ELSEWHERE[case["id"]][0] != case["code"]


def test_every_case_is_decided_here_or_listed_with_a_reason() -> None:
    ids = {case["id"] for case in CASES} or pytest.skip("needs the case files")
    decided = {case["id"] for case in CASES if decide(fill(case["uri"]))[0] == case["code"]}
    assert len(ids) == len(CASES)
    assert decided == ids - set(ELSEWHERE)
    assert set(ELSEWHERE) <= ids


def test_a_code_is_decoded_exactly_once() -> None:
    assert read(f"{SCHEME}:/login?code=%2563&state={FRESH.state}") == Code("%63")
    assert read(f"{SCHEME}:/login?interaction_code=a%2Bb&state={FRESH.state}") == InteractionCode("a+b")


# -- a link of ours --------------------------------------------------------------------------------------------------


def read(link: object, **changes: Any) -> Code | InteractionCode | Resume:
    parsed = parse_link(link, scheme=SCHEME, app_link=APP_LINK)
    assert login_state(parsed)
    return read_login_return(parsed, FRESH, **{"requires_iss": False, "now": NOW, "seconds": SECONDS, **changes})


def refusal(call: Callable[..., object], *values: object, **named: object) -> tuple[Problem, str]:
    with pytest.raises(Refused) as caught:
        call(*values, **named)
    return caught.value.problem, caught.value.reason


def invalid(reason: str) -> tuple[Problem, str]:
    return Problem.DEEP_LINK_INVALID, reason


def test_links_are_built_with_one_slash_and_no_authority() -> None:
    assert build_login_link(SCHEME, {"code": "a b", "state": "ä&="}) == f"{SCHEME}:/login?code=a+b&state=%C3%A4%26%3D"
    assert build_login_link(SCHEME, {}) == f"{SCHEME}:/login"
    assert build_logout_link(SCHEME) == f"{SCHEME}:/logout"
    assert build_logout_link(SCHEME, {"state": "x"}) == f"{SCHEME}:/logout?state=x"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=8), st.sampled_from([SCHEME, "A+b-1.c"]))
def test_what_was_built_is_read_as_it_was(parameters: dict[str, str], scheme: str) -> None:
    for build, path in ((build_login_link, "/login"), (build_logout_link, "/logout")):
        link = parse_link(build(scheme, parameters), scheme=scheme)
        assert link.path == path
        assert dict(parse_qsl(link.query, keep_blank_values=True)) == parameters


CODES = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=500)


@given(CODES, st.sampled_from(["code", "interaction_code", "otp"]), st.booleans())
def test_an_answer_survives_the_way_over_the_phone(code: str, name: str, with_iss: bool) -> None:
    answer = {name: code, "state": FRESH.state} | ({"iss": ISSUER} if with_iss else {})
    kind = {"code": Code, "interaction_code": InteractionCode, "otp": Resume}[name]
    assert read(build_login_link(SCHEME, answer), requires_iss=with_iss) == kind(code)


def test_the_scheme_alone_may_be_in_any_case() -> None:
    assert parse_link("ORG.pointApp.point:/login?code=Ab", scheme=SCHEME) == DeepLink("/login", "code=Ab")
    assert parse_link(f"{SCHEME}:/logout", scheme=SCHEME.upper()) == DeepLink("/logout", "")
    assert refusal(parse_link, f"{SCHEME}:/Login", scheme=SCHEME) == invalid("wrong_path")
    # The lower case of the Kelvin sign and the upper case of the long s are ASCII letters.
    for foreign, scheme in (("\u212a", "k.app"), ("\u017f", "s.app")):
        assert refusal(parse_link, f"{foreign}.app:/login", scheme=scheme) == invalid("wrong_scheme")


def test_the_https_variant_counts_only_where_it_is_claimed_and_only_exactly() -> None:
    def parse(link: str, app_link: str = APP_LINK) -> object:
        try:
            return parse_link(link, scheme=SCHEME, app_link=app_link)
        except Refused as refused:
            return refused.reason

    assert parse(f"{APP_LINK}?code=1#x") == DeepLink("/login", "code=1")
    assert parse(APP_LINK) == DeepLink("/login", "")
    assert parse(f"{APP_LINK}/logout?state=1") == DeepLink("/logout", "state=1")
    assert parse(f"{SCHEME}:/login?code=1") == DeepLink("/login", "code=1")
    for link in (
        f"{APP_LINK}/", f"{APP_LINK}/login", f"{APP_LINK}/logout/", f"{APP_LINK}er", APP_LINK.upper(),
        APP_LINK.replace("https", "http"), APP_LINK.replace("dash", "DASH"), APP_LINK.replace(".org", ".org:443"),
        APP_LINK.replace("//", "//x@"), APP_LINK.replace("/open", "/x/../open"), APP_LINK.replace("open", "%6Fpen"),
    ):  # fmt: skip
        assert parse(link) == "wrong_scheme"
    assert parse(f"{APP_LINK}?code=1", app_link="") == "wrong_scheme"
    assert parse("?code=1", app_link="") == "wrong_scheme"


@pytest.mark.parametrize("link", [None, True, 0, 1.5, [], [f"{SCHEME}:/login"], {}, b"x", "", " ", "\t\n", "\u2003"])
def test_what_is_no_text_is_no_link(link: object) -> None:
    assert refusal(parse_link, link, scheme=SCHEME) == invalid("invalid_deep_link")


def test_no_character_that_some_parser_drops_or_changes_gets_through() -> None:
    link = f"{SCHEME}:/login?code=1&state={FRESH.state}#x"
    for code in (*range(0x21), 0x5C, *range(0x7F, 0x100), 0x0131, 0x2028, 0x202E, 0xD800, 0xFEFF, 0xFF0F, 0x1F600):
        for place in range(len(link) + 1):
            _, reason = refusal(parse_link, link[:place] + chr(code) + link[place:], scheme=SCHEME)
            assert reason in ("bad_character", "wrong_scheme"), (code, place)


@pytest.mark.parametrize(
    "path", ["", "/", "login", "//login", "/login:1", ":/login", "/logins", "/log%69n", "/LOGIN", "@x/login", "/login."]
)
def test_the_path_is_one_of_two_and_exactly(path: str) -> None:
    for tail in ("", "?code=1", "#?/login"):
        assert refusal(parse_link, f"{SCHEME}:{path}{tail}", scheme=SCHEME) == invalid("wrong_path")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "missing_parameters"), ("&", "missing_parameters"), ("=", "missing_state"), ("foo=1", "missing_state"),
        ("code=1", "missing_state"), ("code=1&state", "missing_state"), ("code=1&state=", "missing_state"),
    ],
)  # fmt: skip
def test_a_login_link_needs_a_state(query: str, reason: str) -> None:
    assert refusal(login_state, DeepLink("/login", query)) == invalid(reason)


def test_a_link_has_8192_bytes_at_most() -> None:
    start = f"{SCHEME}:/login?x="
    assert parse_link(start.ljust(MAX_LINK, "a"), scheme=SCHEME).path == "/login"
    assert parse_link(f"{SCHEME}:/login#".ljust(MAX_LINK, "a"), scheme=SCHEME).query == ""
    for fill in ("a", "ä", "\0"):
        assert refusal(parse_link, start.ljust(MAX_LINK + 1, fill), scheme=SCHEME) == invalid("too_long")


def test_the_syntax_of_the_whole_query_comes_before_the_state() -> None:
    for tail, reason in (
        ("error_description=%00", "bad_character"), ("x=%", "bad_encoding"), ("x=%ff", "bad_encoding"),
        ("iss=1&iss=1", "duplicate_parameter"), ("otp=" + "1" * 257, "too_long"), ("&" * 64, "too_long"),
    ):  # fmt: skip
        link = parse_link(f"{SCHEME}:/login?code=1&state={FRESH.state}&{tail}", scheme=SCHEME)
        assert refusal(login_state, link) == invalid(reason)
        assert refusal(read_login_return, link, FRESH, requires_iss=True, now=0, seconds=1) == invalid(reason)
        out = DeepLink("/logout", link.query.replace("code=1&", ""))
        assert refusal(read_logout_return, out) == invalid(reason)


def test_a_link_of_one_flow_is_not_read_as_the_other() -> None:
    login, logout = DeepLink("/login", f"code=1&state={FRESH.state}"), DeepLink("/logout", f"state={FRESH.state}")
    for query in (login.query, logout.query, "", "error=access_denied"):
        assert refusal(read_logout_return, DeepLink("/login", query)) == invalid("wrong_flow")
    assert refusal(login_state, logout) == invalid("wrong_flow")
    answer = refusal(read_login_return, replace(login, path="/logout"), FRESH, requires_iss=False, now=NOW, seconds=1)
    assert answer == invalid("wrong_flow")
    for name in ("code", "interaction_code", "otp"):
        assert refusal(read_logout_return, DeepLink("/logout", f"state=1&{name}=")) == invalid("wrong_flow")


def test_a_logout_returns_with_or_without_state_and_whatever_okta_says() -> None:
    for query, state in (
        ("", None), ("&&", None), ("state=", None), ("state=abc", "abc"), ("foo=1&foo=2", None),
        ("error=access_denied&error_description=no&state=abc", "abc"),
    ):  # fmt: skip
        assert read_logout_return(DeepLink("/logout", query)) == state


def test_state_before_age_before_issuer_before_error() -> None:
    late, strict = {"now": NOW + SECONDS}, {"requires_iss": True}
    link = f"{SCHEME}:/login?error=access_denied&state="
    assert refusal(read, f"{link}x", **late, **strict) == (Problem.ATTEMPT_UNKNOWN, "unknown_state")
    assert refusal(read, f"{link}{FRESH.state}", **late, **strict) == (Problem.ATTEMPT_EXPIRED, "state_expired")
    assert refusal(read, f"{link}{FRESH.state}", **strict) == (Problem.ISSUER_CONFUSED, "issuer_missing")
    assert refusal(read, f"{link}{FRESH.state}&iss=x") == (Problem.ISSUER_CONFUSED, "issuer_mismatch")
    assert refusal(read, f"{link}{FRESH.state}") == (Problem.LOGIN_CANCELLED, "op_access_denied")
    no_state = DeepLink("/login", "error=access_denied")
    assert refusal(read_login_return, no_state, FRESH, requires_iss=True, now=0, seconds=1) == invalid("missing_state")


def test_what_okta_said_stays_for_the_log() -> None:
    with pytest.raises(Refused) as caught:
        read(f"{SCHEME}:/login?error=access_denied&error_description=by+policy&state={FRESH.state}")
    assert (caught.value.problem, caught.value.detail) == (Problem.LOGIN_POLICY, "access_denied: by policy")


def test_states_of_the_web_are_told_from_the_bridge_s() -> None:
    web = "w" * 44
    assert is_web_state(web)
    for state in (STATE_MARK + web, STATE_MARK + "w" * 37, web[1:], web + "w", web[1:] + "=", web + "\n", "", "ä" * 44):
        assert not is_web_state(state)
    assert is_web_state(BEGUN.state)


def test_a_link_shows_neither_code_nor_state_in_a_log() -> None:
    assert "secret" not in repr(parse_link(f"{SCHEME}:/login?code=secret", scheme=SCHEME))
