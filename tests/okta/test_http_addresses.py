"""Where the door may connect to: every address of a name is checked, and only a checked one is used."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.addresses import Addresses, is_public
from portal.okta.deadline import Deadline
from portal.okta.domain import parse_domain
from portal.okta.http import Door
from tests.okta.hostile import Hostile, load_cases, needs_cases

PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1",
    "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.5", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1",
    "::127.0.0.1", "::8.8.8.8", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::a00:1",
    "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%1", "2600::1%2", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "1", "127.1",
    "0x7f.1", "8.8.8", "localhost", "nonsense",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "2600:1f18::1",
    "2a05:d014::1",
]  # fmt: skip

ANSWERS: dict[str, list[str] | int] = {
    "localtest.me": ["127.0.0.1"],
    "a-rebind.evil.example": ["8.8.8.8", "127.0.0.1"],
    "v6only.evil.example": ["::ffff:10.0.0.1"],
    "nat64.evil.example": ["64:ff9b::a00:1"],
    "nx.evil.example": socket.EAI_NONAME,
    "servfail.evil.example": socket.EAI_AGAIN,
    "long-cname.evil.example": socket.EAI_FAIL,
}


def entry(address: str, zone: int = 0) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 6, "", (address, 443, 0, zone) if ":" in address else (address, 443)


def resolver(answers: dict[str, list[str] | int]) -> Any:
    def resolve(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        found = answers[host]
        if isinstance(found, int):
            raise socket.gaierror(found, "no")
        return [entry(address) for address in found]

    return resolve


def refusal(door: Door, url: str) -> Refused:
    with pytest.raises(Refused) as caught:
        door.get(url, deadline=0.3)
    assert caught.value.problem is Problem.OKTA_UNREACHABLE
    return caught.value


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_on_the_public_internet_is_closed(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_open(address: str) -> None:
    assert is_public(address)


@needs_cases
@pytest.mark.parametrize(
    "case", [case for case in load_cases("inputs") if case["stage"] == "resolve"], ids=lambda case: case["id"]
)
def test_every_listed_name_is_stopped_between_dns_and_connect(case: dict[str, Any]) -> None:
    """The names pass the grammar only because the operator's list has them here: .example is no custom domain."""
    domain = parse_domain(case["input"], extra_suffixes=["evil.example", "localtest.me"])
    assert refusal(Door(resolve=resolver(ANSWERS)), domain.base).reason == case["code"]


@pytest.mark.parametrize("addresses", [["fd00::1", "8.8.8.8"], ["8.8.8.8", "fd00::1"], ["8.8.8.8", "0.0.0.0"]])
def test_one_private_address_among_public_ones_closes_the_name(addresses: list[str]) -> None:
    """SRSP-65."""
    door = Door(resolve=resolver({"a.okta.com": addresses}))
    assert refusal(door, "https://a.okta.com").reason == "domain_resolves_private"


def test_a_zone_makes_any_address_private() -> None:
    door = Door(resolve=lambda *_, **__: [entry("2600::1", zone=2)])
    assert refusal(door, "https://a.okta.com").reason == "domain_resolves_private"


def test_a_name_without_an_address_is_unknown() -> None:
    assert refusal(Door(resolve=lambda *_, **__: []), "https://a.okta.com").reason == "domain_unresolvable"


def test_loopback_is_closed_unless_asked_for_and_leads_nowhere_else() -> None:
    answers: dict[str, list[str] | int] = {"localhost": ["8.8.8.8"], "a.okta.com": ["127.0.0.1"]}
    door = Door(loopback=True, resolve=resolver(answers))
    assert refusal(door, "http://localhost:9").reason == "domain_resolves_private"
    assert refusal(door, "https://a.okta.com").reason == "domain_resolves_private"


def test_a_name_is_resolved_once_and_the_checked_address_is_used() -> None:
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [entry("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    now = [0.0]
    door = Door(loopback=True, resolve=resolve, clock=lambda: now[0])
    with Hostile() as server:
        for _ in range(3):
            assert door.get(server.url).status == 200
            now[0] += 29
        assert asked == ["localhost"]
        now[0] += 40
        assert refusal(door, server.url).reason == "domain_resolves_private"
    door.close()


def test_addresses_are_believed_for_a_minute() -> None:
    now, asked = [0.0], []

    def resolve(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [entry("8.8.8.8"), entry("2600::1")]

    addresses = Addresses(resolve, lambda: now[0])
    for when in (0.0, 59.0, 61.0):
        now[0] = when
        assert addresses.find("a.okta.com", Deadline(time.monotonic, 1)) == ("8.8.8.8", "2600::1")
    assert len(asked) == 2


def test_the_next_address_is_tried_when_one_is_dead() -> None:
    door = Door(loopback=True, resolve=resolver({"localhost": ["127.0.0.9", "127.0.0.1"]}))
    with Hostile() as server:
        assert door.get(server.url).status == 200
        door.close()


def test_a_look_up_that_hangs_costs_the_deadline_and_one_thread() -> None:
    over, asked = threading.Event(), []

    def resolve(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        over.wait(5)
        return [entry("8.8.8.8")]

    addresses = Addresses(resolve, time.monotonic)
    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(Refused) as caught:
            addresses.find("a.okta.com", Deadline(time.monotonic, 0.05))
        assert caught.value.reason == "op_timeout"
    assert time.monotonic() - started < 0.5
    over.set()
    assert addresses.find("a.okta.com", Deadline(time.monotonic, 1)) == ("8.8.8.8",)
    assert asked == ["a.okta.com"]
