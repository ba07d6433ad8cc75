"""What the checks send, how they hold back, and that nothing an Okta says or does not say is ever taken for right."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from okta_sandbox import RawAnswer, Sandbox, SeenRequest
from okta_sandbox.faults import BAD_ANSWERS
from portal.errors import Problem, Refused
from portal.okta.answer import Answer
from portal.okta.checks import CAUSES, Report, run_checks
from portal.okta.connect import Entries, Surroundings
from tests.okta.checks_stand import (
    GOOD,
    PORTAL,
    REDIRECT_URIS,
    SIGN_OUT_URIS,
    Stand,
    assert_promises,
    reds,
    row_of,
    standing,
    verdicts,
)
from tests.okta.scripted import answer
from tests.okta.test_connect import CUSTOM, HOME, KNOWN, Web, okta, organization


@pytest.fixture
def stand() -> Iterator[Stand]:
    with standing() as stand:
        yield stand


# -- what is sent ------------------------------------------------------------------------------------------------------
def test_everything_is_asked_once_and_nothing_secret_is_sent(stand: Stand) -> None:
    stand.check()
    seen = stand.sandbox.requests
    assert len(seen) == 18
    asked = [
        repr((one.path, one.headers.get("origin"), one.query.get("client_id"), one.query.get("scope"),
              one.form.get("client_id"), one.form.get("grant_type"), one.body if "/idp/" in one.path else b""))
        for one in seen
    ]  # fmt: skip
    assert len(set(asked)) == len(asked)
    assert not any({"authorization", "cookie"} & one.headers.keys() for one in seen)
    assert not any("client_secret" in {**one.form, **one.query} for one in seen)
    origins = {one.headers["origin"]: one.path for one in seen if "origin" in one.headers}
    assert origins == dict.fromkeys((PORTAL, "https://example.invalid"), "/idp/idx/introspect")


def test_every_sign_in_that_is_begun_is_cancelled(stand: Stand) -> None:
    stand.check()
    ended = [json.loads(one.body)["stateHandle"] for one in stand.sandbox.requests if one.path == "/idp/idx/cancel"]
    assert len(set(ended)) == 2
    transactions = stand.sandbox.transactions
    assert not any(transactions.find(state_handle=handle, now=stand.sandbox.clock()) for handle in ended)


@pytest.mark.parametrize("pasted", ["00" + "aB3_" * 10, "S3cret-" * 8])
@pytest.mark.parametrize("field", ["spa_client_id", "native_client_id", "spa_domain", "authorization_server"])
def test_a_secret_that_was_pasted_goes_nowhere_and_is_not_shown(stand: Stand, field: str, pasted: str) -> None:
    stand.entries[field] = pasted
    report = stand.check()
    assert reds(report).keys() & {f"{field.removesuffix('_client_id')}.client", "domain", "authorization_server"}
    assert pasted not in repr(report)
    for one in stand.sandbox.requests:
        assert pasted not in repr((one.path, one.query, one.form, one.headers, one.body))


def test_few_calls_are_under_way_at_once(stand: Stand) -> None:
    lock, inside, most = threading.Lock(), 0, 0

    def count(_: SeenRequest) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with lock:
            inside -= 1

    stand.sandbox.answer = count
    assert verdicts(stand.check()) == GOOD
    assert 2 <= most <= 4


def test_rows_are_told_as_they_become_known(stand: Stand) -> None:
    stand.check()
    told = [row.step for row in stand.told]
    assert told[:2] == ["domain", "engine"]
    assert told.index("authorization_server") < told.index("spa.client") < told.index("spa.interaction_code")


# -- odd and hostile answers ------------------------------------------------------------------------------------------
HTML = [("Content-Type", "text/html")]
JSON = [("Content-Type", "application/json")]
ODD: dict[str, RawAnswer] = {
    "html": RawAnswer(200, HTML, b"<h1>We will be right back</h1>"),
    "html 404": RawAnswer(404, HTML, b"<h1>Not found</h1>"),
    "html 400": RawAnswer(400, HTML, b'<h2 id="error-description">Description: hello</h2>'),
    "endless html 400": RawAnswer(400, HTML, b'<h2 id="error-description">' + b"<" * 60_000),
    "500": RawAnswer(500, JSON, b'{"errorCode":"E0000009","errorSummary":"Internal Server Error"}'),
    "503 empty": RawAnswer(503),
    "list": RawAnswer(200, JSON, b"[]"),
    "empty object": RawAnswer(200, JSON, b"{}"),
    "number": RawAnswer(200, JSON, b"1"),
    "half": RawAnswer(200, JSON, b'{"id": "00o", "interaction_handle": "x"}', half=True),
    "reset": RawAnswer(200, JSON, b"{}", reset=True),
    "huge": RawAnswer(200, JSON, b'{"id": "' + b"x" * 400_000 + b'"}'),
    "deep": RawAnswer(400, JSON, b'{"error":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "redirect": RawAnswer(302, [("Location", "https://evil.example/")]),
    "redirect that looks like ours": RawAnswer(302, [("Location", "http://localhost:5000/login/callback.evil?error="
                                                                  "login_required")]),
    "not utf-8": RawAnswer(400, JSON, b'{"error":"\xff\xfe"}'),
    "types": RawAnswer(400, JSON, b'{"error":{"a":1},"error_description":["b"],"errorCode":7,"interaction_handle":[]}'),
    "no content": RawAnswer(204),
    "teapot": RawAnswer(418, JSON, b'{"error":"invalid","error_description":"<script>alert(1)</script>"}'),
    "twice": RawAnswer(400, JSON, b'{"error":"invalid_grant","error":"invalid_grant"}'),
    "success": RawAnswer(200, JSON, b'{"access_token":"a","id_token":"b","token_type":"Bearer"}'),
}  # fmt: skip
# Where something odd is said: the end of the path, and the rows that hang on it.
_APP = ("public", "refresh_token")
ENDPOINTS: dict[str, tuple[str, ...]] = {
    "okta-organization": tuple(GOOD),
    "openid-configuration": ("authorization_server",),
    "token": tuple(f"{kind}.{step}" for kind in ("spa", "native") for step in _APP),
    "authorize": tuple(f"{kind}.{step}" for kind in ("spa", "native") for step in ("redirect_uri", "offline_access")),
    "interact": ("interaction_code_setting", *(f"{kind}.{step}" for kind in ("spa", "native") for step in (
        "interaction_code", "access_policy"))),
    "introspect": ("trusted_origin", "spa.access_policy", "native.access_policy"),
}  # fmt: skip


def say(stand: Stand, end: str, said: RawAnswer) -> None:
    def answer_oddly(request: SeenRequest) -> RawAnswer | None:
        return RawAnswer(**vars(said)) if request.path.endswith(f"/{end}") else None

    stand.sandbox.answer = answer_oddly


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("end", ENDPOINTS)
def test_an_odd_answer_is_never_taken_for_right_and_turns_nothing_red(stand: Stand, end: str, odd: str) -> None:
    said = ODD[odd]
    say(stand, end, said)
    report = stand.check()
    found = verdicts(report)
    assert {found[step] for step in ENDPOINTS[end]} <= {"wrong", "unknown"}
    # Only whose domain it is may be told from a page that is none of Okta's.
    assert reds(report).keys() <= ({"domain"} if end == "okta-organization" else set())
    assert "script" not in repr(report)


def test_answers_at_random_raise_nothing(stand: Stand) -> None:
    chance, odd = random.Random(7), list(ODD.values())

    def answer_by_chance(request: SeenRequest) -> RawAnswer | None:
        return RawAnswer(**vars(chance.choice(odd))) if chance.random() < 0.4 else None

    stand.sandbox.answer = answer_by_chance
    for _ in range(40):
        stand.check(chance.choice(["embedded", "redirect"]), chance.choice(["default", "org", "auto"]))


# Where the checks ask, and what may be answered there at once; whatever is late is below.
ASKED = ("organization", "discovery", "token", "interact", "idx")
AT_ONCE = tuple(name for name in (*BAD_ANSWERS, "429") if name not in ("slow", "drip"))
BAD = [f"{place}_{name}" for place in ASKED for name in AT_ONCE]
BAD += ["discovery_list", "discovery_redirect", "discovery_foreign_token_endpoint", "token_redirect",
        "authorize_error_server_error"]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_fault_of_okta_turns_nothing_red(stand: Stand, name: str) -> None:
    stand.sandbox.fault(name)
    # Only whose domain it is may be told from an answer that is none of Okta's.
    assert reds(stand.check()).keys() <= ({"domain"} if name.startswith("organization_") else set())


# -- limits ------------------------------------------------------------------------------------------------------------
def timed(call: Callable[[], Report]) -> tuple[Report, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


@pytest.mark.parametrize("name", [f"{place}_{how}" for place in ASKED[1:] for how in ("slow", "drip")])
def test_whatever_hangs_the_time_is_kept(stand: Stand, name: str) -> None:
    stand.sandbox.fault(name)
    report, seconds = timed(lambda: stand.check(seconds=0.6))
    assert seconds < 3
    assert reds(report) == {}
    assert row_of(report, "domain").verdict == "right"


def test_an_okta_where_everything_hangs_is_silent(stand: Stand) -> None:
    stand.sandbox.delay_ms = 60_000
    stand.sandbox.fault("slow_everything")
    report, seconds = timed(lambda: stand.check(seconds=0.5))
    assert seconds < 3
    assert (row_of(report, "domain").cause, report.okta_host) == ("domain_silent", stand.url)
    assert set(verdicts(report).values()) == {"unknown"}
    assert len(stand.sandbox.requests) == 1


def test_an_okta_that_is_gone_is_asked_once(stand: Stand) -> None:
    with Sandbox(PORTAL).serve() as gone:
        url = gone.url
    stand.entries |= {"spa_domain": url, "native_domain": url}
    report = stand.check()
    assert (row_of(report, "domain").cause, set(verdicts(report).values())) == ("domain_silent", {"unknown"})
    assert {row.cause for row in report.rows if row.step != "domain"} == {"not_asked"}


def test_one_dead_domain_does_not_keep_the_other_app_from_being_checked(stand: Stand) -> None:
    with Sandbox(PORTAL).serve() as gone:
        stand.entries["native_domain"] = gone.url
    report = stand.check()
    found = verdicts(report)
    assert row_of(report, "domain").found.startswith("native: ")
    assert {found[step] for step in found if step.startswith("native.")} == {"unknown"}
    assert {found[step] for step in found if step.startswith("spa.")} == {"right", "login"}


@pytest.mark.parametrize("name", ["token_reset", "token_slow", "interact_slow", "idx_slow", "discovery_reset"])
def test_checks_do_not_shut_a_tenants_way_for_its_logins(stand: Stand, name: str) -> None:
    stand.sandbox.fault(name)
    for _ in range(2):
        stand.check(seconds=1.0)
        assert stand.door.get(f"{stand.url}/.well-known/okta-organization").status == 200


@pytest.mark.parametrize(
    ("end", "said"), [("", RawAnswer(200, reset=True)), ("openid-configuration", RawAnswer(429, JSON, b"{}"))],
    ids=["everything breaks off", "one answer is 429"],
)  # fmt: skip
def test_an_okta_that_turns_us_away_half_way_is_left_alone(stand: Stand, end: str, said: RawAnswer) -> None:
    def turn_away(request: SeenRequest) -> RawAnswer | None:
        first = request.path.endswith(("/okta-organization", "/openid-configuration")) and not request.query
        if not first and request.path.endswith(end):
            return RawAnswer(**vars(said))
        # Whatever is answered comes later than what turns us away.
        time.sleep(0.0 if first else 0.2)
        return None

    stand.sandbox.answer = turn_away
    assert reds(stand.check()) == {}
    # Two that were answered, and whatever was under way beside the one that was not.
    assert len(stand.sandbox.requests) <= 8
    assert stand.door.get(f"{stand.url}/.well-known/okta-organization").status == 200


def test_where_okta_says_429_nothing_more_is_asked(stand: Stand) -> None:
    stand.sandbox.fault("rate_limited")
    report = stand.check()
    assert len(stand.sandbox.requests) == 1
    assert row_of(report, "domain").cause == "rate_limited"
    assert reds(report) == {}


@pytest.mark.parametrize("end", ["token", "authorize", "interact", "openid-configuration"])
def test_a_limit_of_one_endpoint_ends_the_run_as_well(stand: Stand, end: str) -> None:
    say(stand, end, RawAnswer(429, JSON, b'{"errorCode":"E0000047"}'))
    report = stand.check()
    assert reds(report) == {}
    assert "rate_limited" in {row.cause for row in report.rows}
    assert sum(one.path.endswith(f"/{end}") for one in stand.sandbox.requests) <= 4


# -- custom domains, and hosts that are no Okta ------------------------------------------------------------------------
class Okta(Web):
    """An Okta by script, with its embedded sign-in."""

    def post_json(self, url: str, document: Any, **_: Any) -> Answer:
        return self.get(url)

    @contextmanager
    def within(self, seconds: float, name: str | None = None) -> Iterator[None]:
        assert name == "(checks)"
        yield


def check_at(web: Okta, domain: str, **more: str) -> Report:
    told: list[Any] = []
    report = run_checks(
        web, Entries("0oaACMEspa1234567890", domain, **more), Surroundings(REDIRECT_URIS | {
            "spa": "https://dash.pointapp.org/login/callback"}), sign_in="redirect", origin="https://dash.pointapp.org",
        sign_out_uris=SIGN_OUT_URIS, report=told.append,
    )  # fmt: skip
    assert_promises(report, told)
    return report


def test_a_custom_domain_that_is_named_back_leads_to_the_host_run_by_okta() -> None:
    known = {**okta(organization=HOME, alternate=CUSTOM), CUSTOM + KNOWN: organization(organization=HOME)}
    web = Okta(known)
    report = check_at(web, CUSTOM)
    row = row_of(report, "domain")
    assert (row.verdict, row.found) == ("right", "id.volunteers.org, run at acme.okta.com")
    assert (report.okta_host, report.server_id) == ("acme.okta.com", "org")
    assert [url for url in web.asked if url.startswith(CUSTOM)] == [CUSTOM + KNOWN]
    assert verdicts(report)["spa.redirect_uri"] == "right"


def test_a_custom_domain_that_is_not_named_back_is_wrong_and_nothing_else_is_asked() -> None:
    web = Okta({**okta(organization=HOME), CUSTOM + KNOWN: organization(organization=HOME)})
    report = check_at(web, CUSTOM)
    assert reds(report) == {"domain": "custom_domain_not_named_back"}
    assert report.okta_host == ""
    assert all(url.endswith(KNOWN) for url in web.asked)


@pytest.mark.parametrize(
    ("refused", "cause"),
    [(Refused(Problem.OKTA_UNREACHABLE, "domain_unresolvable"), "domain_not_found"),
     (Refused(Problem.OKTA_UNREACHABLE, "dns_temporary_failure"), "domain_silent"),
     (Refused(Problem.OKTA_UNREACHABLE, "op_timeout"), "domain_silent"),
     (Refused(Problem.OKTA_UNREACHABLE, "op_breaker_open"), "domain_silent"),
     (Refused(Problem.OKTA_UNREACHABLE, "tls_untrusted"), "domain_not_okta"),
     (Refused(Problem.OKTA_UNREACHABLE, "domain_resolves_private"), "domain_not_okta"),
     (Refused(Problem.OKTA_BUSY, "op_busy"), "domain_silent"),
     (Refused(Problem.OKTA_ANSWER_INVALID, "response_malformed"), "domain_silent"),
     (answer({"errorCode": "E0000008"}, 404), "domain_not_okta"), (answer(b"<h1>Parked"), "domain_not_okta"),
     (answer(b"", 301, location="https://www.example/"), "domain_not_okta"), (answer({}, 502), "domain_silent"),
     (answer({}, 429), "rate_limited")],
    ids=str,
)  # fmt: skip
def test_what_a_domain_does_not_say_is_not_held_against_it(refused: Any, cause: str) -> None:
    class Odd(Okta):
        def get(self, url: str, **_: Any) -> Answer:
            self.asked.append(url)
            if isinstance(refused, Refused):
                raise refused
            return refused  # type: ignore[no-any-return]

    web = Odd({})
    report = check_at(web, "acme.okta.com")
    row = row_of(report, "domain")
    assert row.cause == cause
    assert row.verdict == ("unknown" if cause in ("domain_silent", "rate_limited") else "wrong")
    assert report.okta_host == ("acme.okta.com" if row.verdict == "unknown" else "")
    assert {one.cause for one in report.rows if one.step != "domain"} == {"not_asked"}
    assert len(web.asked) == 1


def test_every_cause_is_explained() -> None:
    assert all(cause.islower() and cause.isidentifier() and text for cause, text in CAUSES.items())
