"""TLS at the door: certificates are always checked against the name, and trouble is told from silence."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator

import pytest

from portal.errors import Problem, Refused
from portal.okta.http import Door
from tests.okta.hostile import Authority, Hostile, Step, answer, hang, hang_up, raw, reset, then

# A fatal alert "no_application_protocol" (RFC 7301 3.2), as an h2-only server sends it.
NO_HTTP_1 = b"\x15\x03\x03\x00\x02\x02\x78"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def door(authority: Authority) -> Iterator[Door]:
    door = Door(loopback=True, ca_bundle=str(authority.bundle), deadline=0.4)
    yield door
    door.close()


def reason_for(door: Door, server: Hostile, host: str = "localhost") -> str:
    with server, pytest.raises(Refused) as caught:
        door.get(f"https://{host}:{server.port}/")
    assert caught.value.problem is Problem.OKTA_UNREACHABLE
    return caught.value.reason


def test_a_trusted_certificate_works_and_the_connection_is_kept(door: Door, authority: Authority) -> None:
    with Hostile(tls=authority.context("localhost")) as server:
        for _ in range(3):
            assert door.post_form(server.url, {"a": "b"}).json() == {"ok": True}
        assert server.connections == 1


def test_an_address_is_checked_against_the_certificate_too(door: Door, authority: Authority) -> None:
    with Hostile(tls=authority.context("127.0.0.1")) as server:
        assert door.get(f"https://127.0.0.1:{server.port}/").status == 200


def test_a_self_signed_certificate_is_refused_again_and_again(door: Door, authority: Authority) -> None:
    """SRSP-58."""
    server = Hostile(tls=authority.context("localhost", signed_by_itself=True))
    with server, pytest.raises(Refused):
        door.get(server.url)
        assert reason_for(door, server) == "tls_untrusted"
    assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    door = Door(loopback=True, deadline=0.4)
    assert reason_for(door, Hostile(tls=authority.context("localhost"))) == "tls_untrusted"


def test_a_certificate_for_another_host_is_refused(door: Door, authority: Authority) -> None:
    """SRSP-60."""
    server = Hostile(tls=authority.context("evil.example"))
    assert reason_for(door, server) == "tls_untrusted"
    assert server.requests == []
    assert reason_for(door, Hostile(tls=authority.context("localhost")), host="127.0.0.1") == "tls_untrusted"


def test_an_outdated_protocol_is_refused(door: Door, authority: Authority) -> None:
    context = authority.context("localhost")
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert reason_for(door, Hostile(tls=context)) == "tls_untrusted"


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        pytest.param(raw("HTTP/1.1 200 OK", "Content-Length: 2", body=b"{}"), "tls_untrusted", id="SRSP-62"),
        pytest.param(then(NO_HTTP_1, hang), "op_unavailable", id="SRSP-63"),
        pytest.param(hang, "op_timeout", id="SRSP-52"),
        pytest.param(reset, "op_unavailable", id="reset"),
    ],
)
def test_what_is_no_handshake_ends_cleanly_and_in_time(door: Door, greeting: Step, reason: str) -> None:
    started = time.monotonic()
    assert reason_for(door, Hostile(greeting=greeting)) == reason
    assert time.monotonic() - started < 0.7


def test_an_h2_only_server_ends_cleanly(door: Door, authority: Authority) -> None:
    context = authority.context("localhost")
    context.set_alpn_protocols(["h2"])
    settings = b"\x00\x00\x00\x04" + b"\x00" * 5 + b"\r\n\r\n"
    with Hostile(settings, tls=context) as server, pytest.raises(Refused) as caught:
        door.get(server.url)
    assert caught.value.reason == "response_malformed"


def test_a_body_that_ends_with_the_connection_needs_the_goodbye_of_tls(door: Door, authority: Authority) -> None:
    """Anyone on the way can cut a TCP connection; without a length only TLS's own end says that all of it came."""
    whole = raw("HTTP/1.1 200 OK", "Content-Type: application/json", body=b'{"a": 1}')
    context = authority.context("localhost")
    with Hostile(then(whole, lambda _, connection: connection.unwrap()), tls=context) as server:
        assert door.get(server.url).json() == {"a": 1}
    with Hostile(then(whole, hang_up), tls=context) as server:
        with pytest.raises(Refused) as caught:
            door.get(server.url)
        assert caught.value.reason == "response_malformed"


def test_a_missing_bundle_fails_at_the_start() -> None:
    with pytest.raises(FileNotFoundError):
        Door(ca_bundle="/nowhere/ca.pem")


def test_a_kept_tls_connection_that_was_closed_is_replaced(door: Door, authority: Authority) -> None:
    with Hostile(then(answer(), hang_up), answer(), tls=authority.context("localhost")) as server:
        assert door.post_form(server.url, {"a": "b"}).status == 200
        assert door.post_form(server.url, {"a": "b"}).status == 200
        assert (server.connections, len(server.requests)) == (2, 2)
