"""What Save does with an owner's entries: reads them, asks that Okta, and says beside which field what is wrong.

Everything here is one run of at most ten seconds against one Okta; nothing is stored and nothing secret is sent.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.errors import Problem, Refused
from portal.okta.domain import OktaDomain, Pasted, parse_domain, read_pasted
from portal.okta.provider import Provider, Providers
from portal.okta.refusals import Door, read_error

SCOPE = "openid profile email offline_access"
SCOPE_WITHOUT_REFRESH = "openid profile email"
TOTAL_SECONDS = 10.0
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,255}")
_SERVER_ID = re.compile(r"auto|org|default|[A-Za-z0-9_-]{4,64}")
_LONGEST_PAGE = 32 * 1024
_DESCRIPTION = re.compile(r'id="error-description"[^>]{0,200}>(.{0,600}?)</', re.DOTALL)


_T = TypeVar("_T")


class EntriesRefused(Exception):  # noqa: N818 - it says what happened to the entries
    """What the owner entered cannot be saved: a Refused for each field that has to be mended."""

    def __init__(self, problems: Mapping[str, Refused]) -> None:
        super().__init__({field: refused.reason for field, refused in problems.items()})
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Entries:
    """The four fields of the guide and the authorization server, as typed."""

    spa_client_id: str
    spa_domain: str
    native_client_id: str = ""
    native_domain: str = ""
    authorization_server: str = "auto"


@dataclass(frozen=True, slots=True)
class FoundApp:
    """One app as it will be used. kind -- "spa" or "native"; `notes` are codes of things the owner should know."""

    kind: str
    client_id: str
    domain: str
    issuer: str
    scope: str
    notes: tuple[str, ...] = ()


class LimitedDoor(Door, Protocol):
    """A door whose calls can be given one limit together."""

    def within(self, seconds: float, name: str | None = None) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What Save needs besides the entries: where Okta has to send people back, and which domains count as Okta."""

    redirect_uris: Mapping[str, str]
    loopback: bool = False
    extra_suffixes: Sequence[str] = ()


def connect(door: LimitedDoor, entries: Entries, around: Surroundings, *, check: bool = True) -> list[FoundApp]:
    """The apps that these entries mean, asked for at their Okta unless `check` is False.

    Raises EntriesRefused.
    """
    pasted = _read_entries(entries, around, custom=check)
    problems: dict[str, Refused] = {}
    found: list[FoundApp] = []
    with door.within(TOTAL_SECONDS, "(save)"):
        for kind, where in pasted.items():
            client_id = getattr(entries, f"{kind}_client_id").strip()
            try:
                if check:
                    found.append(_find_app(door, kind, client_id, where, entries.authorization_server, around))
                else:
                    found.append(_believe(kind, client_id, where, entries.authorization_server))
            except Refused as refused:
                problems[_field_of(kind, refused)] = refused
    if len(found) == 2 and _host(found[0]) != _host(found[1]):
        problems["native_domain"] = Refused(Problem.DOMAINS_DIFFER)
    if problems:
        raise EntriesRefused(problems)
    return found


def _read_entries(entries: Entries, around: Surroundings, *, custom: bool) -> dict[str, Pasted]:
    problems: dict[str, Refused] = {}
    pasted: dict[str, Pasted] = {}
    for kind in ("spa", "native"):
        client_id, domain = getattr(entries, f"{kind}_client_id").strip(), getattr(entries, f"{kind}_domain").strip()
        if kind == "native" and not client_id and not domain:
            continue
        problems |= _client_id_problem(kind, client_id)
        try:
            pasted[kind] = read_pasted(
                domain, loopback=around.loopback, extra_suffixes=around.extra_suffixes, custom=custom
            )
        except Refused as refused:
            together = kind == "native" and not domain
            problems[f"{kind}_domain"] = Refused(Problem.FIELD_TOGETHER) if together else refused
    if entries.spa_client_id.strip() and entries.spa_client_id.strip() == entries.native_client_id.strip():
        problems["native_client_id"] = Refused(Problem.CLIENTS_SWAPPED)
    if not _SERVER_ID.fullmatch(entries.authorization_server):
        problems["authorization_server"] = Refused(Problem.AUTHORIZATION_SERVER_FORM)
    if problems:
        raise EntriesRefused(problems)
    return pasted


def _client_id_problem(kind: str, client_id: str) -> dict[str, Refused]:
    problem = None
    if not client_id:
        problem = Problem.FIELD_TOGETHER if kind == "native" else Problem.FIELD_REQUIRED
    elif "/" in client_id or "okta.com" in client_id.lower():
        problem = Problem.CLIENT_ID_IS_URL
    elif not _CLIENT_ID.fullmatch(client_id):
        problem = Problem.CLIENT_ID_FORM
    elif len(client_id) >= 40 and not client_id.startswith("0oa"):
        problem = Problem.CLIENT_ID_IS_SECRET
    return {f"{kind}_client_id": Refused(problem)} if problem else {}


