"""Where a browser is, as its owner sees it in the list of sessions: kind of browser and of device, and the network.

Coarse on purpose. Browsers have frozen what they say about themselves, so a dozen words tell all there is; a package
would bring a megabyte of patterns that goes out of date. Of the address only a prefix is kept: enough to see that a
login was somewhere else, too little to find anybody.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from flask import request

from portal.logins import Place

# The first that is there counts: all name themselves after those they descend from.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("SamsungBrowser", "Samsung Internet"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def place() -> Place:
    """Where this request comes from."""
    return Place(name_device(request.headers.get("User-Agent", "")[:500]), shorten(request.remote_addr or ""))


@lru_cache(maxsize=1000)
def name_device(user_agent: str) -> str:
    """"Firefox, Windows" out of a browser's User-Agent; "" where it says nothing that we know."""
    found = (
        next((name for word, name in words if word in user_agent), "") for words in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(filter(None, found))


def shorten(address: str) -> str:
    """203.0.113.x for 203.0.113.7, and 2001:db8:1::x for any address of that /48; "" for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return f"{ipaddress.IPv6Address(int(found) >> 80 << 80)}x"
        found = found.ipv4_mapped
    return f"{str(found).rpartition('.')[0]}.x"
