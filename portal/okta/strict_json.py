"""JSON objects without what parsers disagree on: no member twice, no NaN, no overflow, no bottomless nesting.

Knows nothing of tokens or answers; whoever calls it says what a ValueError means.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

MAX_DEPTH = 32


class DuplicateMember(ValueError):  # noqa: N818 - it says what was found
    """A member appears twice."""


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data` (RFC 8259, RFC 7493 section 2). Raises ValueError, never RecursionError."""
    value = _read(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def read_list(data: bytes) -> list[Any]:
    """The JSON array in `data`, as strictly."""
    value = _read(data)
    if not isinstance(value, list):
        raise ValueError("not an array")
    return value


def _read(data: bytes) -> Any:
    text = data.decode()
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(text)
    value = _decoder.decode(text)
    if "\\u" in text:
        _check_characters(value)
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for character in _strings.sub("", text):
        depth += (character in "{[") - (character in "}]")
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")


def _check_characters(value: Any) -> None:
    """Half a surrogate pair or a NUL is valid JSON, and breaks whoever stores it."""
    text = json.dumps(value, ensure_ascii=False)
    if _nul.search(text):
        raise ValueError("a NUL character")
    text.encode()


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateMember
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number too large")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_only_once, parse_constant=_refuse_constant, parse_float=_read_float)
# Possessive and with the closing quote optional: a string without an end costs one pass, not one per quote in it.
_strings = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_nul = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
