"""Straight links into a tenant's Admin Console: which page, built only from a host and ids that have been looked at.

The console is at the Okta-run host with `-admin` behind its first label, never at a custom domain. Nothing here asks
anybody: a host that is not Okta's own gets no link, and the guide then says the way in words.
"""

from __future__ import annotations

import re
from typing import get_args

from portal.errors import Refused
from portal.okta.domain import OktaDomain, parse_domain
from portal.okta.hostname import OKTA_SUFFIXES
from portal.okta.steps import App, Place

# Okta documents none of these addresses; they are what its console shows in the address bar. `app_general` is in Okta's
# own error page (facts 2.2); the others were found in several public repositories and guides each, save for
# `access_policies` (its `#policies` in one only) and `claims` (by its likeness to `#scopes`, which was found): an
# unknown fragment shows the authorization server all the same.
_PATHS: dict[Place, str] = {
    "home": "/admin/dashboard",
    "applications": "/admin/apps/active",
    "new_app": "/admin/apps/active",
    "app_general": "/admin/app/oidc_client/instance/{client_id}#tab-general",
    "app_sign_on": "/admin/app/oidc_client/instance/{client_id}#tab-signon",
    "app_assignments": "/admin/app/oidc_client/instance/{client_id}#tab-assignments",
    "trusted_origins": "/admin/access/api/trusted_origins",
    "authorization_servers": "/admin/oauth2/as",
    "access_policies": "/admin/oauth2/as/{server_id}#policies",
    "claims": "/admin/oauth2/as/{server_id}#claims",
    "account_settings": "/admin/settings/account",
    "system_log": "/report/system_log_2",
    "api_tokens": "/admin/access/api/tokens",
}
# Where the id that a page needs is not known yet: the list that has it.
_PARENTS: dict[Place, Place] = {
    "app_general": "applications",
    "app_sign_on": "applications",
    "app_assignments": "applications",
    "access_policies": "authorization_servers",
    "claims": "authorization_servers",
}
# The form "Create App Integration" leads to, by what is to be created.
_WIZARD = "/admin/apps/oauth2-wizard/create?applicationType={kind}"
_KINDS: dict[App, str] = {"spa": "BROWSER", "native": "NATIVE"}
# The sandbox has one page for everything; origins and policies are switched by its faults.
_SANDBOX: dict[Place, str] = {
    "home": "",
    "applications": "#apps",
    "new_app": "#apps",
    "app_general": "#apps",
    "app_sign_on": "#apps",
    "app_assignments": "#people",
    "trusted_origins": "#faults",
    "authorization_servers": "#faults",
    "access_policies": "#faults",
    "claims": "#faults",
    "account_settings": "#settings",
    "system_log": "#requests",
    "api_tokens": "#settings",
}
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,255}")
_SERVER_ID = re.compile(r"default|aus[A-Za-z0-9]{1,61}")


def admin_link(
    okta_host: str, place: Place, *, client_id: str = "", server_id: str = "", new: App | None = None
) -> str:
    """The address of `place` in the Admin Console of `okta_host`, or "" where it cannot be built safely.

    okta_host -- the Okta-run host ("acme.okta.com"), or a sandbox's origin on loopback; a custom domain has no console.
    client_id -- of the app whose page it is; server_id -- "default" or "aus..."; without them the list above it.
    new       -- for "new_app": straight to the form of that kind of app.
    """
    domain = _find_domain(okta_host)
    if domain is None or place not in get_args(Place):
        return ""
    if domain.is_loopback:
        return f"{domain.base}/sandbox{_SANDBOX[place]}"
    label, _dot, suffix = domain.host.partition(".")
    # Okta's own names have one label before the suffix, which has to hold "-admin" as well (RFC 1035 2.3.4).
    if suffix not in OKTA_SUFFIXES or len(label) > 63 - len("-admin"):
        return ""
    return f"https://{label}-admin.{suffix}{_path(place, client_id, server_id, new)}"


def _path(place: Place, client_id: str, server_id: str, new: App | None) -> str:
    if place == "new_app" and new in _KINDS:
        return _WIZARD.format(kind=_KINDS[new])
    known = {
        "client_id": client_id if _CLIENT_ID.fullmatch(client_id) and client_id.strip(".") else "",
        "server_id": server_id if _SERVER_ID.fullmatch(server_id) else "",
    }
    path = _PATHS[place]
    if all(value for name, value in known.items() if f"{{{name}}}" in path):
        return path.format(**known)
    return _PATHS[_PARENTS[place]]


def _find_domain(text: str) -> OktaDomain | None:
    try:
        return parse_domain(text, loopback=True)
    except Refused:
        return None
