"""The client of the Management API, against the sandbox by the real door: where a token goes, what refusals mean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from okta_sandbox import RawAnswer, Sandbox, SeenRequest
from portal.errors import Problem, Refused
from portal.okta.domain import OktaDomain, parse_domain
from portal.okta.http import Door
from portal.okta.management import (
    Account,
    ApiToken,
    create,
    delete,
    fetch,
    fetch_list,
    fetch_me,
    find,
    open_account,
    put,
    read_token,
    replace,
    revoke_token,
    turn,
)  # fmt: skip
from portal.okta.set_up_plan import Addresses, app_body

GENUINE = "00QCjAl4MlV-WPXM-xfSq2Cj0ziIVLVB9eBlHV0Hmx"
AROUND = Addresses({"spa": "https://dash.pointapp.org/login/callback"}, {"spa": "https://dash.pointapp.org"}, "")


class Okta:
    """A sandbox, an account for it, and how long the account was told to wait."""

    def __init__(self, sandbox: Sandbox, base: str, door: Door) -> None:
        self.sandbox, self.base, self.door = sandbox, base, door
        self.waited: list[float] = []

    def account(self, token: str = "sandbox-token") -> Account:
        domain = parse_domain(self.base, loopback=True)
        return open_account(self.door, domain, ApiToken(token), clock=time.time, wait=self.waited.append)


@pytest.fixture
def okta() -> Iterator[Okta]:
    sandbox = Sandbox(empty=True)
    door = Door(loopback=True)
    with sandbox.serve() as server:
        yield Okta(sandbox, server.url, door)
    door.close()


@pytest.mark.parametrize(
    "typed", [GENUINE, f" {GENUINE}\n", f"SSWS {GENUINE}", f"ssws  {GENUINE}", f"Authorization: SSWS {GENUINE}"]
)
def test_a_token_is_read_however_it_is_pasted(typed: str) -> None:
    assert read_token(typed).value == GENUINE


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", Problem.FIELD_REQUIRED),
        (" \n", Problem.FIELD_REQUIRED),
        ("SSWS ", Problem.API_TOKEN_FORM),
        ("short", Problem.API_TOKEN_FORM),
        ("0oa1a2b3c4d5e6f7g8h9", Problem.API_TOKEN_IS_CLIENT_ID),
        ("x" * 64, Problem.API_TOKEN_IS_SECRET),
        ("p" * 40, Problem.API_TOKEN_IS_SECRET),
        ("eyJraWQiOiJ4In0.eyJzdWIiOiJ5In0.c2ln", Problem.API_TOKEN_FORM),
        ("https://acme-admin.okta.com/admin/access/api/tokens", Problem.API_TOKEN_FORM),
        ("00abc\r\nX-Other: 1", Problem.API_TOKEN_FORM),
        ("00äbcdefgh", Problem.API_TOKEN_FORM),
        ("x" * 5000, Problem.API_TOKEN_FORM),
    ],
)
def test_what_is_no_token_is_told_apart(typed: str, problem: Problem) -> None:
    with pytest.raises(Refused) as caught:
        read_token(typed)
    assert caught.value.problem is problem
    assert typed.strip() not in str(caught.value) or not typed.strip()


def test_a_token_shows_in_no_repr(okta: Okta) -> None:
    account = okta.account(GENUINE)
    for thing in (account.token, account, [account], {"token": account.token}):
        assert GENUINE not in repr(thing)
        assert GENUINE not in str(thing)


@pytest.mark.parametrize("host", ["id.volunteers.org", "okta.com.evil.org"])
def test_a_custom_domain_never_gets_one(okta: Okta, host: str) -> None:
    with pytest.raises(Refused) as caught:
        open_account(okta.door, OktaDomain(host), ApiToken(GENUINE), clock=time.time, wait=okta.waited.append)
    assert (caught.value.problem, caught.value.reason) == (Problem.DOMAIN_NOT_OKTA, "token_only_to_okta")


def test_an_app_is_created_read_replaced_and_deleted(okta: Okta) -> None:
    account = okta.account()
    app = create(account, "/api/v1/apps?activate=true", app_body("spa", AROUND))
    path = f"/api/v1/apps/{app['id']}"
    assert fetch(account, path)["label"] == "POINT SPA Integration"
    assert replace(account, path, {**app, "label": "Other"})["label"] == "Other"
    (group,) = fetch_list(account, "/api/v1/groups?q=Everyone")
    put(account, f"{path}/groups/{group['id']}")
    assert okta.sandbox.app(app["id"]).groups == {group["id"]}
    assert turn(account, path, on=False) is True
    assert delete(account, path) is True
    assert (find(account, path), delete(account, path), turn(account, path, on=False)) == (None, False, False)


def test_whose_token_it_is_is_known(okta: Okta) -> None:
    assert fetch_me(okta.account()) == "olivia@acme.example"


def test_a_token_can_revoke_itself(okta: Okta) -> None:
    account = okta.account("sandbox-token-short-lived")
    revoke_token(account)
    assert refusal(lambda: fetch_me(account)).problem is Problem.API_TOKEN_REFUSED


def test_lists_are_read_page_by_page(okta: Okta) -> None:
    account = okta.account()
    for number in range(5):
        create(account, "/api/v1/apps", {**app_body("spa", AROUND), "label": f"POINT {number}"})
    found = fetch_list(account, "/api/v1/apps?q=POINT&limit=2")
    assert [app["label"] for app in found] == [f"POINT {number}" for number in range(5)]
    assert sum(one.path == "/api/v1/apps" and one.method == "GET" for one in okta.sandbox.requests) == 3


@pytest.mark.parametrize(
    "link", ["https://evil.example/api/v1/apps?after=1", "{base}.evil.example/api/v1/apps", "/api/v1/apps",
             "{base}@evil.example/api/v1/", "{base}/oauth2/v1/authorize"],
)  # fmt: skip
def test_a_next_page_elsewhere_gets_no_token(okta: Okta, link: str) -> None:
    header = f'<{link.format(base=okta.base)}>; rel="next"'
    okta.sandbox.answer = lambda _: RawAnswer(200, [("Content-Type", "application/json"), ("Link", header)], b"[]")
    refused = refusal(lambda: fetch_list(okta.account(), "/api/v1/apps"))
    assert refused.reason == "management_link_elsewhere"
    assert len(okta.sandbox.requests) == 1


def test_a_list_without_an_end_is_given_up(okta: Okta) -> None:
    header = f'<{okta.base}/api/v1/apps>; rel="next"'
    okta.sandbox.answer = lambda _: RawAnswer(200, [("Content-Type", "application/json"), ("Link", header)], b"[]")
    assert refusal(lambda: fetch_list(okta.account(), "/api/v1/apps")).reason == "management_list_too_long"


def refusal(call: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "problem"),
    [
        (401, "E0000011", Problem.API_TOKEN_REFUSED),
        (401, "E0000004", Problem.API_TOKEN_REFUSED),
        (401, "E0000015", Problem.API_ACCESS_MANAGEMENT),
        (403, "E0000006", Problem.API_TOKEN_WEAK),
        (400, "E0000001", Problem.SET_UP_REFUSED),
        (400, "E0000003", Problem.SET_UP_REFUSED),
        (404, "E0000007", Problem.SET_UP_GONE),
        (405, "E0000022", Problem.OKTA_ANSWER_INVALID),
        (500, "E0000009", Problem.OKTA_UNREACHABLE),
        (503, "", Problem.OKTA_UNREACHABLE),
        (302, "", Problem.OKTA_ANSWER_INVALID),
    ],
)
def test_each_refusal_has_its_meaning_and_okta_s_words_go_to_the_log_without_the_token(
    okta: Okta, status: int, code: str, problem: Problem
) -> None:
    causes = f'[{{"errorSummary":"because {GENUINE}"}}]'
    body = f'{{"errorCode":"{code}","errorSummary":"No {GENUINE}","errorCauses":{causes}}}'
    headers = [("Content-Type", "application/json"), ("Location", "https://evil.example/")]
    okta.sandbox.answer = lambda _: RawAnswer(status, headers, body.encode())
    refused = refusal(lambda: fetch(okta.account(GENUINE), "/api/v1/users/me"))
    assert refused.problem is problem
    assert refused.reason == (code.lower() or "management_http_status")
    assert "because" in refused.detail
    assert GENUINE not in str(refused)
    assert len(okta.sandbox.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("x-rate-limit-reset", "{now+7}")], 7),
        ([("x-rate-limit-reset", "{now-30}")], 1),
        ([("x-rate-limit-reset", "{now+900}")], 60),
        ([("x-rate-limit-reset", "soon")], 15),
        ([], 15),
    ],
)
def test_a_rate_limit_is_waited_for_by_okta_s_own_clock(
    okta: Okta, headers: list[tuple[str, str]], seconds: int
) -> None:
    """The sandbox's clock is three hours ahead of ours, and the answer's Date says so."""
    ahead = 3 * 3600
    okta.sandbox.clock = lambda: time.time() + ahead
    busy = [True]

    def answer(_request: SeenRequest) -> RawAnswer | None:
        if not busy.pop() if busy else True:
            return None
        now = int(time.time()) + ahead
        known = [(name, str(eval(value[1:-1], {"now": now})) if "{" in value else value) for name, value in headers]
        return RawAnswer(429, [("Content-Type", "application/json"), *known], b'{"errorCode":"E0000047"}')

    okta.sandbox.answer = answer
    assert fetch_me(okta.account()) == "olivia@acme.example"
    assert okta.waited == [pytest.approx(seconds, abs=1.1)]


def test_a_change_that_came_too_soon_is_made_once(okta: Okta) -> None:
    okta.sandbox.fault("management_rate_limited")
    okta.sandbox.clock = lambda: 1_800_000_000.0

    def wait(seconds: float) -> None:
        okta.waited.append(seconds)
        okta.sandbox.fault("management_rate_limited", on=False)

    domain = parse_domain(okta.base, loopback=True)
    account = open_account(okta.door, domain, ApiToken("sandbox-token"), clock=okta.sandbox.clock, wait=wait)
    for number in range(8):
        create(account, "/api/v1/apps", {**app_body("spa", AROUND), "label": f"POINT {number}"})
    assert len(okta.waited) == 1
    assert len(okta.sandbox.apps) == 8
