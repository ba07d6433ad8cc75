"""An order of Okta's to end sessions: only one that this Okta has signed, for us, now, and whom it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from okta_sandbox import KeyRing, encode_part
from portal.errors import Problem, Refused
from portal.okta.keys import Key, read_keys
from portal.okta.revocation import TYPE, Order, Subject, check_order, issuers_of, read_subject

NOW = 1_800_000_000
ORG = "https://acme.okta.com"
CUSTOM = "https://acme.okta.com/oauth2/default"
URL = "https://dash.pointapp.org/organizations/acme/universal-logout"
CLIENT = "0oaSpa00000000000001"
RING, STRANGER = KeyRing("revocation"), KeyRing("a stranger's")
HEADER = {"kid": RING.active.kid, "alg": "RS256", "typ": TYPE}
CLAIMS = {"jti": "one", "iss": ORG, "sub": CLIENT, "aud": URL, "iat": NOW, "nbf": NOW - 300, "exp": NOW + 300}
KEYS = {key.kid: key for key in read_keys({"keys": [RING.active.jwk]})}


def key(issuer: str, kid: str | None) -> Key:
    assert issuer in (ORG, CUSTOM), "only about issuers that are known"
    if kid not in KEYS:
        raise Refused(Problem.ID_TOKEN_REFUSED, "unknown_key")
    return KEYS[kid]


def check(token: str) -> Order:
    return check_order(token, key=key, issuers=issuers_of(CUSTOM), audience=URL, client_ids={CLIENT}, now=NOW)


def order(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """An order with other members; None takes one away."""
    heads, said = {**HEADER, **(header or {})}, {**CLAIMS, **claims}
    return RING.active.encode(
        {name: value for name, value in heads.items() if value is not None},
        {name: value for name, value in said.items() if value is not None},
    )


def test_an_order_as_okta_sends_it_is_believed() -> None:
    assert check(order()) == Order(ORG, "one", NOW + 300)


@pytest.mark.parametrize(
    "token",
    [
        order({"typ": "application/" + TYPE}),
        order({"typ": TYPE.upper()}),
        order(iss=CUSTOM),
        order(aud=[URL]),
        order(nbf=None),
        order(iat=NOW + 30, nbf=NOW + 30),
        order(more="claims"),
    ],
    ids=["long type", "loud type", "its authorization server", "list", "no nbf", "a little ahead", "more claims"],
)
def test_what_makes_no_difference(token: str) -> None:
    assert check(token).jti == "one"


UNPROVED = {
    "no typ": (order({"typ": None}), "wrong_token_type"),
    "an ID token": (order({"typ": "JWT"}), "wrong_token_type"),
    "an access token": (order({"typ": "at+jwt"}), "wrong_token_type"),
    "alg none": (f"{encode_part({**HEADER, 'alg': 'none'})}.{encode_part(CLAIMS)}.", "alg_not_allowed"),
    "HS256": (order({"alg": "HS256"}), "alg_not_allowed"),
    "crit": (order({"crit": ["exp"]}), "crit_unsupported"),
    "nested": (order({"cty": "JWT"}), "crit_unsupported"),
    "another issuer": (order(iss="https://evil.okta.com"), "issuer_mismatch"),
    "issuer with a slash": (order(iss=ORG + "/"), "issuer_mismatch"),
    "no issuer": (order(iss=None), "issuer_mismatch"),
    "issuer as a list": (order(iss=[ORG]), "issuer_mismatch"),
    "a stranger's key": (STRANGER.active.encode(HEADER, CLAIMS), "bad_signature"),
    "a key nobody knows": (order({"kid": "unknown"}), "unknown_key"),
    "another address": (order(aud=URL.replace("acme", "globex")), "audience_mismatch"),
    "two audiences": (order(aud=[URL, "https://evil.example"]), "audience_mismatch"),
    "no audience": (order(aud=None), "audience_mismatch"),
    "expired": (order(exp=NOW), "expired"),
    "not yet": (order(nbf=NOW + 61), "not_yet_valid"),
    "issued tomorrow": (order(iat=NOW + 86400, exp=NOW + 86700), "not_yet_valid"),
    "good for days": (order(exp=NOW + 86400), "lifetime"),
    "no exp": (order(exp=None), "malformed"),
    "exp as text": (order(exp=str(NOW + 300)), "malformed"),
    "exp as truth": (order(exp=True), "malformed"),
    "no iat": (order(iat=None), "malformed"),
    "no jti": (order(jti=None), "jti_missing"),
    "empty jti": (order(jti=""), "jti_missing"),
    "long jti": (order(jti="a" * 256), "jti_missing"),
    "jti as a number": (order(jti=1), "jti_missing"),
    "two parts": ("a.b", "malformed"),
    "five parts": ("a.b.c.d.e", "malformed"),
    "not ASCII": ("é.b.c", "malformed"),
    "huge": (order(more="a" * 9000), "malformed"),
    "a member twice": (
        RING.active.encode(HEADER, json.dumps(CLAIMS).replace("{", '{"aud": "x", ', 1).encode()), "malformed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("token", "reason"), UNPROVED.values(), ids=UNPROVED)
def test_what_might_be_anybody_s_is_refused(token: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check(token)
    assert refused.value.reason == reason
    assert refused.value.problem in (Problem.ORDER_UNPROVED, Problem.ID_TOKEN_REFUSED)


@pytest.mark.parametrize("claims", [{"sub": "0oaSomebodyElse00000"}, {"sub": None}, {"sub": [CLIENT]}])
def test_an_app_that_is_not_this_organization_s_gives_no_orders(claims: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        check(order(**claims))
    assert (refused.value.problem, refused.value.reason) == (Problem.ORDER_FOREIGN, "client_mismatch")


def test_an_order_tells_its_secrets_to_nobody() -> None:
    for token, _reason in UNPROVED.values():
        with pytest.raises(Refused) as refused:
            check(token)
        assert token[:20] not in f"{refused.value!r} {refused.value.detail}"


def body(**sub_id: Any) -> bytes:
    return json.dumps({"sub_id": sub_id}).encode()


def test_whom_it_names() -> None:
    assert read_subject(body(format="iss_sub", iss=ORG, sub="00u1")) == Subject(issuer=ORG, sub="00u1")
    assert read_subject(body(format="email", email="Alice@Acme.example")) == Subject(email="alice@acme.example")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "no_json"),
        (b"{", "no_json"),
        (b"[]", "no_json"),
        (b'{"sub_id": 1, "sub_id": 2}', "no_json"),
        (b"{" * 4000, "no_json"),
        (b"\xff", "no_json"),
        (b" " * 5000, "too_long"),
        (b"{}", "sub_id_missing"),
        (b'{"sub_id": "00u1"}', "sub_id_missing"),
        (body(), "format_unsupported"),
        (body(format="opaque", id="00u1"), "format_unsupported"),
        (body(format=["email"], email="a@b.example"), "format_unsupported"),
        (body(format="iss_sub", iss=ORG), "sub_malformed"),
        (body(format="iss_sub", sub="00u1"), "iss_malformed"),
        (body(format="iss_sub", iss=ORG, sub=""), "sub_malformed"),
        (body(format="iss_sub", iss=ORG, sub=1), "sub_malformed"),
        (body(format="iss_sub", iss=ORG, sub="a\nb"), "sub_malformed"),
        (body(format="iss_sub", iss=ORG, sub="a" * 256), "sub_malformed"),
        (body(format="email"), "email_malformed"),
        (body(format="email", email="nobody"), "email_malformed"),
        (body(format="email", email="a@b@c.example"), "email_malformed"),
        (body(format="email", email=["a@b.example"]), "email_malformed"),
    ],
)
def test_an_order_that_names_nobody_is_refused(sent: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_subject(sent)
    assert (refused.value.problem, refused.value.reason) == (Problem.ORDER_UNREADABLE, reason)
