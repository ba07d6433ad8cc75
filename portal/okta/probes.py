"""What Save asks an Okta about itself and about an app: nothing secret is sent, and nothing is kept.

Okta's refusals tell what is set up (facts 7): who it is, whether it knows the app, and where it would send people back.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.errors import Problem, Refused
from portal.okta.domain import OktaDomain, parse_domain
from portal.okta.metadata import Provider
from portal.okta.refusals import Door, read_error

SCOPE = "openid profile email offline_access"
SCOPE_WITHOUT_REFRESH = "openid profile email"
_LONGEST_PAGE = 32 * 1024
_DESCRIPTION = re.compile(r'id="error-description"[^>]{0,200}>(.{0,600}?)</', re.DOTALL)
_T = TypeVar("_T")


def prove_domain(
    door: Door, domain: OktaDomain, *, loopback: bool = False, extra_suffixes: Sequence[str] = ()
) -> OktaDomain:
    """The host run by Okta that answers for `domain`.

    A custom domain counts only when the Okta-run host that it names (`/.well-known/okta-organization`, `_links`) names
    it back; then that host is the one to use. Raises Refused with a DOMAIN_ problem.
    """
    named = _read_links(door, domain)
    if domain.is_okta_run:
        return domain
    try:
        home = parse_domain(named.get("organization", ""), loopback=loopback, extra_suffixes=extra_suffixes)
        back = parse_domain(_read_links(door, home).get("alternate", ""), custom=True)
    except Refused as refused:
        # What is wrong is what the domain claims, not how the owner spelled it.
        raise Refused(Problem.DOMAIN_NOT_OKTA, "custom_domain_not_named_back", refused.reason) from refused
    if back.host != domain.host:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "custom_domain_not_named_back", back.host)
    return home


def _read_links(door: Door, domain: OktaDomain) -> dict[str, str]:
    answer = explained(lambda: door.get(f"{domain.base}/.well-known/okta-organization"))
    try:
        document = answer.json() if answer.status == 200 else {}
    except Refused as refused:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "no_okta_organization", refused.reason) from refused
    if not isinstance(document.get("id"), str):
        raise Refused(Problem.DOMAIN_NOT_OKTA, "no_okta_organization", f"HTTP {answer.status}")
    links = document.get("_links")
    found = {}
    for name, link in links.items() if isinstance(links, dict) else ():
        if isinstance(link, dict) and isinstance(link.get("href"), str):
            found[name] = link["href"]
    return found


def find_scope(door: Door, provider: Provider, client_id: str, redirect_uri: str) -> str:
    """The scope that logins of this app may ask for, once this Okta would let one begin and take its code.

    Raises Refused for what an owner can mend: CLIENT_UNKNOWN, CLIENT_CONFIDENTIAL, REDIRECT_URI_MISSING, GRANT_MISSING.
    """
    scope = SCOPE
    error = _ask_authorize(door, provider, client_id, redirect_uri, scope)
    if error == "invalid_scope":
        scope = SCOPE_WITHOUT_REFRESH
        error = _ask_authorize(door, provider, client_id, redirect_uri, scope)
    if error in ("unsupported_response_type", "unauthorized_client"):
        raise Refused(Problem.GRANT_MISSING, error)
    _ask_token(door, provider, client_id, redirect_uri)
    return scope


def _ask_authorize(door: Door, provider: Provider, client_id: str, redirect_uri: str, scope: str) -> str:
    """Okta's error for a login that may not ask anybody (prompt=none); "login_required" is the good answer.

    Raises Refused for what Okta shows on its own page instead: it never redirects there (facts 2.2).
    """
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": scope,
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
        "prompt": "none",
        "code_challenge": create_s256_code_challenge(secrets.token_urlsafe(32)),
        "code_challenge_method": "S256",
    }
    answer = explained(lambda: door.get(f"{provider.authorization_endpoint}?{urlencode(query)}"))
    location = answer.headers.get("location", "")
    if answer.status in (302, 303) and location.startswith(redirect_uri):
        return parse_qs(urlsplit(location).query).get("error", [""])[0]
    if answer.status == 400:
        shown = _DESCRIPTION.search(answer.body[:_LONGEST_PAGE].decode("utf-8", "replace"))
        text = shown[1] if shown else ""
        raise Refused(Problem.REDIRECT_URI_MISSING if "redirect_uri" in text else Problem.CLIENT_UNKNOWN)
    return ""  # Neither way of answering: it could not be told, and a login will show it.


def _ask_token(door: Door, provider: Provider, client_id: str, redirect_uri: str) -> None:
    """Redeems a code that does not exist: the way Okta refuses tells whether it is a public client."""
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": secrets.token_urlsafe(16),
        "redirect_uri": redirect_uri,
        "code_verifier": secrets.token_urlsafe(32),
    }
    answer = explained(lambda: door.post_form(provider.token_endpoint, form))
    error, description = read_error(answer) if 400 <= answer.status < 500 else ("", "")
    if error == "unauthorized_client" and "grant" in description:
        raise Refused(Problem.GRANT_MISSING, "unauthorized_client")
    if error == "invalid_client":
        known = "credentials" in description or "authentication" in description or "secret" in description
        raise Refused(Problem.CLIENT_CONFIDENTIAL if known else Problem.CLIENT_UNKNOWN)


def explained(call: Callable[[], _T]) -> _T:
    """Okta's silence, in the words for somebody who has just typed its name."""
    try:
        return call()
    except Refused as refused:
        if refused.reason == "domain_unresolvable":
            raise Refused(Problem.DOMAIN_NOT_FOUND, refused.reason) from refused
        if refused.problem in (Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY):
            raise Refused(Problem.DOMAIN_SILENT, refused.reason) from refused
        if refused.problem is Problem.OKTA_ANSWER_INVALID:
            raise Refused(Problem.DOMAIN_NOT_OKTA, refused.reason, refused.detail) from refused
        raise
