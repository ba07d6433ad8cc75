"""Every way to forge an ID token that is known to us, and the few that are good."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.id_token import check_id_token
from portal.okta.keys import choose_key, read_keys
from portal.okta.provider import Providers
from tests.okta.forgery import TestKeys, at_hash, by_id, ec_jwk, encode, forge, load_cases, rsa_jwk, sign, test_keys
from tests.okta.scripted import CLIENT_ID, ISSUER, NOW, ScriptedDoor, answer, provider

CASES = load_cases("id_token_attacks")
# Envelope cases are about the answer around the token: test_tokens.py.
ELSEWHERE = {"IDT-90", "IDT-119", "IDT-121", "IDT-123", "IDT-124", "IDT-125"}
# Okta sends no logout tokens but orders to end sessions: test_revocation.py, tests/web/test_universal_logout.py.
ORDERS = {"IDT-126", "IDT-127", "IDT-129", "IDT-131", "IDT-133", "IDT-135", "IDT-136"}

NONCE = "n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S6_WzA2Mj-nonce"
ACCESS_TOKEN = "eyJraWQiOiJhdCJ9.access.token"
CODE = "the-code"
HEADER = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "00u1alice4567890abcd",
    "aud": CLIENT_ID,
    "iat": NOW,
    "exp": NOW + 300,
    "nonce": NONCE,
    "auth_time": NOW - 5,
    "at_hash": at_hash(ACCESS_TOKEN),
    "email": "alice@acme.example",
}
# What a case's `ctx` arranges besides the token.
CONTEXTS: dict[str, dict[str, Any]] = {
    "max_age=600": {"max_age": 600},
    "acr_values=phr": {"acr_values": ("phr",)},
    "replay": {"nonce": "the-nonce-of-a-second-login"},
    "native flow": {},
}


@pytest.fixture(scope="session")
def keys() -> TestKeys:
    return test_keys()


def make(keys: TestKeys, recipe: dict[str, Any] | None = None, **claims: Any) -> str:
    return forge(recipe or {"claims": claims}, header=HEADER, claims=CLAIMS, keys=keys, access_token=ACCESS_TOKEN)


def check(keys: TestKeys, token: Any, jwks: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Through the issuer's cached keys, as a login does it."""
    providers = Providers(ScriptedDoor(answer(jwks or keys.jwks())), clock=lambda: NOW)
    demands = {
        "key": partial(providers.key, provider()),
        "algorithms": ("RS256",),
        "issuer": ISSUER,
        "client_id": CLIENT_ID,
        "nonce": NONCE,
        "now": NOW + 1.5,
        "access_token": ACCESS_TOKEN,
        "code": CODE,
        **changes,
    }
    return check_id_token(token, **demands)


