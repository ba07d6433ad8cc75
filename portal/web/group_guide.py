"""How an administrator makes this organization's Okta name the groups, with links to the place.

Which way it is depends on the authorization server: the org's own has a filter in each app and names the groups only
for the scope `groups`; a custom one, such as `default`, has a claim for all of its apps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flask_babel import gettext

from portal.errors import N_
from portal.okta.admin_links import admin_link
from portal.store.integrations import App, Integration

_APPS = {"spa": N_("the web app"), "native": N_("the app for phones")}


@dataclass(slots=True)
class Way:
    """server -- "" for the org authorization server, else the id of a custom one. links -- (text, address)."""

    server: str
    links: list[tuple[str, str]] = field(default_factory=list)


def show_guide(live: Integration) -> list[Way]:
    """One way for each authorization server that the apps of this integration use."""
    ways: dict[str, Way] = {}
    for kind, app in sorted(live.apps.items(), reverse=True):  # The web app first.
        parts = urlsplit(app.issuer)
        server = parts.path.removeprefix("/oauth2/").strip("/") if parts.path.startswith("/oauth2/") else ""
        way = ways.setdefault(server, Way(server))
        link = _link(app, server)
        if link and not server:
            way.links.append((gettext("Open Sign On of %(app)s in Okta", app=gettext(_APPS[kind])), link))
        elif link and not way.links:
            way.links.append((gettext("Open Claims of this server in Okta"), link))
    return list(ways.values())


def _link(app: App, server: str) -> str:
    """At a custom domain there is no Admin Console, but the domain that was entered may be the one that Okta runs."""
    parts = urlsplit(app.issuer)
    # A sandbox on loopback is named with its scheme and port.
    host = f"{parts.scheme}://{parts.netloc}" if parts.port else parts.netloc
    for each in (host, app.domain):
        link = admin_link(each, "claims" if server else "app_sign_on", client_id=app.client_id, server_id=server)
        if link:
            return link
    return ""
