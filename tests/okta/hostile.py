"""A scriptable raw-socket server on loopback that answers as badly as the test asks. Real sockets, real TLS."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import SHARED

Step = bytes | Callable[["Hostile", socket.socket], None]
CASES = SHARED / "cases" / "ssrf_domains.json"


def load_cases(part: str) -> list[dict[str, Any]]:
    """The shared cases of `part`; a test with none of them is skipped with one line."""
    return list(json.loads(CASES.read_text())[part]) if CASES.exists() else []


needs_cases = pytest.mark.skipif(not CASES.exists(), reason=f"needs {CASES}; POINT_SHARED names the folder")


def answer(body: bytes = b'{"ok": true}', *lines: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """A well-formed answer; `lines` are further header lines."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def raw(*lines: str, body: bytes = b"") -> bytes:
    """An answer exactly as written."""
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def hang(server: Hostile, _: socket.socket) -> None:
    """Says nothing until the test is over."""
    server.over.wait(10)


def hang_up(_: Hostile, connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def reset(_: Hostile, connection: socket.socket) -> None:
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drip(data: bytes, every: float) -> Step:
    """One byte at a time, `every` so many seconds."""

    def step(server: Hostile, connection: socket.socket) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            if server.over.wait(every):
                return

    return step


def then(*steps: Step) -> Step:
    """Several steps for one request."""

    def step(server: Hostile, connection: socket.socket) -> None:
        for one in steps:
            server.play(one, connection)

    return step


class Hostile:
    """Plays one of `steps` per request, over and over the last one. `greeting` runs before anything is read."""

    def __init__(self, *steps: Step, tls: ssl.SSLContext | None = None, greeting: Step | None = None) -> None:
        self.steps = list(steps) or [answer()]
        self.requests: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        self._tls, self._greeting = tls, greeting
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def __enter__(self) -> Hostile:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            # close() alone does not wake a thread that waits in recv().
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def play(self, step: Step, connection: socket.socket) -> None:
        if isinstance(step, bytes):
            connection.sendall(step)
        else:
            step(self, connection)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        self._open.append(connection)
        try:
            if self._greeting is not None:
                self.play(self._greeting, connection)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while self._read(connection):
                self.play(self.steps[min(len(self.requests), len(self.steps)) - 1], connection)
        except OSError:
            pass
        finally:
            connection.close()

    def _read(self, connection: socket.socket) -> bool:
        request = b""
        while b"\r\n\r\n" not in request:
            some = connection.recv(65536)
            if not some:
                return False
            request += some
        head, _, body = request.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return True


class Authority:
    """A certificate authority of its own, whose certificates lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hostile authority")])
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(_pem(self._certify(self._name, self._key, [], authority=True)))

    def context(self, *names: str, signed_by_itself: bool = False) -> ssl.SSLContext:
        """A server's TLS context with a certificate for `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        leaf = self._certify(subject, key, list(names), signer=key if signed_by_itself else None)
        file = self._folder / f"{names[0]}-{signed_by_itself}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(secret + _pem(leaf))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certify(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: list[str], *, authority: bool = False,
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:  # fmt: skip
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        return builder.sign(signer or self._key, hashes.SHA256())


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
