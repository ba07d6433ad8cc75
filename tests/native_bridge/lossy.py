"""A way to POINT that loses answers: the call arrives, and nothing comes back. Or somebody else answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class Lossy(ThreadingHTTPServer):
    """`lose` -- ends of paths whose next answer is lost; `seen` -- the paths that were asked for; `captive` -- a hotel
    answers everything by a page of its own, with this status."""

    daemon_threads = True

    def __init__(self, base: str) -> None:
        super().__init__(("127.0.0.1", 0), _Carrier)
        self.base, self.lose, self.seen = base, list[str](), list[str]()
        self.captive = 0
        self.address = f"http://localhost:{self.server_port}"


class _Carrier(BaseHTTPRequestHandler):
    server: Lossy

    def do_GET(self) -> None:
        self.carry()

    def do_POST(self) -> None:
        self.carry()

    def carry(self) -> None:
        self.server.seen.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.captive:
            self.answer(self.server.captive, "text/html", b"<h1>Welcome to the hotel</h1>")
            return
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        answer = requests.request(self.command, self.server.base + self.path, data=body, headers=kept, timeout=20)
        for end in self.server.lose:
            if self.path.endswith(end):
                self.server.lose.remove(end)
                self.close_connection = True
                return
        self.answer(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)

    def answer(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        return None


@contextmanager
def lossy_way(base: str) -> Iterator[Lossy]:
    with Lossy(base) as way:
        thread = threading.Thread(target=way.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield way
        finally:
            way.shutdown()
            thread.join(5)
