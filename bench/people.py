"""People with a browser, for the benchmarks: cookies, kept connections, and the clicks of a sign-in at Okta."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from urllib.parse import urlencode, urlsplit

PEOPLE = ("olivia@acme.example", "alice@acme.example")
PASSWORD = "demo-okta-password"


class Browser:
    """Cookies and kept-alive connections of one person; no parsing but of what a login needs."""

    def __init__(self) -> None:
        self.connections: dict[str, http.client.HTTPConnection] = {}
        self.cookies: dict[str, dict[str, str]] = {}

    def go(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """(status, Location, body)."""
        where = urlsplit(url)
        connection = self.connections.setdefault(where.netloc, http.client.HTTPConnection(where.netloc, timeout=15))
        jar = self.cookies.setdefault(where.netloc, {})
        headers = {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        body = urlencode(form) if form else None
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, f"{where.path or '/'}?{where.query}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            jar[name] = value
        return answer.status, answer.headers.get("Location") or "", text

    def follow(self, url: str, until: str = "nowhere:") -> tuple[str, str]:
        """(last URL, its body), redirects followed to the end or to an address that begins with `until`."""
        for _ in range(10):
            if url.startswith(until):
                return url, ""
            status, location, body = self.go("GET", url)
            if status not in (302, 303):
                return url, body
            url = absolute(url, location)
        raise RuntimeError("redirected in circles")


def absolute(base: str, location: str) -> str:
    """Where `location` leads from `base`."""
    origin = urlsplit(base)
    return f"{origin.scheme}://{origin.netloc}{location}" if location.startswith("/") else location


def sign_in(browser: Browser, url: str, email: str, password: str, until: str = "nowhere:") -> tuple[str, str]:
    """Goes to `url`, fills in Okta's page where it comes; (the last URL, its body)."""
    url, page = browser.follow(url, until)
    if "identifier" not in page:
        return url, page
    action = page.split("<form", 1)[1].split('action="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    hidden = {
        part.split('name="', 1)[1].split('"', 1)[0]: part.split('value="', 1)[1].split('"', 1)[0]
        for part in page.split("<input")[1:]
        if 'type="hidden"' in part
    }
    form = {**hidden, "identifier": email, "password": password}
    _status, location, _body = browser.go("POST", absolute(url, action), form)
    return browser.follow(absolute(url, location), until)


def cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
