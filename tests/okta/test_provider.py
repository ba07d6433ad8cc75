"""An issuer's metadata and keys: what is believed, for how long, and how often the issuer is asked."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.answer import Answer
from portal.okta.keep import Kept
from portal.okta.keys import read_keys
from portal.okta.metadata import Provider, read_metadata
from portal.okta.provider import Providers
from tests.okta.forgery import by_id, ec_jwk, encode, load_cases, rsa_jwk, test_keys
from tests.okta.scripted import ISSUER, NOW, ScriptedDoor, answer, metadata, provider

KEYS = test_keys()
AWAY = Refused(Problem.OKTA_UNREACHABLE, "op_unavailable")


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Okta(ScriptedDoor):
    """An issuer with a discovery document and a key set, either of which can be changed or broken."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.metadata: Answer | Refused = answer(metadata())
        self.keys: Answer | Refused = answer(KEYS.jwks())
        self.delay = 0.0
        self.asking, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()
        self.providers = Providers(self, clock=self.clock, seconds=3600)

    def _answer(self, method: str, url: str, form: Any, headers: Any) -> Answer:
        self.answers = [self.metadata if "/.well-known/" in url else self.keys]
        time.sleep(self.delay)
        self.asking.set()
        assert self.may_answer.wait(10)
        return super()._answer(method, url, form, headers)

    def asked(self, what: str) -> int:
        return sum(what in call[1] for call in self.calls)

    def key(self, kid: str | None = "k1", algorithm: str = "RS256") -> Any:
        return self.providers.key(provider(), kid, algorithm)


@pytest.fixture
def okta() -> Okta:
    return Okta()


def refusal(call: Any, *arguments: Any, **named: Any) -> tuple[Problem, str]:
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.problem, caught.value.reason


# -- metadata --------------------------------------------------------------------------------------

FOREIGN = "https://evil.example/oauth2/v1/token"
# What each case says, in documents; the ones that are about answers and keys are further down.
HOSTILE: dict[str, list[dict[str, Any]]] = {
    "SRSP-12": [{"issuer": "http://acme.okta.com"}],
    "SRSP-13": [{"issuer": f"{ISSUER}?x=1"}, {"issuer": f"{ISSUER}#x"}, {"issuer": f"{ISSUER}/?"}],
    "SRSP-14": [{"issuer": issuer} for issuer in (None, 7, [ISSUER], {}, True)],
    "SRSP-15": [{"token_endpoint": url} for url in (
        FOREIGN, "https://acme.okta.com.evil.example/t", "https://acme.okta.com@evil.example/t",
        "https://x@acme.okta.com/t", "https://acme.okta.com:8443/t", "https://acme.okta.comevil/t",
        "https://beta.okta.com/t", "https://acme.okta.com", "https:acme.okta.com/t", "https:///acme.okta.com/t",
    )],
    "SRSP-16": [{"authorization_endpoint": url} for url in (
        "javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "http://acme.okta.com/a", "intent://x/y",
    )],
    "SRSP-17": [{"jwks_uri": "http://169.254.169.254/latest/meta-data/"}],
    "SRSP-18": [{"jwks_uri": "https://10.0.0.5/keys"}, {"jwks_uri": "https://[::1]/keys"}],
    "SRSP-19": [{"end_session_endpoint": "https://evil.example/logout"}, {"userinfo_endpoint": FOREIGN}],
    "SRSP-21": [{"token_endpoint": "/oauth2/v1/token"}, {"token_endpoint": ""}, {"userinfo_endpoint": ""},
                {"token_endpoint": "//evil.example/t"}, {"token_endpoint": "oauth2/v1/token"}],
    "SRSP-22": [{"token_endpoint": f"{ISSUER}/t{text}"} for text in (
        "\r\nHost: evil", " ", "\t", "\x00", "\\x", "#f", "é", "\u2028", '"', "<", "x" * 2048,
    )],
    "SRSP-26": [{"id_token_signing_alg_values_supported": algs} for algs in (["none"], ["HS256"], [], ["PS256"])],
}  # fmt: skip
METADATA_CASES = [c for c in load_cases("ssrf_domains", "responses") if c["id"] in HOSTILE]