def reason(keys: TestKeys, token: Any, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        check(keys, token, **changes)
    assert caught.value.problem is Problem.ID_TOKEN_REFUSED
    return caught.value.reason


@pytest.mark.parametrize("case", by_id([c for c in CASES if c["id"] not in ELSEWHERE | ORDERS]))
def test_the_verdict_of_the_case_holds(keys: TestKeys, case: dict[str, Any]) -> None:
    recipe = case["recipe"]
    context = CONTEXTS[recipe["ctx"]] if "ctx" in recipe else {}
    token = make(keys, recipe or {"claims": {}})
    if case["expect"] == "accept":
        assert check(keys, token, **context)["sub"].lower() == CLAIMS["sub"]
    else:
        assert reason(keys, token, **context) == case["error"]


def test_every_case_is_tested_here_or_where_its_kind_is() -> None:
    ids = {case["id"] for case in CASES}
    assert not CASES or ids >= ELSEWHERE | ORDERS
    assert {c["id"] for c in CASES if c["cls"] == "logout_token"} <= ORDERS
    assert {c["id"] for c in CASES if c["cls"] == "envelope"} <= ELSEWHERE


def test_the_claims_come_back_as_they_were_signed(keys: TestKeys) -> None:
    assert check(keys, make(keys)) == CLAIMS


def test_a_sub_in_other_letters_is_another_person(keys: TestKeys) -> None:
    token = make(keys, {"claims": {"sub": "$SUB_UPPER"}})
    assert check(keys, token)["sub"] == CLAIMS["sub"].upper()
    assert reason(keys, token, subject=CLAIMS["sub"]) == "subject_mismatch"


def test_an_es256_token_is_accepted_where_the_issuer_publishes_it(keys: TestKeys) -> None:
    token = make(keys, {"header": {"alg": "ES256", "kid": "kE"}, "key": "ec"})
    assert check(keys, token, algorithms=("RS256", "ES256")) == CLAIMS
    head, body, signature = token.split(".")
    other = "A" if signature[10] != "A" else "B"
    broken = f"{head}.{body}.{signature[:10]}{other}{signature[11:]}"
    assert reason(keys, broken, algorithms=("ES256",)) == "bad_signature"
    assert reason(keys, f"{head}.{body}.AAAA", algorithms=("ES256",)) == "bad_signature"


def test_rs256_with_the_kid_of_an_ec_key_is_a_mismatch(keys: TestKeys) -> None:
    assert reason(keys, make(keys, {"header": {"kid": "kE"}})) == "key_alg_mismatch"


def test_a_token_without_kid_is_refused_when_several_keys_fit(keys: TestKeys) -> None:
    two = {"keys": [rsa_jwk(keys.trusted), rsa_jwk(keys.attacker)]}
    assert reason(keys, make(keys, {"header": {"kid": None}}), jwks=two) == "unknown_key"


def test_a_token_without_kid_is_accepted_when_the_only_key_has_none(keys: TestKeys) -> None:
    assert check(keys, make(keys, {"header": {"kid": None}}), jwks={"keys": [rsa_jwk(keys.trusted)]}) == CLAIMS


def test_a_key_finder_that_returns_an_unfit_key_does_not_open_the_door(keys: TestKeys) -> None:
    unfit = choose_key(read_keys(keys.jwks()), "kE", "ES256")
    assert reason(keys, make(keys), key=lambda kid, algorithm: unfit) == "bad_signature"


def test_a_token_of_another_issuer_asks_for_no_key(keys: TestKeys) -> None:
    def never(kid: str | None, algorithm: str) -> Any:
        raise AssertionError("a key was asked for")

    assert reason(keys, make(keys, iss="https://evil.example"), key=never) == "issuer_mismatch"


@pytest.mark.parametrize("alg", ["", None, 256, ["RS256"], {"alg": "RS256"}, True, "rs256", "RS256 ", "PS256", "RS512"])
def test_an_algorithm_that_is_not_ours_is_refused(keys: TestKeys, alg: Any) -> None:
    token = sign(json.dumps({**HEADER, "alg": alg}).encode(), json.dumps(CLAIMS).encode(), "trusted", keys)
    assert reason(keys, token) == "alg_not_allowed"


@pytest.mark.parametrize("kid", [1, {}, [], True, None, "k" * 256, "k" * 10_000])
def test_a_kid_that_is_no_short_string_is_malformed(keys: TestKeys, kid: Any) -> None:
    token = sign(json.dumps({**HEADER, "kid": kid}).encode(), json.dumps(CLAIMS).encode(), "trusted", keys)
    assert reason(keys, token) == "malformed"


@pytest.mark.parametrize("typ", ["JWE", "logout+jwt", "", 1, None, ["JWT"]])
def test_another_type_is_refused(keys: TestKeys, typ: Any) -> None:
    token = sign(json.dumps({**HEADER, "typ": typ}).encode(), json.dumps(CLAIMS).encode(), "trusted", keys)
    assert reason(keys, token) == "wrong_token_type"


def test_the_type_may_be_in_small_letters(keys: TestKeys) -> None:
    assert check(keys, make(keys, {"header": {"typ": "jwt"}})) == CLAIMS


BAD_TEXTS = {
    "nothing": "",
    "dots": "..",
    "two parts": "e30.e30",
    "four parts": "e30.e30.e30.e30",
    "padding": encode(b'{"alg":"RS256"}') + "=.e30.e30",
    "not ascii": "é.e30.e30",
    "fullwidth": "ｅ30.e30.e30",
    "no string": None,
    "bytes": b"e30.e30.e30",
    "too long": "e30." + "A" * 16_384 + ".e30",
    "header is text": f"{encode(b'x')}.e30.e30",
    "header is null": f"{encode(b'null')}.e30.e30",
    "one character": "e30.A.e30",
    "not utf-8": f"{encode(bytes([0xFF, 0xFE]))}.e30.e30",
    "a mark first": f"{encode(chr(0xFEFF).encode() + b'{}')}.e30.e30",
    "utf-16": f"{encode('{}'.encode('utf-16'))}.e30.e30",
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_a_text_that_is_no_jws_is_malformed(keys: TestKeys, text: Any) -> None:
    assert reason(keys, text) == "malformed"


@pytest.mark.parametrize("where", ["front", "back", "inside"])
@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\r\n", "\x00", "\x0b", "="])
def test_a_blank_anywhere_is_malformed(keys: TestKeys, where: str, blank: str) -> None:
    token = make(keys)
    texts = {"front": blank + token, "back": token + blank, "inside": token[:30] + blank + token[30:]}
    assert reason(keys, texts[where]) == "malformed"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_spare_bits_are_malformed_in_every_part(keys: TestKeys, part: int) -> None:
    header = b'{"alg":"RS256","kid":"k1"} '  # 28 bytes leave four spare bits, and so does the payload below
    payload = json.dumps(CLAIMS).encode()
    header += b" " * (-len(header) % 3 + 1)
    payload += b" " * (-len(payload) % 3 + 1)
    token = sign(header, payload, "trusted", keys)
    assert check(keys, token) == CLAIMS
    parts = token.split(".")
    assert base64.urlsafe_b64decode(parts[part] + "==")
    parts[part] = parts[part][:-1] + chr(ord(parts[part][-1]) + 1)
    assert reason(keys, ".".join(parts)) == "malformed"


BAD_PAYLOADS = {
    "string": b'"x"',
    "null": b"null",
    "number": b"1",
    "nan": b'{"x":NaN}',
    "infinity": b'{"x":-Infinity}',
    "overflow": b'{"x":1e999}',
    "endless number": b'{"x":' + b"9" * 5000 + b"}",
    "two objects": b"{}{}",
    "same name in disguise": b'{"sub":"a","\\u0073ub":"b"}',
    "twice inside": b'{"x":{"y":1,"y":2}}',
    "half a surrogate": b'{"x":"\\ud800"}',
    "nul": b'{"x":"\\u0000"}',
    "control": b'{"x":"\n"}',
    "deep arrays": b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deep objects": b'{"x":' * 1500 + b"1" + b"}" * 1500,
    "just too deep": b'{"x":' + b"[" * 32 + b"]" * 32 + b"}",
}


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS.keys())
def test_a_payload_that_parsers_read_differently_is_malformed(keys: TestKeys, payload: bytes) -> None:
    honest = json.dumps(CLAIMS).encode()
    merged = honest[:-1] + b"," + payload[1:] if payload.startswith(b'{"x"') else payload
    assert reason(keys, sign(json.dumps(HEADER).encode(), merged, "trusted", keys)) == "malformed"


