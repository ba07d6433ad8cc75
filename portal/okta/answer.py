"""What an Okta answered, and how its JSON is read. Knows nothing of how it came."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.errors import Problem, Refused
from portal.okta.strict_json import DuplicateMember, read_object

_JSON_TYPE = re.compile(r"application/(?:json|[a-z0-9!#$&^_.+-]{1,100}\+json)[ \t]*(?:;.*)?", re.ASCII | re.IGNORECASE)
_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*\"?([^\";, \t]*)", re.ASCII | re.IGNORECASE)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Its header names are lower-case; Set-Cookie is dropped before anybody can see it."""

    status: int
    # Both may carry tokens or codes, so that neither may show up in a log by way of repr().
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """The object in the body, without anything that parsers disagree on (RFC 8259, see strict_json.py).

        Raises Refused(OKTA_ANSWER_INVALID): "response_wrong_type" when it is not labelled as JSON in UTF-8,
        "response_duplicate_member", or "response_malformed" for everything else, such as NaN, half a surrogate,
        bottomless nesting, or something other than an object at the top.
        """
        content_type = self.headers.get("content-type", "")
        charset = _CHARSET.search(content_type)
        if not _JSON_TYPE.fullmatch(content_type) or (charset and charset[1].lower() not in _UTF_8):
            raise Refused(Problem.OKTA_ANSWER_INVALID, "response_wrong_type")
        try:
            return read_object(self.body)
        except ValueError as exc:
            twice = isinstance(exc, DuplicateMember)
            reason = "response_duplicate_member" if twice else "response_malformed"
            # A JSONDecodeError carries the whole document along, so that it must not become the cause.
            raise Refused(Problem.OKTA_ANSWER_INVALID, reason, type(exc).__name__) from None
