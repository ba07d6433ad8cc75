"""The one grammar for hosts and addresses: what is checked is rebuilt from its parts, and only that is fetched.

Syntax only: no list of allowed suffixes (that is domain.py), no DNS, no socket. Parsers that forgive are never asked:
`evil.example\\.okta.com` ends in `.okta.com` for urllib and connects to `evil.example` with requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from portal.errors import Problem, Refused

OKTA_SUFFIXES = (
    "okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil", "okta-miltest.com", "trex-govcloud.com",
)  # fmt: skip
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

# RFC 1035 2.3.4: 253 visible octets; the rest is room for "https://" and a slash.
_LONGEST = 253 + len("https://") + len("/")
_NAMED = re.compile(r"(?:[Hh][Tt][Tt][Pp][Ss]://)?([A-Za-z0-9.-]+)/?")
_LOOPBACK = re.compile(
    r"(?:(https?)://)?(localhost|127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?/?", re.ASCII | re.IGNORECASE
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 3986 3.3 and 3.4, without a fragment: nothing that could end a request line or a header early.
_URL = re.compile(
    r"(https?://[A-Za-z0-9.:\[\]-]{1,270})"
    r"((?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)"
)
_LONGEST_URL = 8192


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes. `port` and the scheme http exist on loopback only."""

    host: str
    port: int | None = None
    scheme: str = "https"

    @property
    def base(self) -> str:
        """The origin as the start of a URL, without a slash at the end."""
        return f"{self.scheme}://{self.host}" if self.port is None else f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK_HOSTS


def parse_origin(text: object, *, loopback: bool = False) -> Origin:
    """The host that `text` names, by syntax alone.

    text     -- a name, with or without `https://` in front and one slash behind; lower-cased here.
    loopback -- accepts this machine's own addresses too, with http, https and a port.
    Raises Refused with a DOMAIN_ problem. RFC 1035 2.3.4, RFC 1123 2.1 (names), RFC 3986 3.2 (authority).
    """
    if not isinstance(text, str):
        raise Refused(Problem.DOMAIN_FORM, "domain_not_a_string")
    if len(text) > _LONGEST:
        raise Refused(Problem.DOMAIN_FORM, "domain_too_long")
    if loopback and (own := _LOOPBACK.fullmatch(text)):
        return _loopback_origin(own)
    named = _NAMED.fullmatch(text)
    if named is None:
        raise _diagnosis(text)
    host = named[1].lower()
    _check_name(host)
    return Origin(host)


def parse_url(url: str, *, loopback: bool = False) -> tuple[Origin, str]:
    """Splits `url` into where to connect and what to ask for there ("/oauth2/v1/token").

    Raises Refused(OKTA_ANSWER_INVALID): "endpoint_not_https", or "endpoint_invalid" for everything else, such as user
    info, a port, a fragment, a space or a line break.
    """
    parts = _URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    if parts is None:
        raise Refused(Problem.OKTA_ANSWER_INVALID, "endpoint_invalid")
    try:
        origin = _cached_origin(parts[1], loopback)
    except Refused as exc:
        reason = "endpoint_not_https" if exc.problem is Problem.DOMAIN_NOT_HTTPS else "endpoint_invalid"
        raise Refused(Problem.OKTA_ANSWER_INVALID, reason, exc.reason) from exc
    target = parts[2]
    return origin, target if target.startswith("/") else "/" + target


@lru_cache(maxsize=1024)
def _cached_origin(text: str, loopback: bool) -> Origin:
    return parse_origin(text, loopback=loopback)


def _loopback_origin(own: re.Match[str]) -> Origin:
    scheme, host, port = own.groups()
    if port is not None and int(port) > 65535:
        raise Refused(Problem.DOMAIN_HAS_PORT, "domain_has_port")
    return Origin(host.lower(), int(port) if port else None, (scheme or "http").lower())


def _check_name(host: str) -> None:
    labels = host.split(".")
    if "" in labels:
        raise Refused(Problem.DOMAIN_FORM, "domain_empty_label")
    if len(host) > 253:
        raise Refused(Problem.DOMAIN_FORM, "domain_too_long")
    # Whatever ends in a number is an IPv4 address to the C library and to WHATWG: 127.1, 0x7f.1, 2130706433.
    if _NUMBER.fullmatch(labels[-1]):
        raise Refused(Problem.DOMAIN_IS_IP, "domain_is_ip")
    if not all(map(_LABEL.fullmatch, labels)):
        raise Refused(Problem.DOMAIN_FORM, "domain_bad_label")
    if len(labels) == 1:
        raise Refused(Problem.DOMAIN_INCOMPLETE, "domain_not_fqdn")


# What people slip into the field, in the order in which it is looked for. Nothing in this list can accept: it only
# finds the sentence that helps, after the grammar above has said no.
_OKTA = "|".join(re.escape(suffix) for suffix in OKTA_SUFFIXES)
_SLIPS = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE | re.DOTALL), problem, reason)
    for pattern, problem, reason in (
        (r"\s*(?:https?:/*\s*)?", Problem.DOMAIN_EMPTY, "domain_empty"),
        (r"[^\x00-\x7f]|.*[^\x00-\x7f].*", Problem.DOMAIN_NOT_ASCII, "domain_not_ascii"),
        (r"https?://https?:.*", Problem.DOMAIN_TYPO, "domain_typo"),
        (r"(?!https://)[a-z][a-z0-9+.-]*://.*", Problem.DOMAIN_NOT_HTTPS, "scheme_not_https"),
        # "data:..." is a scheme, "acme:443" a port and "user:pw@..." user info.
        (r"(?!https:)[a-z][a-z0-9+-]*:(?!-?[0-9]*(?:/|$))[^@]*", Problem.DOMAIN_NOT_HTTPS, "scheme_not_https"),
        (r"(?:https://)?\[?[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*(?:%[^]/]*)?(?:\]|$).*",
         Problem.DOMAIN_IS_IP, "domain_is_ip"),
        (r"(?:https://)?(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}\.?[:/?#].*",
         Problem.DOMAIN_IS_IP, "domain_is_ip"),
        (rf"(?!.*(?:{_OKTA})(?:@|$))[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+",
         Problem.DOMAIN_IS_EMAIL, "domain_is_email"),
        (r"(?:https://)?[a-z0-9.:_~!$&'()*+,;=%-]*@[a-z0-9.:-]*(?:/.*)?", Problem.DOMAIN_FORM, "domain_has_userinfo"),
        (r"(?:https://)?(?!https?:/)[a-z0-9.-]+:-?[0-9]*(?:/.*)?", Problem.DOMAIN_HAS_PORT, "domain_has_port"),
        (r"(?:https://)?[a-z0-9.-]+/.+", Problem.DOMAIN_HAS_PATH, "domain_has_path"),
    )
)  # fmt: skip


def _diagnosis(text: str) -> Refused:
    for pattern, problem, reason in _SLIPS:
        if pattern.fullmatch(text):
            return Refused(problem, reason)
    return Refused(Problem.DOMAIN_FORM, "domain_bad_character")
