"""HTTP/1.1 on the wire (RFC 9112): writes a request, reads an answer, forgives nothing that is ambiguous.

Owns the bytes and their limits. Knows no addresses, no TLS and no pool: `Stream` is all it needs of a connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote_plus

from portal.errors import Problem, Refused
from portal.okta.answer import Answer

_MOST_HEAD = 16 * 1024
_MOST_FIELDS = 100
_MOST_INTERIM = 5
_MOST_CHUNKS = 4096
_MOST_CHUNK_LINE = 1024

# RFC 9112 4 and 5.1: no white space before the colon; obs-fold, bare CR and LF and control characters do not get
# through. Every repetition is possessive, so that a hostile head costs one pass.
_LINE = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n"
_FIELD = re.compile(_LINE)
_HEAD = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n((?:%s)*+)\r\n" % _LINE)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_ESCAPES = {chr(code): quote_plus(chr(code)) for code in range(128)}
_OUR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OUR_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|")
# What decides where an answer ends or leads must be said once; the rest may be a list.
_ONCE = frozenset({"content-length", "content-type", "transfer-encoding", "location"})
_OURS = frozenset({
    "host", "user-agent", "accept-encoding", "content-type", "content-length", "transfer-encoding", "connection",
    "cookie", "expect", "upgrade", "te", "trailer",
})  # fmt: skip


class Ended(Exception):  # noqa: N818 - it says what the peer did
    """The peer closed the connection while more was due."""


class Cut(Ended):
    """The connection ended without TLS's own goodbye: anyone on the way could have cut it here."""


class Stream(Protocol):
    """A connection as this module sees it. Each method raises Ended, OSError or TimeoutError."""

    def until(self, mark: bytes, most: int) -> bytes:
        """The bytes up to and with `mark`; raises ValueError when it does not come within `most` bytes."""

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""

    def rest(self, most: int) -> bytes:
        """All bytes until the peer closes; raises ValueError when there are more than `most`, Cut as it says."""


def write_form(form: Mapping[str, str]) -> bytes:
    """`form` as application/x-www-form-urlencoded in UTF-8 (RFC 6749 appendix B)."""
    return "&".join(f"{_escape(name)}={_escape(value)}" for name, value in form.items()).encode("ascii")


def _escape(text: str) -> str:
    # Nearly all of it is ids and codes that need no escaping, and this is on the way of every login.
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_ESCAPES.__getitem__, text)) if text.isascii() else quote_plus(text)


def write_request(
    method: str, host: str, target: str, headers: Mapping[str, str] | None, body: bytes = b"", content_type: str = ""
) -> bytes:
    """A whole request. `headers` are the caller's own; the ones that frame the request or identify us are ours.

    Raises ValueError for a header that would break out of its line, or that is ours to send: both are our mistakes.
    """
    lines = [
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: POINT-login-portal\r\nAccept-Encoding: identity\r\n"
    ]
    accept = "Accept: application/json\r\n"
    for name, value in (headers or {}).items():
        if not _OUR_NAME.fullmatch(name) or not _OUR_VALUE.fullmatch(value) or name.lower() in _OURS:
            raise ValueError(f"header {name!r} cannot be sent")
        if name.lower() == "accept":
            accept = ""
        lines.append(f"{name}: {value}\r\n")
    lines.append(accept)
    if content_type:
        lines.append(f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("ascii") + body


def read_answer(stream: Stream, *, max_body: int) -> tuple[Answer, bool]:
    """The answer to one request, and whether the connection may carry another.

    Raises Refused(OKTA_ANSWER_INVALID): "response_malformed", "response_too_large", "response_encoding_unsupported".
    RFC 9112 6.3 (length of a body), RFC 9110 15.2 (interim answers).
    """
    for _ in range(_MOST_INTERIM + 1):
        minor, status, headers = _read_head(stream)
        if status >= 200:
            break
        if status == 101:
            raise _malformed("a protocol that nobody asked for")
    else:
        raise _malformed("too many interim answers")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(Problem.OKTA_ANSWER_INVALID, "response_encoding_unsupported")
    body, ended = _read_body(stream, status, headers, max_body)
    closing = "close" in headers.get("connection", "").lower()
    return Answer(status, headers, body), minor == 1 and not ended and not closing


def _read_head(stream: Stream) -> tuple[int, int, dict[str, str]]:
    try:
        head = stream.until(b"\r\n\r\n", _MOST_HEAD)
    except ValueError:
        raise _malformed("headers too long") from None
    parts = _HEAD.fullmatch(head)
    if parts is None:
        raise _malformed("no status line, or a header that is none")
    minor, status, fields = parts.groups()
    return int(minor), int(status), _read_fields(fields.decode("latin-1"))


def _read_fields(text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    lines = text.split("\r\n")
    # What follows the last line is empty.
    if len(lines) > _MOST_FIELDS + 1:
        raise _malformed("too many headers")
    for line in lines[:-1]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if name in headers:
            if name in _ONCE:
                raise _malformed(f"{name} twice")
            value = f"{headers[name]}, {value}"
        # An Okta's cookies are nobody's business here, least of all the next call's.
        if name != "set-cookie":
            headers[name] = value
    return headers


def _read_body(stream: Stream, status: int, headers: dict[str, str], most: int) -> tuple[bytes, bool]:
    """The body, and whether it ended with the connection."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    # RFC 9112 6.3: both together are how answers are smuggled; nobody honest needs it.
    if coding is not None and (length is not None or coding.lower() != "chunked"):
        raise _malformed("transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        raise _malformed("content-length")
    if status in (204, 304):
        return b"", False
    if coding is not None:
        return _read_chunks(stream, most), False
    if length is not None:
        # By the header alone, before a byte of it is read.
        if int(length) > most:
            raise _too_large()
        return stream.exactly(int(length)), False
    try:
        return stream.rest(most), True
    except ValueError:
        raise _too_large() from None


def _read_chunks(stream: Stream, most: int) -> bytes:
    """RFC 9112 7.1. The number of chunks is capped too: a body of one-byte chunks is work without an end."""
    body = bytearray()
    for _ in range(_MOST_CHUNKS):
        chunk = _CHUNK.fullmatch(_line(stream))
        if chunk is None:
            raise _malformed("chunk size")
        size = int(chunk[1], 16)
        if size == 0:
            _skip_trailer(stream)
            return bytes(body)
        if len(body) + size > most:
            raise _too_large()
        body += stream.exactly(size)
        if stream.exactly(2) != b"\r\n":
            raise _malformed("chunk end")
    raise _malformed("too many chunks")


def _skip_trailer(stream: Stream) -> None:
    for _ in range(_MOST_FIELDS):
        line = _line(stream)
        if line == b"\r\n":
            return
        if _FIELD.fullmatch(line) is None:
            break
    raise _malformed("trailer")


def _line(stream: Stream) -> bytes:
    try:
        return stream.until(b"\r\n", _MOST_CHUNK_LINE)
    except ValueError:
        raise _malformed("chunk line") from None


def _malformed(detail: str) -> Refused:
    return Refused(Problem.OKTA_ANSWER_INVALID, "response_malformed", detail)


def _too_large() -> Refused:
    return Refused(Problem.OKTA_ANSWER_INVALID, "response_too_large")