@pytest.mark.parametrize("case", by_id(METADATA_CASES))
def test_hostile_metadata_gets_the_verdict_of_the_case(case: dict[str, Any]) -> None:
    for changes in HOSTILE[case["id"]]:
        found = refusal(read_metadata, metadata(**changes), issuer=ISSUER)
        assert found == (Problem.OKTA_ANSWER_INVALID, case["code"]), changes


def test_a_foreign_text_cannot_write_lines_into_the_log() -> None:
    with pytest.raises(Refused) as caught:
        read_metadata(metadata(issuer="https://evil.example/\n2026 all is well" + "x" * 5000), issuer=ISSUER)
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) == 200


def test_every_metadata_case_has_its_documents() -> None:
    areas = {c["id"] for c in load_cases("ssrf_domains", "responses") if c["area"] == "metadata"}
    assert not areas or areas - {"SRSP-27"} == set(HOSTILE)


def test_honest_metadata_is_read() -> None:
    found = read_metadata(metadata(id_token_signing_alg_values_supported=["PS256", "ES256", "RS256"]), issuer=ISSUER)
    assert found == Provider(
        issuer=ISSUER,
        authorization_endpoint=f"{ISSUER}/oauth2/v1/authorize",
        token_endpoint=f"{ISSUER}/oauth2/v1/token",
        userinfo_endpoint=f"{ISSUER}/oauth2/v1/userinfo",
        jwks_uri=f"{ISSUER}/oauth2/v1/keys",
        end_session_endpoint=f"{ISSUER}/oauth2/v1/logout",
        revocation_endpoint=f"{ISSUER}/oauth2/v1/revoke",
        algorithms=("RS256", "ES256"),
        requires_iss=False,
        scopes_supported=("openid", "profile", "email", "offline_access"),
    )


def test_what_metadata_may_leave_out_may_be_missing() -> None:
    optional = ["userinfo_endpoint", "end_session_endpoint", "revocation_endpoint", "scopes_supported",
                "grant_types_supported", "code_challenge_methods_supported"]  # fmt: skip
    found = read_metadata(metadata(**dict.fromkeys(optional)), issuer=ISSUER)
    assert (found.userinfo_endpoint, found.end_session_endpoint, found.scopes_supported) == (None, None, ())


def test_a_custom_authorization_server_is_another_issuer() -> None:
    custom = f"{ISSUER}/oauth2/default"
    assert read_metadata(metadata(custom), issuer=custom).token_endpoint == f"{custom}/v1/token"
    assert refusal(read_metadata, metadata(custom), issuer=ISSUER)[1] == "issuer_mismatch"
    assert refusal(read_metadata, metadata(ISSUER), issuer=custom)[1] == "issuer_mismatch"


def test_a_promise_of_iss_is_remembered() -> None:
    promised = metadata(authorization_response_iss_parameter_supported=True)
    assert read_metadata(promised, issuer=ISSUER).requires_iss


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authorization_endpoint": None}, "discovery_incomplete"),
        ({"token_endpoint": None}, "discovery_incomplete"),
        ({"jwks_uri": None}, "discovery_incomplete"),
        ({"jwks_uri": ["x"]}, "discovery_incomplete"),
        ({"end_session_endpoint": 7}, "discovery_incomplete"),
        ({"id_token_signing_alg_values_supported": None}, "discovery_incomplete"),
        ({"id_token_signing_alg_values_supported": "RS256"}, "discovery_incomplete"),
        ({"id_token_signing_alg_values_supported": [["RS256"]]}, "discovery_incomplete"),
        ({"response_types_supported": None}, "discovery_incomplete"),
        ({"subject_types_supported": None}, "discovery_incomplete"),
        ({"scopes_supported": "openid"}, "discovery_incomplete"),
        ({"authorization_response_iss_parameter_supported": "true"}, "discovery_incomplete"),
        ({"response_types_supported": ["id_token"]}, "code_flow_unsupported"),
        ({"grant_types_supported": ["implicit"]}, "code_flow_unsupported"),
        ({"code_challenge_methods_supported": ["plain"]}, "s256_unsupported"),
        ({"code_challenge_methods_supported": []}, "s256_unsupported"),
    ],
)
def test_metadata_that_cannot_carry_a_login_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert refusal(read_metadata, metadata(**changes), issuer=ISSUER) == (Problem.OKTA_ANSWER_INVALID, reason)


