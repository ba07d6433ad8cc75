"""The door against hostile answers, on plain HTTP over loopback. The ids are those of cases/ssrf_domains.json."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from portal.errors import Problem, Refused
from portal.okta.http import Answer, Door
from portal.okta.wire import write_form
from tests.okta.hostile import Hostile, Step, answer, drip, hang, hang_up, load_cases, needs_cases, raw, reset, then

ASCII = "".join(map(chr, range(128)))
FORM = {"grant_type": "authorization_code", "code": "secret-code", "code_verifier": "secret-verifier"}

OF_50 = raw("HTTP/1.1 200 OK", "Content-Length: 50")
CHUNKED = raw("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")

# What the door itself refuses: id -> (answer, reason). More than one of a kind where there is more than one way.
REFUSED: list[tuple[str, Step, str]] = [
    ("SRSP-30", raw("HTTP/1.1 200 OK", "Content-Length: 10000000000"), "response_too_large"),
    ("SRSP-30", raw("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"FFFFFFFF\r\n"), "response_too_large"),
    ("SRSP-30", raw("HTTP/1.1 200 OK", body=b"x" * 300_000), "response_too_large"),
    ("SRSP-33", answer(b"x", "Content-Encoding: br"), "response_encoding_unsupported"),
    ("SRSP-33", answer(b"x", "Content-Encoding: zstd"), "response_encoding_unsupported"),
    ("SRSP-33", answer(b"x", *["Content-Encoding: gzip"] * 5), "response_encoding_unsupported"),
    ("SRSP-33", answer(b"x", "Content-Encoding: identity, gzip"), "response_encoding_unsupported"),
    ("SRSP-34", answer(b"x", "X-Long: " + "x" * 1_000_000), "response_malformed"),
    ("SRSP-34", answer(b"x", *(f"X-{number}: 1" for number in range(2000))), "response_malformed"),
    ("SRSP-34", answer(b"x", *(f"X-{number}: 1" for number in range(99))), "response_malformed"),
    ("SRSP-52", hang, "op_timeout"),
    ("SRSP-53", drip(answer(), 0.05), "op_timeout"),
    ("SRSP-53", then(OF_50, drip(b"x" * 50, 0.05)), "op_timeout"),
    ("SRSP-53", then(CHUNKED, drip(b"1\r\nx\r\n" * 9, 0.05)), "op_timeout"),
    ("SRSP-55", then(OF_50 + b"half", reset), "op_unavailable"),
    ("SRSP-55", reset, "op_unavailable"),
    ("SRSP-56", then(CHUNKED + b'4\r\n{"a"\r\n', hang_up), "response_malformed"),
    ("SRSP-56", then(OF_50 + b"half", hang_up), "response_malformed"),
    ("SRSP-56", then(b"HTTP/1.1 200", hang_up), "response_malformed"),
    ("SRSP-63", then(b"\x00\x00\x12\x04" + b"\x00" * 23 + b"\r\n\r\n", hang_up), "response_malformed"),
    ("SRSP-68", hang_up, "op_unavailable"),
]  # fmt: skip

# Beyond the list: framing that two parsers could read in two ways.
AMBIGUOUS = [
    raw("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length: 2, 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length: +2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length: -1", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length: \xb2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length:", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    raw("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    raw("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    raw("HTTP/1.1 200 OK", "Content-Length : 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Content-Length: 2", " folded: 1", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Bare: a\nContent-Length: 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Bare: a\rContent-Length: 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Nul: \x00", "Content-Length: 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "no colon", "Content-Length: 2", body=b"{}"),
    raw("HTTP/1.1 200 OK", "Location: /a", "Location: /b", "Content-Length: 2", body=b"{}"),
    raw("HTTP/2 200", "Content-Length: 2", body=b"{}"),
    raw("HTTP/1.1 0200 OK", "Content-Length: 2", body=b"{}"),
    raw("HTTP/1.1 600 OK", "Content-Length: 2", body=b"{}"),
    raw("ICY 200 OK", "Content-Length: 2", body=b"{}"),
    raw("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c"),
    raw("HTTP/1.1 100 Continue") * 6 + answer(),
    *(
        CHUNKED + body
        for body in (
            b"-1\r\n", b"0x1\r\nx\r\n", b" 1\r\nx\r\n", b"1\nx\n\r\n", b"1\r\nxy\r\n", b"\r\n", b"123456789\r\n",
            b"1;" + b"x" * 2000 + b"\r\n", b"0\r\n" + b"a: b\r\n" * 101, b"0\r\nno colon\r\n", b"1\r\nx\r\n" * 4097,
        )
    ),
]  # fmt: skip

JSON: list[tuple[str, Answer, str]] = [
    (name, Answer(200, {"content-type": kind}, body), reason)
    for name, kind, body, reason in (
        ("SRSP-38", "application/json", b"[" * 100_000 + b"]" * 100_000, "response_malformed"),
        ("SRSP-38", "application/json", b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "response_malformed"),
        ("SRSP-40", "application/json", b'{"issuer":"a","issuer":"b"}', "response_duplicate_member"),
        ("SRSP-40", "application/json", b'{"a":{"b":1,"\\u0062":2}}', "response_duplicate_member"),
        ("SRSP-43", "text/html", b'{"issuer":"a"}', "response_wrong_type"),
        ("SRSP-44", "text/html; charset=utf-8", b"<html>login", "response_wrong_type"),
        ("type", "", b"{}", "response_wrong_type"),
        ("type", "application/jsonp", b"{}", "response_wrong_type"),
        ("type", "application/json; charset=utf-16", b"{}", "response_wrong_type"),
        ("json", "application/json", b"", "response_malformed"),
        ("json", "application/json", b"[]", "response_malformed"),
        ("json", "application/json", b'{"a": NaN}', "response_malformed"),
        ("json", "application/json", b'{"a": -Infinity}', "response_malformed"),
        ("json", "application/json", b'{"a": 1e999}', "response_malformed"),
        ("json", "application/json", b'{"a": ' + b"9" * 10_000 + b"}", "response_malformed"),
        ("json", "application/json", b'{"a": "\\ud800"}', "response_malformed"),
        ("json", "application/json", b'\xef\xbb\xbf{"a": 1}', "response_malformed"),
        ("json", "application/json", b'{"a": "\xff"}', "response_malformed"),
        ("json", "application/json", b'{"a": 1} {', "response_malformed"),
    )
]
# Statuses and redirects come back as they are; these ids have tests of their own below, or in the file named.
BELOW = {"SRSP-03", "SRSP-04", "SRSP-05", "SRSP-06", "SRSP-08", "SRSP-31", "SRSP-45", "SRSP-46", "SRSP-50"}
BELOW |= {"SRSP-66", "SRSP-67"}
IN_TEST_HTTP_TLS = {"SRSP-52", "SRSP-58", "SRSP-60", "SRSP-62", "SRSP-63"}
IN_TEST_HTTP_ADDRESSES = {"SRSP-65"}
PROVED_IN_TEST_PROVIDER = {f"SRSP-{number}" for number in (*range(12, 28), 35, 36)}


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door(loopback=True, deadline=0.3)
    yield door
    door.close()


@pytest.fixture(scope="module")
def strict_door() -> Door:
    """A door for production that must not even ask DNS."""

    def resolve(*_: Any, **__: Any) -> Any:
        raise AssertionError("DNS was asked")

    return Door(resolve=resolve)


def refusal(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


@needs_cases
def test_every_listed_answer_is_proved_somewhere() -> None:
    here = {name for name, *_ in REFUSED} | {name for name, *_ in JSON} | BELOW
    proved = here | IN_TEST_HTTP_TLS | IN_TEST_HTTP_ADDRESSES | PROVED_IN_TEST_PROVIDER
    assert {case["id"] for case in load_cases("responses")} <= proved


@pytest.mark.parametrize(("step", "reason"), [pytest.param(*rest, id=name) for name, *rest in REFUSED])
def test_a_hostile_answer_is_refused_in_time(door: Door, step: Step, reason: str) -> None:
    with Hostile(step) as server:
        started = time.monotonic()
        assert refusal(lambda: door.post_form(f"{server.url}/token", FORM)).reason == reason
        assert time.monotonic() - started < 0.9
        # A code goes out once, whatever happens to the answer.
        assert len(server.requests) == 1


@pytest.mark.parametrize("step", AMBIGUOUS, ids=range(len(AMBIGUOUS)))
def test_an_ambiguous_answer_is_refused(door: Door, step: bytes) -> None:
    with Hostile(step) as server:
        refused = refusal(lambda: door.get(server.url))
        assert (refused.problem, refused.reason) == (Problem.OKTA_ANSWER_INVALID, "response_malformed")


@pytest.mark.parametrize(("given", "reason"), [pytest.param(*rest, id=name) for name, *rest in JSON])
def test_json_that_parsers_disagree_on_is_refused(given: Answer, reason: str) -> None:
    refused = refusal(given.json)
    assert (refused.problem, refused.reason) == (Problem.OKTA_ANSWER_INVALID, reason)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON;charset=UTF-8", 'application/ion+json; okta-version=1.0.0; charset="utf-8"'],
)
def test_json_is_read_whatever_its_label_adds(kind: str) -> None:
    assert Answer(200, {"content-type": kind}, b'{"a": [1, {"b": "\xc3\xa4"}]}').json() == {"a": [1, {"b": "ä"}]}


def test_a_string_without_an_end_costs_one_pass() -> None:
    body = b"{" * 40 + b'"' + b'\\"' * 8000
    started = time.thread_time()
    assert refusal(Answer(200, {"content-type": "application/json"}, body).json).reason == "response_malformed"
    assert time.thread_time() - started < 0.05


# -- SRSP-03 to 08 ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:{port}/", "file:///etc/passwd", "https://evil.example/", "", "::", None]
)
def test_no_redirect_is_followed(door: Door, status: int, location: str | None) -> None:
    with Hostile() as other:
        lines = [] if location is None else [f"Location: {location.format(port=other.port)}"]
        with Hostile(answer(b"", *lines, status=f"{status} Moved")) as server:
            found = door.post_form(server.url, FORM, headers={"Authorization": "Bearer secret"})
        assert (found.status, "location" in found.headers) == (status, location is not None)
        assert (len(server.requests), other.connections) == (1, 0)


# -- SRSP-31 ---------------------------------------------------------------------------------------------------------
def test_what_follows_the_announced_body_is_cut_and_never_read_as_the_next_answer(door: Door) -> None:
    smuggled = answer(b'{"n": 1}') + answer(b'{"smuggled": true}')
    with Hostile(smuggled, answer(b'{"n": 2}')) as server:
        assert door.get(server.url).json() == {"n": 1}
        assert door.get(server.url).json() == {"n": 2}
        assert server.connections == 2


# -- SRSP-45, SRSP-46 ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_none(door: Door, status: int) -> None:
    with Hostile(raw(f"HTTP/1.1 {status} Nothing", "Content-Type: application/json"), answer()) as server:
        found = door.get(server.url)
        assert (found.status, found.body) == (status, b"")
        assert refusal(found.json).reason == "response_malformed"
        assert (door.get(server.url).status, server.connections) == (200, 1)


@pytest.mark.parametrize("status", [206, 400, 401, 403, 404, 410, 429, 451, 500, 503])
def test_any_other_status_is_the_callers_to_judge(door: Door, status: int) -> None:
    with Hostile(answer(b'{"error": "x"}', status=f"{status} No")) as server:
        found = door.get(server.url)
    assert (found.status, found.json()) == (status, {"error": "x"})


# -- SRSP-50 ---------------------------------------------------------------------------------------------------------
def test_cookies_are_neither_kept_nor_shown(door: Door) -> None:
    with Hostile(answer(b"{}", "Set-Cookie: sid=1; Path=/", "Set-Cookie: b=2")) as server:
        assert "set-cookie" not in door.get(server.url).headers
        door.post_form(server.url, FORM)
        assert not any(b"cookie" in request.lower() for request in server.requests)


# -- SRSP-66 ---------------------------------------------------------------------------------------------------------
def test_proxies_and_netrc_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine localhost login us password secret\n")
    with Hostile() as proxy, Hostile() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://user:secret@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        door = Door(loopback=True, deadline=0.3)
        assert door.get(server.url).status == 200
        door.close()
        assert (proxy.connections, b"uthorization" in server.requests[0]) == (0, False)


# -- SRSP-67 ---------------------------------------------------------------------------------------------------------
def test_no_refusal_and_no_repr_holds_a_word_of_the_answer(door: Door) -> None:
    page = b"<script>alert('secret')</script>"
    with Hostile(answer(page, "X-Echo: secret"), answer(b'{"a": secret'), raw("HTTP/1.1 200 secret\x00")) as server:
        shown = [repr(door.get(server.url))]
        shown += [str(refusal(door.get(server.url).json)), str(refusal(lambda: door.get(server.url)))]
    assert not any("secret" in text or "script" in text for text in shown)


# -- what is sent ----------------------------------------------------------------------------------------------------
def test_a_form_is_posted_as_written_down(door: Door) -> None:
    with Hostile() as server:
        door.post_form(f"{server.url}/oauth2/v1/token?x=1", {"a": "1 +&=ä/", "b~": ""}, headers={"X-A": "b"})
        port = server.port
    assert server.requests == [(
        f"POST /oauth2/v1/token?x=1 HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: POINT-login-portal\r\n"
        "Accept-Encoding: identity\r\nX-A: b\r\nAccept: application/json\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\n\r\na=1+%2B%26%3D%C3%A4%2F&b~="
    ).encode()]  # fmt: skip


def test_json_is_posted_as_written_down_and_under_the_name_that_is_asked_for(door: Door) -> None:
    with Hostile() as server:
        door.post_json(f"{server.url}/idp/idx/introspect", {"a": 'ä"\r\n', "b": None}, headers={"Accept": "x/y"})
        door.post_json(server.url, {}, content_type="application/ion+json; okta-version=1.0.0")
        port = server.port
    assert server.requests[0] == (
        f"POST /idp/idx/introspect HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: POINT-login-portal\r\n"
        "Accept-Encoding: identity\r\nAccept: x/y\r\n"
        'Content-Type: application/json\r\nContent-Length: 29\r\n\r\n{"a":"\\u00e4\\"\\r\\n","b":null}'
    ).encode()
    named = b"\r\nContent-Type: application/ion+json; okta-version=1.0.0\r\nContent-Length: 2\r\n\r\n{}"
    assert server.requests[1].endswith(named)


@pytest.mark.parametrize("document", [{"a": float("nan")}, {"a": float("inf")}, {"a": -float("inf")}])
def test_what_is_no_json_is_our_own_mistake(door: Door, document: dict[str, float]) -> None:
    with Hostile() as server:
        with pytest.raises(ValueError, match="not JSON compliant"):
            door.post_json(server.url, document)
        assert server.connections == 0


@pytest.mark.parametrize("end", [hang_up, reset])
def test_json_is_never_posted_twice(door: Door, end: Step) -> None:
    with Hostile(answer(), end, answer()) as server:
        door.post_json(server.url, FORM)
        assert refusal(lambda: door.post_json(server.url, FORM)).reason == "op_unavailable"
        assert len(server.requests) == 2


@pytest.mark.parametrize("text", ["", "plain-._~", " +&=%/:?#[]@!$'()*,;", "\r\n\t\x00\x7f", "äöü €", ASCII])
def test_a_form_says_the_same_as_the_standard_library(text: str) -> None:
    assert write_form({"a": text, text: "b"}) == urlencode({"a": text, text: "b"}).encode()


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nHost: evil"}, {"X": "a\n"}, {"X\r\n": "a"}, {"X": "ä"}, {"X": "\x00"}, {"Host": "evil"},
     {"Cookie": "a=b"}, {"content-length": "0"}, {"Transfer-Encoding": "chunked"}, {"": "a"}],
)  # fmt: skip
def test_a_header_that_breaks_out_is_our_own_mistake(door: Door, headers: dict[str, str]) -> None:
    with Hostile() as server:
        with pytest.raises(ValueError, match="cannot be sent"):
            door.get(server.url, headers=headers)
        assert server.connections == 0


# -- other shapes of an honest answer --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("step", "connections"),
    [
        (raw("HTTP/1.1 200 OK", "Content-Length: 2", body=b"ok"), 1),
        (raw("HTTP/1.1 200", "content-length:2", body=b"ok"), 1),
        (raw("HTTP/1.1 200 OK", "Transfer-Encoding: Chunked", body=b"1\r\no\r\n1;x=y\r\nk\r\n00\r\nT: 1\r\n\r\n"), 1),
        (raw("HTTP/1.1 100 Continue") + raw("HTTP/1.1 103 Early", "Link: x") + answer(b"ok"), 1),
        (drip(answer(b"ok"), 0.0005), 1),
        (answer(b"ok", "Connection: Close"), 2),
        (raw("HTTP/1.0 200 OK", "Content-Length: 2", body=b"ok"), 2),
        (then(raw("HTTP/1.1 200 OK", body=b"ok"), hang_up), 2),
        (answer(b"ok", "Content-Encoding: identity"), 1),
    ],
)
def test_honest_answers_are_read_and_connections_kept_where_allowed(door: Door, step: Step, connections: int) -> None:
    with Hostile(step) as server:
        assert door.get(server.url).body == b"ok"
        assert door.get(server.url).body == b"ok"
        assert server.connections == connections


def test_a_body_up_to_the_limit_is_read(door: Door) -> None:
    with Hostile(answer(b"x" * 256 * 1024), answer(b"x" * (256 * 1024 + 1))) as server:
        assert len(door.get(server.url, deadline=2).body) == 256 * 1024
        assert refusal(lambda: door.get(server.url)).reason == "response_too_large"


def test_the_hook_hears_of_every_call() -> None:
    heard: list[tuple[str, str]] = []
    door = Door(loopback=True, deadline=0.3, on_call=lambda host, seconds, outcome: heard.append((host, outcome)))
    with Hostile(answer(status="404 No"), reset) as server:
        door.get(server.url)
        refusal(lambda: door.get(server.url))
        door.close()
    assert heard == [(f"localhost:{server.port}", "404"), (f"localhost:{server.port}", "op_unavailable")]


URLS: list[tuple[str, str]] = [
    ("http://acme.okta.com/", "endpoint_not_https"),
    *(
        (url, "endpoint_invalid")
        for url in (
            "", "acme.okta.com", "ftp://acme.okta.com/", "file:///etc/passwd", "HTTPS://acme.okta.com/", "https:///x",
            "https://acme.okta.com:443/", "https://acme.okta.com:8443/", "https://u@acme.okta.com/", "https://10.0.0.1/",
            "https://2130706433/", "https://[::1]/", "https://acme/", "https://acme.okta.com\\.evil/",
            "https://acme.okta.com/a b",
            "https://acme.okta.com/\r\nX: y", "https://acme.okta.com/#f", "https://acme.okta.com/%zz", "https://acme.okta.com/ä",
            "https://acme..okta.com/", "https://localhost/", "https://acme.okta.com/" + "x" * 9000, "//acme.okta.com/",
            "https://acme.okta.com/\n", "\nhttps://acme.okta.com/",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("url", "reason"), URLS, ids=range(len(URLS)))
def test_an_address_outside_the_grammar_is_not_fetched(strict_door: Door, url: str, reason: str) -> None:
    refused = refusal(lambda: strict_door.get(url))
    assert (refused.problem, refused.reason) == (Problem.OKTA_ANSWER_INVALID, reason)
