"""Names -> addresses that may be connected to. Owns the deny list and the resolving; opens no connection.

A name is resolved once, every address it has is checked, and the caller connects to those very addresses: a second
look-up could answer something else (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from portal.errors import Problem, Refused
from portal.okta.deadline import Deadline
from portal.okta.hostname import LOOPBACK_HOSTS

# `ipaddress.is_global` is not asked: it calls NAT64, 6to4, ::127.0.0.1, multicast and Azure's wire server global.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private, RFC 1918
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; Alibaba's metadata 100.100.100.200 is in here
        "127.0.0.0/8",  # loopback, RFC 1122
        "169.254.0.0/16",  # link-local, RFC 3927; the metadata address of nearly every cloud
        "168.63.129.16/32",  # Azure's wire server: public by number, private by nature
        "192.0.0.0/24",  # protocol assignments, RFC 6890; Oracle's metadata 192.0.0.192 is in here
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation, RFC 5737
        "192.31.196.0/24", "192.175.48.0/24",  # AS112, RFC 7534 and 7535
        "192.52.193.0/24",  # AMT, RFC 7450
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "198.18.0.0/15",  # benchmarking, RFC 2544
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved and broadcast, RFC 1112
    )
)  # fmt: skip
# Only 2000::/3 is unicast for the world. That alone shuts out ::, ::1, IPv4-mapped and -compatible addresses, NAT64
# (64:ff9b::/96, 64:ff9b:1::/48), discard-only 100::/64, ULA, link-local, site-local and multicast.
_WORLD_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking 2001:2::/48, ORCHID, RFC 2928
        "2001:db8::/32", "3fff::/20",  # documentation, RFC 3849 and 9637
        "2002::/16",  # 6to4, RFC 3056: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112, RFC 7534
    )
)  # fmt: skip

Resolve = Callable[..., Sequence[tuple[Any, ...]]]
_FRESH_SECONDS = 60.0
_MOST_CACHED = 1024
_MOST_LOOKUPS = 64
_TEMPORARY = frozenset({socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM})


def is_public(address: str) -> bool:
    """Whether `address` (a literal) is unicast on the public Internet. What cannot be read is not."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv4Address):
        return not any(number in net for net in _CLOSED_V4)
    # An address with a zone ("fe80::1%eth0") means one link of this machine, whatever its number.
    return number.scope_id is None and number in _WORLD_V6 and not any(number in net for net in _CLOSED_V6)


def is_loopback(address: str) -> bool:
    """Whether `address` is this machine itself: 127.0.0.0/8 or ::1, and nothing that wraps them."""
    return address == "::1" or (address.startswith("127.") and ipaddress.IPv4Address(address).is_loopback)


class Addresses:
    """Checked addresses per host, kept for a minute. Thread-safe; each look-up runs once however many wait for it."""

    def __init__(self, resolve: Resolve, clock: Callable[[], float]) -> None:
        self._resolve = resolve
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._running: dict[str, Future[tuple[str, ...]]] = {}

    def find(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        """The addresses of `host`, every one checked.

        Raises Refused(OKTA_UNREACHABLE): "domain_unresolvable", "dns_temporary_failure", "domain_resolves_private"
        when even one address is not public, "op_timeout".
        """
        if host in ("127.0.0.1", "[::1]"):
            return (host.strip("[]"),)
        with self._lock:
            fresh_until, addresses = self._known.get(host, (0.0, ()))
            if self._clock() < fresh_until:
                return addresses
            running = self._running.get(host) or self._start(host)
        try:
            return running.result(deadline.left())
        except TimeoutError:
            raise Refused(Problem.OKTA_UNREACHABLE, "op_timeout", "dns") from None

    def _start(self, host: str) -> Future[tuple[str, ...]]:
        # getaddrinfo knows no timeout. A thread of its own, left behind when it hangs, keeps the deadline; the cap
        # keeps a hostile name server from piling them up.
        if len(self._running) >= _MOST_LOOKUPS:
            raise Refused(Problem.OKTA_UNREACHABLE, "dns_temporary_failure", "too many look-ups")
        running: Future[tuple[str, ...]] = Future()
        threading.Thread(target=self._run, args=(host, running), name="okta-dns", daemon=True).start()
        # Only now, with the lock still held: a thread that could not start must not leave a look-up that never ends.
        self._running[host] = running
        return running

    def _run(self, host: str, running: Future[tuple[str, ...]]) -> None:
        try:
            addresses = self._look_up(host)
        except BaseException as exc:
            with self._lock:
                del self._running[host]
            running.set_exception(exc)
            return
        with self._lock:
            del self._running[host]
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            self._known[host] = (self._clock() + _FRESH_SECONDS, addresses)
        running.set_result(addresses)

    def _look_up(self, host: str) -> tuple[str, ...]:
        try:
            found = self._resolve(host, 443, type=socket.SOCK_STREAM)
        except socket.gaierror as exc:
            reason = "dns_temporary_failure" if exc.errno in _TEMPORARY else "domain_unresolvable"
            raise Refused(Problem.OKTA_UNREACHABLE, reason) from exc
        except (OSError, UnicodeError) as exc:
            raise Refused(Problem.OKTA_UNREACHABLE, "dns_temporary_failure") from exc
        addresses = tuple(dict.fromkeys(_literal(entry[4]) for entry in found))
        if not addresses:
            raise Refused(Problem.OKTA_UNREACHABLE, "domain_unresolvable")
        allowed = is_loopback if host in LOOPBACK_HOSTS else is_public
        if not all(map(allowed, addresses)):
            raise Refused(Problem.OKTA_UNREACHABLE, "domain_resolves_private")
        return addresses


def _literal(sockaddr: tuple[Any, ...]) -> str:
    """The address of a getaddrinfo entry, with the zone of a link-local one, so that it is seen as such."""
    zone = sockaddr[3] if len(sockaddr) == 4 else 0
    address = str(sockaddr[0])
    return f"{address}%{zone}" if zone and "%" not in address else address
