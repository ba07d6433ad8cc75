"""The tests' own server."""

from __future__ import annotations

import gc
import socket
import struct
import warnings
from urllib.parse import urlsplit

import pytest

from tests.world import World


def test_a_browser_that_resets_the_connection_leaves_no_file_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium does so when a test is over; the file would be called a leak of whichever test comes next."""
    left: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", left.append)
    address = urlsplit(world.base)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port or 80)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(b"GET /static/img/favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(100)
    world.stranger.get("/healthz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    assert left == []