@pytest.mark.parametrize(
    "issuer",
    ["http://127.0.0.1:9100", "http://localhost:9100", "https://localhost:9100", "http://[::1]:9100",
     "http://localhost:9100/oauth2/default"],
)  # fmt: skip
def test_loopback_is_an_issuer_only_where_it_is_allowed(issuer: str) -> None:
    assert read_metadata(metadata(issuer), issuer=issuer, loopback=True).issuer == issuer
    if issuer.startswith("http:"):
        assert refusal(read_metadata, metadata(issuer), issuer=issuer)[1] == "issuer_invalid"
    other = metadata(issuer, token_endpoint="http://127.0.0.1:9101/t")
    assert refusal(read_metadata, other, issuer=issuer, loopback=True)[1].startswith("endpoint_")


@pytest.mark.parametrize(
    "issuer", ["http://acme.okta.com", "ftp://acme.okta.com", "https://x@acme.okta.com", "https://acme.okta.com\\@evil",
               "https://", "acme.okta.com", "https://acme.okta.com /x", "http://localhost.evil.example"],
)  # fmt: skip
def test_an_issuer_that_is_no_plain_https_address_is_refused(issuer: str) -> None:
    assert refusal(read_metadata, metadata(issuer), issuer=issuer, loopback=True)[1] == "issuer_invalid"


# -- keys ------------------------------------------------------------------------------------------