def test_brackets_in_names_and_many_flat_lists_are_no_depth(keys: TestKeys) -> None:
    claims = {**CLAIMS, "name": '[{"' * 40, "groups": [[name] for name in "abcdefghijklmnopqrstuvwxyz" * 3]}
    token = sign(json.dumps(HEADER).encode(), json.dumps(claims).encode(), "trusted", keys)
    assert check(keys, token) == claims


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize("value", ["soon", str(NOW), True, -1, 1.5, float(NOW), 1e300, [NOW], {}, 10**15])
def test_a_time_that_is_no_whole_number_is_malformed(keys: TestKeys, name: str, value: Any) -> None:
    assert reason(keys, make(keys, **{name: value})) == "malformed"


@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a_token_without_its_times_is_malformed(keys: TestKeys, name: str) -> None:
    assert reason(keys, make(keys, {"claims": {name: None}})) == "malformed"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"exp": NOW + 2}, "ok"),
        ({"exp": NOW + 1}, "expired"),
        ({"exp": NOW - 100, "iat": NOW - 400}, "expired"),
        ({"iat": NOW + 121, "exp": NOW + 400}, "ok"),
        ({"iat": NOW + 122, "exp": NOW + 400}, "iat_in_future"),
        ({"iat": NOW + 60, "exp": NOW + 60}, "expired"),
        ({"iat": NOW - 598}, "ok"),
        ({"iat": NOW - 599}, "iat_too_old"),
        ({"nbf": NOW + 121}, "ok"),
        ({"nbf": NOW + 122}, "not_yet_valid"),
    ],
)
def test_the_limits_in_time_are_exact(keys: TestKeys, changes: dict[str, int], verdict: str) -> None:
    token = make(keys, **changes)
    if verdict == "ok":
        assert check(keys, token)
    else:
        assert reason(keys, token) == verdict


def test_no_caller_can_allow_more_skew_than_two_minutes(keys: TestKeys) -> None:
    assert reason(keys, make(keys, iat=NOW + 500, exp=NOW + 900), skew=3600) == "iat_in_future"