def _field_of(kind: str, refused: Refused) -> str:
    if refused.problem.name.startswith("DOMAIN"):
        return f"{kind}_domain"
    if refused.problem in (Problem.AUTHORIZATION_SERVER_UNKNOWN, Problem.API_ACCESS_MANAGEMENT):
        return "authorization_server"
    return f"{kind}_client_id"


def _host(app: FoundApp) -> str:
    return app.issuer.partition("/oauth2/")[0]


def _believe(kind: str, client_id: str, pasted: Pasted, authorization_server: str) -> FoundApp:
    """What `--no-check` saves: the issuer follows from the entries alone."""
    server = pasted.authorization_server if authorization_server == "auto" else authorization_server
    issuer = _issuer(pasted.domain, server or "org")
    return FoundApp(kind, client_id, str(pasted.domain), issuer, SCOPE)


def _find_app(
    door: Door, kind: str, client_id: str, pasted: Pasted, authorization_server: str, around: Surroundings
) -> FoundApp:
    domain = prove_domain(door, pasted.domain, around)
    redirect_uri = around.redirect_uris[kind]
    providers = Providers(door, loopback=around.loopback)
    named = pasted.authorization_server
    servers = [authorization_server] if authorization_server != "auto" else [*([named] if named else []), "org"]
    if authorization_server == "auto" and named is None:
        servers.append("default")
    # Automatic takes the first that works. What is wrong with the client is wrong at every server, so the first
    # server's word is the one to hear when none works.
    first: Refused | None = None
    for server in servers:
        try:
            provider = _translated(lambda server=server: providers.fetch(_issuer(domain, server), client_id))  # type: ignore[misc]
            scope, notes = _probe_app(door, provider, client_id, redirect_uri)
            return FoundApp(kind, client_id, str(domain), provider.issuer, scope, notes)
        except Refused as refused:
            first = first or refused
    assert first is not None
    raise first


def prove_domain(door: Door, domain: OktaDomain, around: Surroundings) -> OktaDomain:
    """The host run by Okta that answers for `domain`.

    A custom domain counts only when the Okta-run host that it names (`/.well-known/okta-organization`, `_links`) names
    it back; then that host is the one to use. Raises Refused with a DOMAIN_ problem.
    """
    named = _organization_links(door, domain)
    if domain.is_okta_run:
        return domain
    home = parse_domain(
        named.get("organization", ""), loopback=around.loopback, extra_suffixes=around.extra_suffixes
    )
    back = _organization_links(door, home).get("alternate", "")
    if parse_domain(back, custom=True).host != domain.host:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "custom_domain_not_named_back")
    return home


def _organization_links(door: Door, domain: OktaDomain) -> dict[str, str]:
    answer = _translated(lambda: door.get(f"{domain.base}/.well-known/okta-organization"))
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


def _probe_app(door: Door, provider: Provider, client_id: str, redirect_uri: str) -> tuple[str, tuple[str, ...]]:
    """(scope to ask for, notes): whether this Okta would let a login of this app begin, and take its code."""
    scope, notes = SCOPE, ()
    error = _ask_authorize(door, provider, client_id, redirect_uri, scope)
    if error == "invalid_scope":
        scope, notes = SCOPE_WITHOUT_REFRESH, ("offline_access_refused",)  # type: ignore[assignment]
        error = _ask_authorize(door, provider, client_id, redirect_uri, scope)
    if error in ("unsupported_response_type", "unauthorized_client"):
        raise Refused(Problem.GRANT_MISSING, error)
    _ask_token(door, provider, client_id, redirect_uri)
    return scope, notes


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
    answer = _translated(lambda: door.get(f"{provider.authorization_endpoint}?{urlencode(query)}"))
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
    answer = _translated(lambda: door.post_form(provider.token_endpoint, form))
    error, description = read_error(answer) if 400 <= answer.status < 500 else ("", "")
    if error == "unauthorized_client" and "grant" in description:
        raise Refused(Problem.GRANT_MISSING, "unauthorized_client")
    if error == "invalid_client":
        known = "credentials" in description or "authentication" in description or "secret" in description
        raise Refused(Problem.CLIENT_CONFIDENTIAL if known else Problem.CLIENT_UNKNOWN)


def _issuer(domain: OktaDomain, server: str) -> str:
    return domain.base if server == "org" else f"{domain.base}/oauth2/{server}"


def _translated(call: Callable[[], _T]) -> _T:
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