def rsa_of(bits: int, exponent: int = 65537) -> dict[str, Any]:
    modulus = (1 << (bits - 1)) | 1
    size = (exponent.bit_length() + 7) // 8
    return {"kty": "RSA", "kid": "x", "n": encode(modulus.to_bytes((bits + 7) // 8, "big")),
            "e": encode(exponent.to_bytes(size, "big"))}  # fmt: skip


GOOD_KEY = rsa_jwk(KEYS.trusted, kid="k1")
BAD_KEY_SETS: dict[str, list[Any]] = {
    "jwks_too_many_keys": [[GOOD_KEY] * 101, [GOOD_KEY] * 10_000],
    "jwks_key_unacceptable": [
        [key]
        for key in (
            rsa_of(16_384), rsa_of(1_000_000), rsa_of(2048, 2**4096 + 1), rsa_of(1024), rsa_of(2047), rsa_of(8193),
            rsa_of(2048, 1), rsa_of(2048, 4),
            rsa_of(2048, 2**33 + 1), {**GOOD_KEY, "n": "AA=="}, {**GOOD_KEY, "n": 7}, {**GOOD_KEY, "n": None},
            {**GOOD_KEY, "kid": 7}, {**GOOD_KEY, "kid": "k" * 256}, {**GOOD_KEY, "alg": 7},
            {**ec_jwk(KEYS.ec), "x": ""}, {**ec_jwk(KEYS.ec), "x": "AAAA"},
        )
    ],
    "jwks_invalid": [None, "x", {}, [1], [None], [[GOOD_KEY]]],
}  # fmt: skip


@pytest.mark.parametrize("reason", BAD_KEY_SETS)
def test_a_monstrous_key_set_is_refused_quickly(reason: str) -> None:
    for keys in BAD_KEY_SETS[reason]:
        started = time.thread_time()
        assert refusal(read_keys, {"keys": keys}) == (Problem.OKTA_ANSWER_INVALID, reason)
        assert time.thread_time() - started < 0.05


@pytest.mark.parametrize("case", by_id([c for c in load_cases("ssrf_domains", "responses") if "JWKS" in c["hostile"]]))
def test_a_hostile_key_set_gets_the_verdict_of_the_case(okta: Okta, case: dict[str, Any]) -> None:
    hostile = {
        "SRSP-05": answer({}, 302, location="file:///etc/passwd"),
        "SRSP-35": answer({"keys": [GOOD_KEY] * 10_000}),
        "SRSP-36": answer({"keys": [rsa_of(16_384)]}),
    }
    okta.keys = hostile[case["id"]]
    assert refusal(okta.key) == (Problem.OKTA_ANSWER_INVALID, case["code"])


def test_keys_that_are_not_for_us_are_skipped() -> None:
    others = [
        {**GOOD_KEY, "use": "enc"}, {**GOOD_KEY, "key_ops": ["encrypt"]}, {**GOOD_KEY, "key_ops": "verify"},
        {"kty": "oct", "k": "AAAA"}, {"kty": "OKP", "crv": "Ed25519"}, {"kty": "EC", "crv": "P-384"},
        {"kty": ["RSA"]}, {},
    ]  # fmt: skip
    assert [key.kid for key in read_keys({"keys": [*others, GOOD_KEY, ec_jwk(KEYS.ec, kid="kE")]})] == ["k1", "kE"]
    assert read_keys({"keys": []}) == []


def test_the_advertised_key_address_is_used_and_the_old_one_forgotten(okta: Okta) -> None:
    elsewhere = provider(jwks_uri=f"{ISSUER}/other/keys")
    old = okta.key()
    okta.keys = answer({"keys": [rsa_jwk(KEYS.attacker, kid="k1")]})
    assert okta.providers.key(elsewhere, "k1", "RS256").public is not old.public
    assert [call[1] for call in okta.calls] == [provider().jwks_uri, elsewhere.jwks_uri]


def test_keys_are_asked_for_once_in_ten_minutes(okta: Okta) -> None:
    for _ in range(50):
        assert okta.key().kid == "k1"
    assert okta.asked("/keys") == 1
    okta.clock.now += 601
    okta.key()
    assert okta.asked("/keys") == 2


def test_a_new_key_is_fetched_at_once_even_if_the_keys_are_fresh(okta: Okta) -> None:
    okta.key()
    okta.keys = answer({"keys": [rsa_jwk(KEYS.attacker, kid="k2")]})
    assert okta.key("k2").kid == "k2"
    assert okta.asked("/keys") == 2


def test_random_kids_cannot_hammer_okta(okta: Okta) -> None:
    okta.key()
    okta.keys = answer({}, 429)
    for number in range(1000):
        okta.clock.now += 0.02
        assert refusal(okta.key, f"random-{number}") in (
            (Problem.ID_TOKEN_REFUSED, "unknown_key"), (Problem.OKTA_BUSY, "jwks_http_status"),
        )  # fmt: skip
    assert okta.asked("/keys") == 1 + 2  # 20 seconds
    assert okta.key().kid == "k1"


def test_an_unknown_kid_is_answered_the_same_when_okta_has_no_such_key(okta: Okta) -> None:
    assert refusal(okta.key, "nobody") == (Problem.ID_TOKEN_REFUSED, "unknown_key")
    assert refusal(okta.key, "nobody") == (Problem.ID_TOKEN_REFUSED, "unknown_key")
    assert okta.asked("/keys") == 2


def test_fifty_logins_after_a_rotation_ask_once(okta: Okta) -> None:
    okta.key()
    okta.keys, okta.delay = answer({"keys": [rsa_jwk(KEYS.attacker, kid="k2")]}), 0.02
    with ThreadPoolExecutor(50) as pool:
        assert {key.kid for key in pool.map(lambda _: okta.key("k2"), range(50))} == {"k2"}
    assert okta.asked("/keys") == 2


def test_a_withdrawn_key_is_dead_within_fifteen_minutes(okta: Okta) -> None:
    okta.key()
    okta.keys = answer({"keys": [rsa_jwk(KEYS.attacker, kid="k2")]})
    okta.clock.now += 15 * 60
    assert refusal(okta.key) == (Problem.ID_TOKEN_REFUSED, "unknown_key")


def test_nobody_uses_a_key_of_fifteen_minutes_while_another_thread_asks(okta: Okta) -> None:
    okta.key()
    okta.keys = answer({"keys": [rsa_jwk(KEYS.attacker, kid="k2")]})
    okta.clock.now += 15 * 60
    okta.asking.clear()
    okta.may_answer.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(refusal, okta.key)
        assert okta.asking.wait(10)
        second = pool.submit(refusal, okta.key)
        time.sleep(0.05)
        okta.may_answer.set()
        assert {first.result(), second.result()} == {(Problem.ID_TOKEN_REFUSED, "unknown_key")}


def test_a_short_belief_in_metadata_is_a_short_belief_in_keys() -> None:
    okta = Okta()
    okta.providers = Providers(okta, clock=okta.clock, seconds=30)
    okta.key()
    okta.clock.now += 31
    okta.key()
    assert okta.asked("/keys") == 2


@pytest.mark.parametrize(
    "failure", [AWAY, answer({}, 500), answer({}, 429), answer(b"<html>", 200, "text/html"), answer({"keys": 7}),
                answer({"keys": [rsa_of(16_384)]}), answer({}, 302)],
)  # fmt: skip
def test_keys_outlive_a_failing_okta_for_a_day(okta: Okta, failure: Answer | Refused) -> None:
    okta.key()
    okta.keys = failure
    for hours in (1, 12, 10.9):
        okta.clock.now += hours * 3600
        assert okta.key().kid == "k1"
    okta.clock.now += 3600
    assert refusal(okta.key)[0] is not Problem.ID_TOKEN_REFUSED


# -- keeping ---------------------------------------------------------------------------------------


def test_metadata_is_fetched_once_an_hour(okta: Okta) -> None:
    first = okta.providers.load(ISSUER)
    assert okta.providers.load(ISSUER) is first
    assert [call[1] for call in okta.calls] == [f"{ISSUER}/.well-known/openid-configuration"]
    okta.clock.now += 3601
    assert okta.providers.load(ISSUER) is not first
    assert okta.asked("/.well-known/") == 2


def test_the_well_known_address_of_a_custom_server_is_under_its_path(okta: Okta) -> None:
    custom = f"{ISSUER}/oauth2/default"
    okta.metadata = answer(metadata(custom))
    okta.providers.load(custom)
    assert okta.calls[0][1] == f"{custom}/.well-known/openid-configuration"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_discovery_is_refused(okta: Okta, status: int) -> None:
    okta.metadata = answer({}, status, location="http://acme.okta.com/x")
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_ANSWER_INVALID, "discovery_redirected")
    okta.metadata = answer({}, status)
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_ANSWER_INVALID, "discovery_redirected")


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 451, 100, 201])
def test_another_status_is_named_and_its_body_is_not(okta: Okta, status: int) -> None:
    okta.metadata = answer({**metadata(), "canary": "canary"}, status)
    with pytest.raises(Refused) as caught:
        okta.providers.load(ISSUER)
    assert (caught.value.problem, caught.value.reason) == (Problem.OKTA_ANSWER_INVALID, "discovery_http_status")
    assert str(status) in caught.value.detail
    assert "canary" not in caught.value.detail


