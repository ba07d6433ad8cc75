"""What Save and the checks ask an Okta about itself and about an app: nothing secret is sent, and nothing is kept.

Okta's refusals tell what is set up (facts 7): who it is, whether it knows the app, and where it would send people back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.errors import Problem, Refused
from portal.okta.domain import OktaDomain, parse_domain
from portal.okta.metadata import Provider
from portal.okta.probe_answers import read_authorize, read_token
from portal.okta.refusals import Answer, Door

SCOPE = "openid profile email offline_access"
SCOPE_WITHOUT_REFRESH = "openid profile email"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Organization:
    """Who answers at a domain (`/.well-known/okta-organization`, facts 1.3).

    home -- the host run by Okta.   pipeline -- "idx", "v1" (Classic Engine), or "" when it does not say.
    """

    home: OktaDomain
    pipeline: str


def prove_domain(
    door: Door, domain: OktaDomain, *, loopback: bool = False, extra_suffixes: Sequence[str] = ()
) -> Organization:
    """The organization that answers at `domain`, and its host that is run by Okta.

    A custom domain counts only when the Okta-run host that it names (`_links`) names it back; then that host is the one
    to use. Raises Refused with a DOMAIN_ problem.
    """
    document = _fetch_organization(door, domain)
    if domain.is_okta_run:
        return Organization(domain, _read_pipeline(document))
    try:
        named = _read_link(document, "organization")
        home = parse_domain(named, loopback=loopback, extra_suffixes=extra_suffixes)
    except Refused as refused:
        # What is wrong is what the domain claims, not how the owner spelled it.
        raise Refused(Problem.DOMAIN_NOT_OKTA, "custom_domain_not_named_back", refused.reason) from refused
    document = _fetch_organization(door, home)
    try:
        back = parse_domain(_read_link(document, "alternate"), custom=True)
    except Refused as refused:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "custom_domain_not_named_back", refused.reason) from refused
    if back.host != domain.host:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "custom_domain_not_named_back", back.host)
    return Organization(home, _read_pipeline(document))


def _fetch_organization(door: Door, domain: OktaDomain) -> dict[str, Any]:
    answer = explained(lambda: door.get(f"{domain.base}/.well-known/okta-organization"))
    if answer.status == 429 or answer.status >= 500:
        reason = "organization_busy" if answer.status == 429 else "organization_http_status"
        raise Refused(Problem.DOMAIN_SILENT, reason, f"HTTP {answer.status}")
    try:
        document = answer.json() if answer.status == 200 else {}
    except Refused as refused:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "no_okta_organization", refused.reason) from refused
    if not isinstance(document.get("id"), str):
        raise Refused(Problem.DOMAIN_NOT_OKTA, "no_okta_organization", f"HTTP {answer.status}")
    return document


def _read_link(document: dict[str, Any], name: str) -> str:
    links = document.get("_links")
    link = links.get(name) if isinstance(links, dict) else None
    href = link.get("href") if isinstance(link, dict) else None
    return href if isinstance(href, str) else ""


def _read_pipeline(document: dict[str, Any]) -> str:
    pipeline = document.get("pipeline")
    return pipeline if pipeline in ("idx", "v1") else ""


def find_scope(door: Door, provider: Provider, client_id: str, redirect_uri: str) -> str:
    """The scope that logins of this app may ask for, once this Okta would let one begin and take its code.

    Raises Refused for what an owner can mend: CLIENT_UNKNOWN, CLIENT_CONFIDENTIAL, REDIRECT_URI_MISSING, GRANT_MISSING.
    """
    scope = SCOPE
    error = _begin(door, provider, client_id, redirect_uri, scope)
    if error == "invalid_scope":
        scope = SCOPE_WITHOUT_REFRESH
        error = _begin(door, provider, client_id, redirect_uri, scope)
    if error in ("unsupported_response_type", "unauthorized_client"):
        raise Refused(Problem.GRANT_MISSING, error)
    said = read_token(explained(lambda: ask_for_code(door, provider, client_id, redirect_uri)))
    if said.kind in _FOR_OWNER:
        raise Refused(_FOR_OWNER[said.kind], f"token_{said.kind}")
    return scope


_FOR_OWNER = {
    "grant_off": Problem.GRANT_MISSING,
    "confidential": Problem.CLIENT_CONFIDENTIAL,
    "client": Problem.CLIENT_UNKNOWN,
}


def _begin(door: Door, provider: Provider, client_id: str, redirect_uri: str, scope: str) -> str:
    """Okta's error for a login that may not ask anybody; "login_required" is the good answer.

    "" is neither way of answering: it could not be told, and a login will show it. Raises Refused for what Okta shows
    on its own page instead: it never redirects there (facts 2.2).
    """
    answer = explained(lambda: ask_authorize(door, provider, client_id, redirect_uri, scope))
    said = read_authorize(answer, redirect_uri)
    if said.kind == "redirect_uri":
        raise Refused(Problem.REDIRECT_URI_MISSING)
    if answer.status == 400:
        raise Refused(Problem.CLIENT_UNKNOWN)
    return said.error


def ask_authorize(door: Door, provider: Provider, client_id: str, redirect_uri: str, scope: str) -> Answer:
    """Begins a login that may not ask anybody (prompt=none); `read_authorize` reads the answer.

    Raises what the door raises.
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
    return door.get(f"{provider.authorization_endpoint}?{urlencode(query)}")


def ask_for_code(door: Door, provider: Provider, client_id: str, redirect_uri: str) -> Answer:
    """Redeems a code that does not exist: the way Okta refuses tells whether it is a public client (`read_token`).

    Raises what the door raises.
    """
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": secrets.token_urlsafe(16),
        "redirect_uri": redirect_uri,
        "code_verifier": secrets.token_urlsafe(32),
    }
    return door.post_form(provider.token_endpoint, form)


def ask_for_refresh(door: Door, provider: Provider, client_id: str) -> Answer:
    """Redeems a refresh token that does not exist: the way Okta refuses tells whether the grant is on (`read_token`).

    Raises what the door raises.
    """
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": secrets.token_urlsafe(32)}
    return door.post_form(provider.token_endpoint, form)


def explained(call: Callable[[], _T]) -> _T:
    """Okta's silence, in the words for somebody who has just typed its name."""
    try:
        return call()
    except Refused as refused:
        if refused.reason == "domain_unresolvable":
            raise Refused(Problem.DOMAIN_NOT_FOUND, refused.reason, refused.detail) from refused
        if refused.problem in (Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY):
            raise Refused(Problem.DOMAIN_SILENT, refused.reason, refused.detail) from refused
        if refused.problem is Problem.OKTA_ANSWER_INVALID:
            raise Refused(Problem.DOMAIN_NOT_OKTA, refused.reason, refused.detail) from refused
        raise