@pytest.mark.parametrize(
    "aud", [None, [], [CLIENT_ID, CLIENT_ID], [[CLIENT_ID]], {}, "", f"{CLIENT_ID} ", [CLIENT_ID, ""]]
)
def test_an_audience_that_is_not_exactly_ours_is_refused(keys: TestKeys, aud: Any) -> None:
    assert reason(keys, make(keys, {"claims": {"aud": aud}})) == "audience_mismatch"


def test_an_azp_of_null_is_not_ours(keys: TestKeys) -> None:
    token = sign(json.dumps(HEADER).encode(), json.dumps({**CLAIMS, "azp": None}).encode(), "trusted", keys)
    assert reason(keys, token) == "azp_mismatch"


@pytest.mark.parametrize(
    ("sub", "verdict"),
    [("  ", "subject_missing"), (7, "malformed"), (["x"], "malformed"), (True, "malformed"), ("x" * 256, "malformed"),
     ("аlice", "malformed"), ("a\nb", "malformed"), ("a\x7f", "malformed")],
)  # fmt: skip
def test_a_subject_that_is_no_short_ascii_text_is_refused(keys: TestKeys, sub: Any, verdict: str) -> None:
    assert reason(keys, make(keys, sub=sub)) == verdict


@pytest.mark.parametrize("nonce", [7, ["x"], True, NONCE[:-1], NONCE + " ", "nönce"])
def test_another_nonce_is_refused(keys: TestKeys, nonce: Any) -> None:
    assert reason(keys, make(keys, nonce=nonce)) == "nonce_mismatch"


def test_an_attempt_without_a_nonce_is_never_satisfied(keys: TestKeys) -> None:
    assert reason(keys, make(keys, nonce=""), nonce="") == "nonce_mismatch"


def test_a_refresh_needs_no_nonce_but_the_same_person_and_a_fresh_token(keys: TestKeys) -> None:
    token = make(keys, {"claims": {"nonce": None}})
    refresh = {"nonce": None, "code": None, "subject": CLAIMS["sub"]}
    assert check(keys, token, **refresh)["sub"] == CLAIMS["sub"]
    assert check(keys, make(keys), **refresh)["nonce"] == NONCE
    assert reason(keys, make(keys, sub="00uSomebodyElse"), **refresh) == "subject_mismatch"
    assert reason(keys, make(keys, iat=NOW - 3600), **refresh) == "iat_too_old"


@pytest.mark.parametrize("name", ["at_hash", "c_hash"])
@pytest.mark.parametrize("value", ["", "x", 7, None, at_hash("another"), at_hash(CODE) + "="])
def test_a_hash_of_something_else_is_refused(keys: TestKeys, name: str, value: Any) -> None:
    token = sign(json.dumps(HEADER).encode(), json.dumps({**CLAIMS, name: value}).encode(), "trusted", keys)
    assert reason(keys, token) == f"{name}_mismatch"


def test_right_hashes_are_accepted_and_missing_ones_too(keys: TestKeys) -> None:
    assert check(keys, make(keys, c_hash=at_hash(CODE)))
    assert check(keys, make(keys, {"claims": {"at_hash": None}}))


@pytest.mark.parametrize(
    ("auth_time", "verdict"),
    [(NOW - 600, "ok"), (NOW - 718, "ok"), (NOW - 719, "auth_time_too_old"), (NOW + 300, "auth_time_too_old")],
)
def test_a_sign_in_that_is_older_than_asked_for_is_refused(keys: TestKeys, auth_time: int, verdict: str) -> None:
    token = make(keys, auth_time=auth_time)
    if verdict == "ok":
        assert check(keys, token, max_age=600)
    else:
        assert reason(keys, token, max_age=600) == verdict


def test_an_acr_that_was_asked_for_is_accepted(keys: TestKeys) -> None:
    assert check(keys, make(keys, acr="phr"), acr_values=("phr", "phrh"))
    assert reason(keys, make(keys), acr_values=("phr",)) == "acr_mismatch"


def test_a_refusal_carries_no_piece_of_the_token(keys: TestKeys) -> None:
    token = make(keys, {"raw": "trailing_bits"})
    with pytest.raises(Refused) as caught:
        check(keys, token)
    assert caught.value.__cause__ is None
    assert token[:40] not in f"{caught.value!r} {caught.value.detail}"


def test_one_changed_character_anywhere_is_refused(keys: TestKeys) -> None:
    token = make(keys)
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Refused):
            check(keys, changed)


def test_ec_keys_off_the_curve_are_refused(keys: TestKeys) -> None:
    off = {**ec_jwk(keys.ec, kid="kE"), "y": encode(b"\x01" * 32)}
    with pytest.raises(Refused, match="jwks_key_unacceptable"):
        read_keys({"keys": [off]})