def test_a_failing_okta_is_tried_twice_at_most(okta: Okta) -> None:
    okta.metadata = answer(b"<html>", 502, "text/html")
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_UNREACHABLE, "discovery_http_status")
    assert len(okta.calls) == 2
    okta.metadata = AWAY
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_UNREACHABLE, "op_unavailable")
    assert len(okta.calls) == 4


@pytest.mark.parametrize("reason", ["op_timeout", "op_breaker_open", "tls_untrusted", "domain_resolves_private"])
def test_a_call_that_cannot_do_better_is_not_repeated(okta: Okta, reason: str) -> None:
    okta.metadata = Refused(Problem.OKTA_UNREACHABLE, reason)
    assert refusal(okta.providers.load, ISSUER)[1] == reason
    assert len(okta.calls) == 1


def test_a_busy_okta_is_not_asked_again_at_once(okta: Okta) -> None:
    okta.metadata = answer({}, 429)
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_BUSY, "discovery_http_status")
    assert len(okta.calls) == 1


def test_a_first_failure_is_not_remembered(okta: Okta) -> None:
    okta.metadata = answer({}, 404)
    refusal(okta.providers.load, ISSUER)
    okta.metadata = answer(metadata())
    assert okta.providers.load(ISSUER).issuer == ISSUER


