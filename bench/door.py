"""What one post_form on a kept-alive connection costs: CPU microseconds of this process, plain HTTP on loopback.

    .venv/bin/python bench/door.py [calls]

The trivial server runs in a process of its own, so that its work is not counted.
"""

from __future__ import annotations

import multiprocessing
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from portal.okta.http import Door

BODY = b'{"access_token":"%s","token_type":"Bearer","expires_in":3600,"id_token":"%s"}' % (b"a" * 900, b"i" * 1000)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2029 00:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"X-Okta-Request-Id: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nX-Rate-Limit-Limit: 600\r\nX-Rate-Limit-Remaining: 599\r\n"
    b"X-Rate-Limit-Reset: 1609459200\r\nCache-Control: no-cache, no-store\r\nPragma: no-cache\r\nVary: Origin\r\n"
    b"Strict-Transport-Security: max-age=315360000; includeSubDomains\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY
FORM = {
    "grant_type": "authorization_code", "client_id": "0oa1b2c3d4e5f6g7h8i9", "code": "c" * 43,
    "code_verifier": "v" * 43,
    "redirect_uri": "https://dash.pointapp.org/login/callback",
}  # fmt: skip


def serve(listener: socket.socket) -> None:
    """Answers whatever comes in one piece, on one connection."""
    connection, _ = listener.accept()
    while connection.recv(65536):
        connection.sendall(ANSWER)


def bare(calls: int) -> None:
    """The floor: the same bytes sent and received without any HTTP."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listener,), daemon=True)
    server.start()
    with socket.create_connection(listener.getsockname()) as connection:
        cpu = time.process_time()
        for _ in range(calls):
            connection.send(bytes(600))
            connection.recv(32768)
        print(f"bare send and recv: {(time.process_time() - cpu) / calls * 1e6:.1f} us CPU")
    server.terminate()
    server.join()


def main(calls: int) -> None:
    """Prints CPU and wall time per call."""
    listener = socket.create_server(("127.0.0.1", 0))
    bare(calls)
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listener,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/oauth2/v1/token"
    door = Door(loopback=True)
    for _ in range(200):
        door.post_form(url, FORM)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        door.post_form(url, FORM)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"post_form: {cpu / calls * 1e6:.1f} us CPU, {wall / calls * 1e6:.1f} us wall, {calls} calls")
    start = time.process_time()
    for _ in range(calls):
        door.post_form(url, FORM).json()
    print(f"post_form + json(): {(time.process_time() - start) / calls * 1e6:.1f} us CPU")
    door.close()
    server.terminate()
    server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
