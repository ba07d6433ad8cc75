"""Open connections to Oktas: making them, waiting on them, keeping them for the next call.

Connects only to addresses that were checked before; the name serves for SNI and the certificate. Knows no HTTP.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import cache

from portal.errors import Problem, Refused
from portal.okta.deadline import Deadline
from portal.okta.hostname import Origin
from portal.okta.wire import Cut, Ended

_READ = 32 * 1024
_CONNECT_SECONDS = 5.0
_MOST_TRIED = 4


class Connection:
    """One connection with what has been read ahead. Used by one thread at a time; implements wire.Stream."""

    __slots__ = ("_ahead", "_deadline", "_poll", "_socket", "received")

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._socket = sock
        self._deadline = deadline
        self._ahead = bytearray()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.received = False

    def begin(self, request: bytes, deadline: Deadline) -> None:
        """Sends `request`. From here on every wait ends at `deadline`, and `received` tells whether a byte came."""
        self._deadline = deadline
        self.received = False
        sock, sent = self._socket, 0
        while sent < len(request):
            sock.settimeout(deadline.left())
            sent += sock.send(request[sent:] if sent else request)

    @property
    def is_quiet(self) -> bool:
        """Nothing lies unread. Between two calls anything readable is a goodbye, or an answer to no question, and
        so is whatever came behind the last answer: what follows on such a connection cannot be trusted.
        """
        return not self._ahead and not self._poll.poll(0)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def until(self, mark: bytes, most: int) -> bytes:
        ahead, seen = self._ahead, 0
        while (found := ahead.find(mark, seen)) < 0:
            if len(ahead) > most:
                raise ValueError("too long")
            seen = max(0, len(ahead) - len(mark) + 1)
            self._read()
        if found > most:
            raise ValueError("too long")
        return self._take(found + len(mark))

    def exactly(self, count: int) -> bytes:
        while len(self._ahead) < count:
            self._read()
        return self._take(count)

    def rest(self, most: int) -> bytes:
        try:
            while len(self._ahead) <= most:
                self._read()
        except Cut:
            raise
        except Ended:
            pass
        if len(self._ahead) > most:
            raise ValueError("too long")
        return self._take(len(self._ahead))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._ahead[:count])
        del self._ahead[:count]
        return taken

    def _read(self) -> None:
        self._socket.settimeout(self._deadline.left())
        try:
            some = self._socket.recv(_READ)
        except ssl.SSLEOFError:
            raise Cut from None
        if not some:
            raise Ended
        self.received = True
        self._ahead += some


@cache
def make_context(ca_bundle: str | None) -> ssl.SSLContext:
    """The one TLS context: certificates and names are always checked, TLS 1.2 at least, HTTP/1.1 only. Kept for the
    process, since the system's certificates take a while to read.

    ca_bundle -- path of a file with the CA certificates to trust instead of the system's. Raises OSError without it.
    """
    context = ssl.create_default_context(cafile=ca_bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def connect(origin: Origin, addresses: Sequence[str], context: ssl.SSLContext, deadline: Deadline) -> Connection:
    """A new connection to `origin` at one of the checked `addresses`, within 5 s, the TLS handshake included.

    Raises Refused(OKTA_UNREACHABLE): "op_unavailable" alike for closed, filtered and reset, so that nobody can use
    POINT to find out what listens where; "tls_untrusted"; "op_timeout" when the handshake stalls.
    """
    soon = deadline.within(_CONNECT_SECONDS)
    sock = _connect_any(addresses, origin.port or (443 if origin.scheme == "https" else 80), soon)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if origin.scheme == "https":
            sock = _secure(sock, origin.host, context, soon)
        return Connection(sock, deadline)
    except BaseException:
        sock.close()
        raise


def _connect_any(addresses: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
    tried = addresses[:_MOST_TRIED]
    for position, address in enumerate(tried):
        # An address that swallows everything leaves its share of the time to the ones after it.
        share = deadline.left() / (len(tried) - position)
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(share)
            sock.connect((address, port))
            return sock
        except OSError:
            sock.close()
    raise Refused(Problem.OKTA_UNREACHABLE, "op_unavailable")


def _secure(sock: socket.socket, host: str, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    sock.settimeout(deadline.left())
    try:
        return context.wrap_socket(sock, server_hostname=host.strip("[]"), suppress_ragged_eofs=False)
    except TimeoutError:
        raise
    except ssl.SSLError as exc:
        # A server that hangs up, or speaks no HTTP/1.1, is no question of trust.
        away = isinstance(exc, ssl.SSLEOFError) or "no application protocol" in str(exc)
        why = getattr(exc, "verify_message", exc.reason or "")
        raise Refused(Problem.OKTA_UNREACHABLE, "op_unavailable" if away else "tls_untrusted", why) from exc
    except OSError as exc:
        raise Refused(Problem.OKTA_UNREACHABLE, "op_unavailable") from exc


class Pool:
    """Idle connections by origin, the freshest first. Thread-safe; bounded in number and in age."""

    def __init__(self, clock: Callable[[], float], *, seconds: float = 30.0, most: int = 256) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._closed = False
        # In the order in which they came back, so that the oldest are found at the front.
        self._idle: dict[Connection, tuple[str, float]] = {}
        self._by_base: dict[str, list[Connection]] = {}

    def take(self, base: str) -> Connection | None:
        """An idle connection to the origin `base` on which the peer has not hung up, or None."""
        while True:
            with self._lock:
                old = self._evict(self._most)
                waiting = self._by_base.get(base)
                connection = waiting[-1] if waiting else None
                if connection is not None:
                    self._forget(connection)
            _close_all(old)
            if connection is None or connection.is_quiet:
                return connection
            connection.close()

    def give(self, base: str, connection: Connection) -> None:
        """Keeps `connection` for a later call."""
        with self._lock:
            old = self._evict(self._most - 1)
            if self._closed:
                old.append(connection)
            else:
                self._idle[connection] = base, self._clock() + self._seconds
                self._by_base.setdefault(base, []).append(connection)
        _close_all(old)

    def close(self) -> None:
        """Closes what is idle; what comes back later is closed as it comes."""
        with self._lock:
            self._closed = True
            old = self._evict(0)
        _close_all(old)

    def _evict(self, most: int) -> list[Connection]:
        now, old = self._clock(), []
        while self._idle:
            connection, (_, until) = next(iter(self._idle.items()))
            if until > now and len(self._idle) <= most:
                break
            self._forget(connection)
            old.append(connection)
        return old

    def _forget(self, connection: Connection) -> None:
        base, _ = self._idle.pop(connection)
        waiting = self._by_base[base]
        waiting.remove(connection)
        if not waiting:
            del self._by_base[base]


def _close_all(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.close()