def test_an_answer_with_a_member_twice_is_refused(okta: Okta) -> None:
    okta.metadata = answer(b'{"issuer":"https://evil.example","issuer":"https://acme.okta.com"}')
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_ANSWER_INVALID, "response_duplicate_member")


HOSTILE_LATER = [
    answer(metadata(token_endpoint=FOREIGN)), answer(metadata(issuer="https://evil.example")), answer({}, 302),
    answer({}, 500), answer(b"{", 200), AWAY,
]  # fmt: skip


@pytest.mark.parametrize("later", HOSTILE_LATER)
def test_a_hostile_refresh_never_replaces_the_last_good_copy(
    okta: Okta, later: Answer | Refused, caplog: pytest.LogCaptureFixture
) -> None:
    good = okta.providers.load(ISSUER)
    okta.metadata = later
    okta.clock.now += 3601
    # The portal's own handler may have stopped records from travelling up: listen where they are made.
    logger = logging.getLogger("portal.okta.keep")
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.WARNING)
    try:
        assert okta.providers.load(ISSUER) is good
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(logging.NOTSET)
    assert {record.message.split()[0] for record in caplog.records} == {"metadata_refresh_rejected"}
    asked = len(okta.calls)
    for _ in range(9):
        okta.clock.now += 1
        assert okta.providers.load(ISSUER) is good
    assert len(okta.calls) == asked
    okta.clock.now += 1
    okta.metadata = answer(metadata())
    assert okta.providers.load(ISSUER) is not good


def test_the_last_good_copy_serves_for_a_day_and_no_longer(okta: Okta) -> None:
    okta.providers.load(ISSUER)
    okta.metadata = AWAY
    okta.clock.now += 24 * 3600 - 1
    assert okta.providers.load(ISSUER).issuer == ISSUER
    okta.clock.now += 11
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_UNREACHABLE, "op_unavailable")


def test_many_logins_at_once_ask_once(okta: Okta) -> None:
    okta.delay = 0.02
    with ThreadPoolExecutor(50) as pool:
        assert len({id(found) for found in pool.map(lambda _: okta.providers.load(ISSUER), range(200))}) == 1
    assert len(okta.calls) == 1


def test_many_logins_at_once_share_one_failure(okta: Okta) -> None:
    okta.delay, okta.metadata = 0.05, answer({}, 404)
    ready = threading.Barrier(20)

    def load(_: int) -> tuple[Problem, str]:
        ready.wait()
        return refusal(okta.providers.load, ISSUER)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(load, range(20))) == {(Problem.OKTA_ANSWER_INVALID, "discovery_http_status")}
    assert len(okta.calls) <= 2


