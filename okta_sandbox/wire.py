"""What goes over the wire: a request as it was seen, an answer as it will be sent.

Knows nothing of Okta. An answer can also be a broken one: cut in half, dripped, late, or a reset connection.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote_plus

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class SeenRequest:
    """One request. `base` is the origin it was sent to, for example `http://localhost:9100`."""

    method: str
    path: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]
    headers: dict[str, str]
    time: float
    body: bytes = b""
    base: str = ""

    @property
    def parameters(self) -> dict[str, list[str]]:
        """What an OAuth endpoint reads: the form of a POST, the query of everything else."""
        return self.form if self.method == "POST" else self.query

    def cookie(self, name: str) -> str:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(self.headers.get("cookie", ""))
        except CookieError:
            return ""
        return jar[name].value if name in jar else ""


@dataclass
class Answer:
    """What is sent. Content-Length is added unless a header already names one, true or not."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    delay: float = 0.0
    """Seconds of silence before the first byte."""
    drip: float = 0.0
    """Seconds between two bytes of the body."""
    half: bool = False
    """Sends the first half of the body and closes the connection."""
    reset: bool = False
    """Sends nothing and resets the connection."""


Endpoint = Callable[..., Answer]
"""Called with the org, the request, and the named parts of the path."""


def first(parameters: dict[str, list[str]], name: str) -> str:
    return parameters.get(name, [""])[0]


def send_json(value: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(status, [("Content-Type", "application/json"), *headers], body)


def send_page(html: str, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    always = [("Content-Type", "text/html;charset=utf-8"), ("Cache-Control", "no-cache, no-store")]
    return Answer(status, [*always, *headers], html.encode())


def send_redirect(location: str, headers: Iterable[tuple[str, str]] = (), status: int = 302) -> Answer:
    return Answer(status, [("Location", location), ("Referrer-Policy", "no-referrer"), *headers])


def send_nothing(status: int = 204, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    return Answer(status, list(headers))


def add_query(uri: str, pairs: Iterable[tuple[str, str]], mark: str = "?") -> str:
    """Okta joins the words of a description by plus signs, which is what quote_plus does."""
    joined = "&".join(f"{name}={quote_plus(value, safe='')}" for name, value in pairs)
    return f"{uri}{'&' if mark == '?' and '?' in uri else mark}{joined}"


def post_form(uri: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The page that posts an answer to the client by itself (response_mode=form_post)."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}"/>' for name, value in pairs
    )
    return (
        "<!DOCTYPE html><html lang=\"en\"><head><title>Submit this form</title></head><body>"
        f'<form method="post" action="{escape(uri)}">{fields}<noscript><button>Continue</button></noscript></form>'
        "<script>document.forms[0].submit()</script></body></html>"
    )
