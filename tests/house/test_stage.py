"""The tests' own server."""

from __future__ import annotations

import gc
import socket
import struct
from urllib.parse import urlsplit

from tests.world import World


def test_a_browser_that_resets_the_connection_leaves_no_file_open(world: World) -> None:
    """Chromium does so when a test is over. Pytest reports a file that is left open as the fault of the test that runs
    when it is found: this one, thanks to the last line."""
    address = urlsplit(world.base)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port or 80)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(b"GET /static/img/favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(100)
    assert world.stranger.get("/healthz").status_code == 200
    gc.collect()