def test_a_slow_refresh_holds_nobody_up(okta: Okta) -> None:
    good = okta.providers.load(ISSUER)
    okta.clock.now += 3601
    okta.asking.clear()
    okta.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(okta.providers.load, ISSUER)
        assert okta.asking.wait(10)
        started = time.perf_counter()
        assert okta.providers.load(ISSUER) is good
        assert time.perf_counter() - started < 1.5
        okta.may_answer.set()
        assert refreshing.result() is not good


def test_a_first_answer_that_takes_too_long_sets_the_waiting_free() -> None:
    asking, may_answer, kept = threading.Event(), threading.Event(), Kept[str](patience=0.02)
    rules: dict[str, Any] = {"now": 0, "due": 1, "limit": 1, "stale": 1, "alarm": ("code", ISSUER)}

    def fetch() -> str:
        asking.set()
        assert may_answer.wait(10)
        return "found"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kept.get, fetch, **rules)
        assert asking.wait(10)
        assert refusal(kept.get, fetch, **rules) == (Problem.OKTA_BUSY, "op_busy")
        may_answer.set()
        assert first.result() == "found"


def test_a_failure_inside_is_no_lock_for_ever(okta: Okta) -> None:
    okta.metadata = ValueError("a bug")  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        okta.providers.load(ISSUER)
    okta.metadata = answer(metadata())
    assert okta.providers.load(ISSUER).issuer == ISSUER


def test_a_forgotten_issuer_is_asked_anew(okta: Okta) -> None:
    okta.providers.load(ISSUER)
    okta.providers.forget(ISSUER)
    okta.providers.forget("https://nobody.okta.com")
    okta.providers.load(ISSUER)
    assert len(okta.calls) == 2


def test_no_more_than_a_thousand_issuers_are_kept() -> None:
    class Everyone(ScriptedDoor):
        def _answer(self, method: str, url: str, form: Any, headers: Any) -> Answer:
            self.calls.append((method, url, {}, {}))
            return answer(metadata(url.partition("/.well-known/")[0]))

    door = Everyone()
    providers = Providers(door, clock=Clock())
    for number in range(1001):
        providers.load("https://a0.okta.com")
        providers.load(f"https://a{number}.okta.com")
    assert len(door.calls) == 1001
    providers.load("https://a0.okta.com")
    assert len(door.calls) == 1001
    providers.load("https://a1.okta.com")
    assert len(door.calls) == 1002


# -- for an owner who saves ------------------------------------------------------------------------


def test_an_owner_always_gets_the_present(okta: Okta) -> None:
    okta.providers.load(ISSUER)
    assert okta.providers.fetch(ISSUER).issuer == ISSUER
    assert okta.providers.fetch(ISSUER, "0oa&x=1").issuer == ISSUER
    assert okta.calls[2][1] == f"{ISSUER}/.well-known/openid-configuration?client_id=0oa%26x%3D1"


@pytest.mark.parametrize(
    ("status", "code", "problem"),
    [
        (400, "invalid_client", Problem.CLIENT_UNKNOWN),
        (404, "E0000007", Problem.AUTHORIZATION_SERVER_UNKNOWN),
        (401, "E0000015", Problem.API_ACCESS_MANAGEMENT),
        (404, "E0000022", Problem.OKTA_ANSWER_INVALID),
    ],
)
def test_an_owner_is_told_what_okta_says(okta: Okta, status: int, code: str, problem: Problem) -> None:
    okta.metadata = answer({"errorCode": code, "errorSummary": "canary"}, status)
    assert refusal(okta.providers.fetch, ISSUER, "0oaX") == (problem, "discovery_http_status")
    assert refusal(okta.providers.load, ISSUER) == (Problem.OKTA_ANSWER_INVALID, "discovery_http_status")
