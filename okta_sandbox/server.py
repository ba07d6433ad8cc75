"""The HTTP/1.1 server. It is its own because a sandbox must be able to send half an answer, or lie about its length.

Knows nothing of Okta: it reads a request, asks `respond` for the answer, and sends that, sound or broken.
"""

import re
import selectors
import socket
import ssl
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from okta_sandbox.wire import Answer, SeenRequest

Respond = Callable[[SeenRequest], Answer]
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
REASONS = {status.value: status.phrase for status in HTTPStatus}
MAX_BODY = 1 << 20


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], respond: Respond, clock: Callable[[], float],
                 ssl_context: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.respond = respond
        self.clock = clock
        self.ssl_context = ssl_context
        self.scheme = "https" if ssl_context else "http"
        self.closing = Event()
        self.connections: set[socket.socket] = set()
        self.connections_lock = Lock()
        self.wake, self._woken = socket.socketpair()
        super().__init__(address, Exchange)

    def accept_until_closed(self) -> None:
        """Waits without polling, unlike `serve_forever`: a byte from `wake` ends it at once."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.closing.is_set():
                selector.select()
                if not self.closing.is_set():
                    self.accept_one()
        self._woken.close()

    def accept_one(self) -> None:
        try:
            connection, address = self.get_request()
        except OSError:
            return
        self.process_request(connection, address)

    def server_bind(self) -> None:
        """Without the name lookup that http.server makes here, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """The TLS handshake is left to the connection's own thread, where a slow client holds up nobody."""
        connection, address = self.socket.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of our business; anything else is a mistake in the sandbox."""
        if not isinstance(sys.exception(), OSError) and not self.closing.is_set():
            traceback.print_exc()


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener
    headers: Message

    def setup(self) -> None:
        super().setup()
        with self.server.connections_lock:
            self.server.connections.add(self.connection)

    def finish(self) -> None:
        with self.server.connections_lock:
            self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing goes to stderr: what was asked is on the sandbox's page."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or self.server.closing.is_set():
            self.close_connection = True
        elif self.parse_request():
            self.send(self.server.respond(self.read_request()))

    def read_request(self) -> SeenRequest:
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length", "0")) if headers.get("content-length", "0").isdigit() else 0
        if "transfer-encoding" in headers or length > MAX_BODY:
            self.close_connection = True
            length = 0
        body = self.rfile.read(length) if length else b""
        host = headers.get("host", "")
        if not HOST.fullmatch(host):
            host = f"{self.server.server_name}:{self.server.server_port}"
        is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        parts = urlsplit("//host" + self.path if self.path.startswith("/") else self.path)
        return SeenRequest(
            method=self.command, path=unquote(parts.path), query=parse_qs(parts.query, keep_blank_values=True),
            form=parse_qs(body.decode(errors="replace"), keep_blank_values=True) if is_form else {},
            headers=headers, time=self.server.clock(), body=body, base=f"{self.server.scheme}://{host}",
        )

    def send(self, answer: Answer) -> None:
        if answer.delay:
            self.server.closing.wait(answer.delay)
        if answer.reset or self.server.closing.is_set():
            self.reset()
            return
        body = b"" if self.command == "HEAD" else answer.body
        head = self.make_head(answer)
        if answer.half:
            body = body[: len(body) // 2]
        if not answer.drip:
            self.connection.sendall(head + body)
            return
        self.connection.sendall(head)
        for position in range(len(body)):
            if self.server.closing.wait(answer.drip):
                break
            self.connection.sendall(body[position:position + 1])

    def make_head(self, answer: Answer) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}"]
        lines.append(f"Date: {formatdate(self.server.clock(), usegmt=True)}")
        lines += [f"{name}: {value}" for name, value in answer.headers]
        stated = [value for name, value in answer.headers if name.lower() == "content-length"]
        if answer.status != 204 and not stated:
            lines.append(f"Content-Length: {len(answer.body)}")
        if answer.half or stated not in ([], [str(len(answer.body))]):
            # After a false length the next answer on this connection could not be told apart.
            self.close_connection = True
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")

    def reset(self) -> None:
        """Lingering for no time makes the kernel send a reset instead of an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()


class Server:
    """A sandbox being served by a background thread; close it, or use it as a context manager."""

    def __init__(self, respond: Respond, *, host: str, port: int, ssl_context: ssl.SSLContext | None,
                 clock: Callable[[], float] = time.time) -> None:
        self._listener = Listener((host, port), respond, clock, ssl_context)
        self.port = self._listener.server_port
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        self.url = f"{self._listener.scheme}://{shown}:{self.port}"
        self._thread = Thread(target=self._listener.accept_until_closed, daemon=True, name="okta-sandbox")
        self._thread.start()

    def close(self) -> None:
        """Ends slow answers and open connections too, so that nobody waits for a sandbox that is gone."""
        if self._listener.closing.is_set():
            return
        self._listener.closing.set()
        with self._listener.wake as wake:
            # A connection may have woken it a moment before, and it has seen that it is to close.
            with suppress(OSError):
                wake.send(b"x")
            self._thread.join(5)
        self._listener.server_close()
        with self._listener.connections_lock:
            connections = list(self._listener.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


