"""Logs as one JSON object a line, on standard error; never a secret, a code, a token or a password.

A record carries what `extra={"event": {...}}` gives it. What comes from a request is limited to its route, status,
time and reference, so that nothing of a query string or form can reach a log.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

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


def write_request(method: str, route: str, status: str, seconds: float, reference: str) -> None:
    """The line of one request. Written by hand, since this is the one record that every request pays for.

    `route` is one of our own rules and `method` is bounded here, so nothing needs escaping.
    """
    if not LOGGER.isEnabledFor(logging.INFO) or not LOGGER.handlers:
        return
    now = time.time()
    method = method if method.isalpha() and method.isascii() and len(method) < 10 else "?"
    LOGGER.handlers[0].stream.write(  # type: ignore[attr-defined]
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
    if not LOGGER.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Line())
        LOGGER.addHandler(handler)
        LOGGER.propagate = False
