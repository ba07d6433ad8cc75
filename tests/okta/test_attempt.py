"""A login that is under way: what is made up for it, how it is kept, and where it sends the browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt, authorization_url, expired, start_login
from tests.okta.scripted import CLIENT_ID, ISSUER, NOW, provider

REDIRECT_URI = "https://dash.pointapp.org/login/callback"


def start(**changes: Any) -> Attempt:
    about: dict[str, Any] = {
        "organization_id": 1,
        "integration_id": 2,
        "integration_version": 3,
        "app": "spa",
        "issuer": ISSUER,
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile email offline_access",
        "return_to": "/home?tab=ü",
        "now": NOW + 0.9,
        **changes,
    }
    return start_login(**about)


def test_state_nonce_and_verifier_are_new_each_time_and_in_okta_s_alphabet() -> None:
    attempts = [start() for _ in range(200)]
    for name in ("state", "nonce", "code_verifier"):
        values = {getattr(attempt, name) for attempt in attempts}
        assert len(values) == 200
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{44}", value) for value in values)
    first = attempts[0]
    assert len({first.state, first.nonce, first.code_verifier}) == 3
    assert first.started_at == NOW


def test_an_attempt_survives_being_kept() -> None:
    attempt = start(app="native", redirect_uri="org.pointapp.point:/login")
    assert Attempt.from_bytes(attempt.to_bytes()) == attempt
    assert len(attempt.to_bytes()) < 500


def test_an_attempt_that_asks_for_no_groups_is_written_as_before_there_were_any() -> None:
    """Nodes of the version before and of this one finish each other's logins."""
    attempt, asking = start(), start(groups_claim="groups")
    assert [len(json.loads(each.to_bytes())) for each in (attempt, asking)] == [14, 15]
    assert [Attempt.from_bytes(each.to_bytes()) for each in (attempt, asking)] == [attempt, asking]


def stored(**changes: Any) -> bytes:
    attempt = start(groups_claim="groups")
    values = json.loads(attempt.to_bytes())
    names = ["format", *Attempt.__slots__]
    return json.dumps([changes.get(name, value) for name, value in zip(names, values, strict=True)]).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{}", b"1", b"[1]", b"\xff\xfe", b"[" * 5000, start().to_bytes()[:-1],
        start().to_bytes() + b" x", b"[2" + start().to_bytes()[2:], b'["' + b"x" * 9000 + b'"]',
        stored(app="web"), stored(organization_id="1"), stored(organization_id=True), stored(started_at=1.5),
        stored(state=None), stored(code_verifier=["x"]),
    ],
)  # fmt: skip
def test_bytes_that_are_no_attempt_are_an_unknown_attempt(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        Attempt.from_bytes(data)
    assert (caught.value.problem, caught.value.reason) == (Problem.ATTEMPT_UNKNOWN, "attempt_unreadable")


def test_an_attempt_shows_no_secret_in_a_log() -> None:
    attempt = start()
    for secret in (attempt.state, attempt.nonce, attempt.code_verifier):
        assert secret not in repr(attempt)


@pytest.mark.parametrize(
    ("now", "over"), [(NOW, False), (NOW + 599.9, False), (NOW + 600, True), (NOW - 60, False), (NOW - 121, True)]
)
def test_an_attempt_is_over_after_its_time(now: float, over: bool) -> None:
    assert expired(start(), now=now, seconds=600) is over


def test_the_browser_is_sent_with_code_flow_s256_and_a_nonce() -> None:
    attempt = replace(start(), code_verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    url = authorization_url(provider(), attempt)
    assert url.startswith(f"{ISSUER}/oauth2/v1/authorize?")
    assert parse_qsl(urlsplit(url).query, strict_parsing=True) == [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid profile email offline_access"),
        ("response_mode", "query"),
        ("code_challenge_method", "S256"),
        ("state", attempt.state),
        ("nonce", attempt.nonce),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),  # RFC 7636 appendix B
    ]
    assert attempt.code_verifier not in url


def test_hint_prompt_and_max_age_are_sent_when_asked_for() -> None:
    url = authorization_url(provider(), start(), login_hint="a&b=c+d@acme.example", prompt="login", max_age=0)
    sent = dict(parse_qsl(urlsplit(url).query))
    assert (sent["login_hint"], sent["prompt"], sent["max_age"]) == ("a&b=c+d@acme.example", "login", "0")


def test_two_logins_of_one_app_share_nothing_that_matters() -> None:
    first, second = (dict(parse_qsl(urlsplit(authorization_url(provider(), start())).query)) for _ in range(2))
    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


def test_an_endpoint_that_has_a_query_keeps_it() -> None:
    issuer = provider(authorization_endpoint=f"{ISSUER}/authorize?tenant=1")
    sent = dict(parse_qsl(urlsplit(authorization_url(issuer, start())).query))
    assert (sent["tenant"], sent["client_id"]) == ("1", CLIENT_ID)


def test_another_issuer_s_endpoint_is_never_used_for_an_attempt() -> None:
    with pytest.raises(Refused) as caught:
        authorization_url(provider("https://beta.okta.com"), start())
    assert caught.value.problem is Problem.SETTINGS_CHANGED
