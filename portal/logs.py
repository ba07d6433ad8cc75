"""Logs as one JSON object a line, on standard error; never a secret, a code, a token or a password.

A record carries what `extra={"event": {...}}` gives it. What comes from a request is limited to its route, status,
time and reference, so that nothing of a query string or form can reach a log.
"""

from __future__ import annotations

import atexit
import json
import logging
import sys
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from multiprocessing.util import Finalize
from typing import Any, TextIO

LOGGER = logging.getLogger("portal")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "event", {})
        if record.exc_info and record.exc_info[1] is not None:
            # Frames only: the text of an exception may hold what somebody typed.
            line["error"] = type(record.exc_info[1]).__name__
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            line["frames"] = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, default=str)


class _Sink(logging.StreamHandler[TextIO]):
    """Writes records at once, and the lines of requests a few at a time.

    A write for each request costs more than the rest of its accounting, and hands the interpreter to another thread in
    the middle of it. Lines wait a fifth of a second at most; a record takes along what waits, so the order is kept.
    """

    WAIT_SECONDS = 0.2

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._writer: threading.Thread | None = None
        atexit.register(self._end)
        # A server's worker is a process of multiprocessing's, which runs its own list at the end and not atexit's.
        Finalize(None, self._end, exitpriority=10)

    def add(self, line: str) -> None:
        """Puts a line among those that wait."""
        self._lines.append(line)
        if self._writer is None:
            with self._starting:
                if self._writer is None:
                    self._writer = threading.Thread(target=self._write_on, name="log", daemon=True)
                    self._writer.start()

    _starting = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record after the lines that wait."""
        self.write_waiting()
        super().emit(record)

    def flush(self) -> None:
        """Writes the lines that wait; `setStream` asks for it before it turns to another stream."""
        self.write_waiting()

    def write_waiting(self) -> None:
        """Writes the lines that wait."""
        self.acquire()
        try:
            ready = len(self._lines)
            if ready:
                self.stream.write("".join(self._lines[:ready]))
                del self._lines[:ready]
                super().flush()
        finally:
            self.release()

    def _end(self) -> None:
        with suppress(ValueError):  # The stream may have been closed before.
            self.write_waiting()

    def _write_on(self) -> None:
        while True:
            time.sleep(self.WAIT_SECONDS)
            if self._lines:
                self.write_waiting()


def write_request(method: str, route: str, status: str, seconds: float, reference: str) -> None:
    """The line of one request. Written by hand, since this is the one record that every request pays for.

    `route` is one of our own rules and `method` is bounded here, so nothing needs escaping.
    """
    if _SINK not in LOGGER.handlers or not LOGGER.isEnabledFor(logging.INFO):
        return
    now = time.time()
    method = method if method.isalpha() and method.isascii() and len(method) < 10 else "?"
    _SINK.add(
        f'{{"at": "{_second(int(now))}.{int(now % 1 * 1000):03}Z", "level": "info", "message": "request", '
        f'"method": "{method}", "route": "{route}", "status": {status}, "ms": {seconds * 1000:.2f}, '
        f'"reference": "{reference}"}}\n'
    )


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


def configure(level: str) -> None:
    """Sends the portal's records to standard error at `level` and above; a second call only moves the level."""
    LOGGER.setLevel(level.upper())
    if _SINK not in LOGGER.handlers:
        _SINK.setFormatter(_Line())
        LOGGER.addHandler(_SINK)
        LOGGER.propagate = False


_SINK = _Sink(sys.stderr)
