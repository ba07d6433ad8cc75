"""Where a person lands after logging in: the page that was asked for, if it is one of ours.

What came in is never sent back. It is read with a strict grammar, resolved to one of our own pages, and the address is
put together again from its parts (`cases/open_redirects.json` is the list of what was tried elsewhere).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect

from portal.access import access_of

HOME = "/"
_LONGEST = 500
# RFC 3986 3.3-3.5, ASCII only. Two slashes in a row, dot segments, encoded control characters and encoded backslashes
# are kept out: browsers and servers read them differently.
_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%(?![01]|7[Ff]|5[Cc]|[89A-Fa-f][0-9A-Fa-f])[0-9A-Fa-f]{2})"
_SEGMENT = rf"(?!\.{{1,2}}(?:[/?#]|\Z)|%2[Ee]){_CHARACTER}"
_ADDRESS = re.compile(
    rf"(?P<path>/|(?:/{_SEGMENT}{_CHARACTER}*)+/?)(?:\?(?P<query>(?:{_CHARACTER}|[/?])*))?(?:\#(?P<hash>(?:{_CHARACTER}|[/?])*))?"
)


def return_address(app: Flask, text: str | None) -> str:
    """`read_return_to` with the routes of `app`."""
    if not text:
        return HOME
    known: Callable[[str], str] | None = app.extensions.get("return_to")
    if known is None:
        adapter, is_landing = app.url_map.bind("localhost"), landing_pages(app)
        known = app.extensions["return_to"] = lru_cache(maxsize=2000)(
            lambda asked: read_return_to(asked, adapter, is_landing)
        )
    return known(text[: _LONGEST + 1])


def read_return_to(text: str | None, urls: MapAdapter, is_landing: Callable[[str], bool]) -> str:
    """The address to go to after a login: `text` if it is a page of ours that people may land on, else the home page.

    urls -- the application's routes; is_landing -- whether an endpoint may be landed on.
    """
    if not text or len(text) > _LONGEST:
        return HOME
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return HOME
    path, query, fragment = match["path"], match["query"], match["hash"]
    try:
        endpoint, _values = urls.match(_decode(path), method="GET")
    except (HTTPException, RequestRedirect):
        return HOME
    if not is_landing(endpoint):
        return HOME
    return path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def landing_pages(app: Flask) -> Callable[[str], bool]:
    """Which endpoints of `app` a person may be sent to after logging in."""

    def is_landing(endpoint: str) -> bool:
        access = access_of(app, endpoint)
        return access is not None and access.landing

    return is_landing


def _decode(path: str) -> str:
    return re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), path)
