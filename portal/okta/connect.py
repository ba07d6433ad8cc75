"""What Save does with an owner's entries: reads them, asks that Okta, and says beside which field what is wrong.

Everything here is one run of at most ten seconds against one Okta; nothing is stored and nothing secret is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from portal.errors import Problem, Refused
from portal.okta.domain import OktaDomain, Pasted, read_pasted
from portal.okta.probes import SCOPE, explained, find_scope, prove_domain
from portal.okta.provider import Providers
from portal.okta.refusals import Door

TOTAL_SECONDS = 10.0
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,255}")
_SERVER_ID = re.compile(r"auto|org|default|[A-Za-z0-9_-]{4,39}")
# Okta's API tokens have 42 characters and begin with two zeros; scripts write "SSWS" before them.
_API_TOKEN = re.compile(r"(?:SSWS\b.*|00[A-Za-z0-9_-]{40})", re.DOTALL | re.IGNORECASE)


class EntriesRefused(Exception):  # noqa: N818 - it says what happened to the entries
    """What the owner entered cannot be saved: a Refused for each field that has to be mended.

    readable -- whether the entries are what they should be by their letters, so that only Okta does not take them.
    found    -- the apps among them that Okta would let people log in with.
    `kept` is for whoever keeps them as a draft: whether that was done.
    """

    kept = False

    def __init__(
        self, problems: Mapping[str, Refused], *, readable: bool = False, found: Sequence[FoundApp] = ()
    ) -> None:
        super().__init__({field: refused.reason for field, refused in problems.items()})
        self.problems = dict(problems)
        self.readable = readable
        self.found = list(found)

    def showable(self, typed: Mapping[str, str]) -> dict[str, str]:
        """What was typed, to be shown again; an API token is not, since it opens that whole Okta."""
        hidden = {field for field, refused in self.problems.items() if refused.problem is Problem.API_TOKEN_PASTED}
        return {field: "" if field in hidden else text for field, text in typed.items()}


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
    """One app as it will be used. kind -- "spa" or "native"."""

    kind: str
    client_id: str
    domain: str
    issuer: str
    scope: str


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
        raise EntriesRefused(problems, readable=True, found=found)
    return found


def believe(entries: Entries, around: Surroundings, found: Sequence[FoundApp] = ()) -> list[FoundApp]:
    """The apps that these entries mean as far as that can be said without asking: those that were `found`, and others
    only at a host that is an Okta by its name. A custom domain that has proved nothing is none.

    Raises EntriesRefused.
    """
    known = {app.kind: app for app in found}
    apps = []
    for kind, pasted in _read_entries(entries, around, custom=True).items():
        if kind in known:
            apps.append(known[kind])
        elif pasted.domain.is_okta_run:
            client_id = getattr(entries, f"{kind}_client_id").strip()
            apps.append(_believe(kind, client_id, pasted, entries.authorization_server))
    return apps


def _read_entries(entries: Entries, around: Surroundings, *, custom: bool) -> dict[str, Pasted]:
    problems: dict[str, Refused] = {}
    pasted: dict[str, Pasted] = {}
    for kind in ("spa", "native"):
        client_id, domain = getattr(entries, f"{kind}_client_id").strip(), getattr(entries, f"{kind}_domain").strip()
        if kind == "native" and not client_id and not domain:
            continue
        wrong = find_client_id_problem(kind, client_id)
        problems |= {f"{kind}_client_id": Refused(wrong)} if wrong else {}
        try:
            pasted[kind] = read_pasted(
                domain, loopback=around.loopback, extra_suffixes=around.extra_suffixes, custom=custom
            )
        except Refused as refused:
            problems[f"{kind}_domain"] = _domain_problem(kind, domain, refused)
    if entries.spa_client_id.strip() and entries.spa_client_id.strip() == entries.native_client_id.strip():
        problems["native_client_id"] = Refused(Problem.CLIENTS_SWAPPED)
    wrong = find_server_problem(entries.authorization_server)
    problems |= {"authorization_server": Refused(wrong)} if wrong else {}
    if problems:
        raise EntriesRefused(problems)
    return pasted


def find_client_id_problem(kind: str, client_id: str) -> Problem | None:
    """What is wrong with what was typed as the Client ID of a "spa" or "native" app, before anybody is asked."""
    if not client_id:
        return Problem.FIELD_TOGETHER if kind == "native" else Problem.FIELD_REQUIRED
    if is_api_token(client_id):
        return Problem.API_TOKEN_PASTED
    if "/" in client_id or "okta.com" in client_id.lower():
        return Problem.CLIENT_ID_IS_URL
    if not _CLIENT_ID.fullmatch(client_id):
        return Problem.CLIENT_ID_FORM
    is_secret = len(client_id) >= 40 and not client_id.startswith("0oa")
    return Problem.CLIENT_ID_IS_SECRET if is_secret else None


def find_server_problem(authorization_server: str) -> Problem | None:
    """What is wrong with what was entered as the authorization server ("auto", "org", "default", "aus...")."""
    if is_api_token(authorization_server):
        return Problem.API_TOKEN_PASTED
    return None if _SERVER_ID.fullmatch(authorization_server) else Problem.AUTHORIZATION_SERVER_FORM


def _domain_problem(kind: str, domain: str, refused: Refused) -> Refused:
    if is_api_token(domain):
        return Refused(Problem.API_TOKEN_PASTED)
    return Refused(Problem.FIELD_TOGETHER) if kind == "native" and not domain else refused


def is_api_token(text: str) -> bool:
    """Whether this is a token of Okta's API, as the Admin Console shows it or as scripts send it."""
    return _API_TOKEN.fullmatch(text.strip()) is not None


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
    issuer = issuer_of(pasted.domain, server or "org")
    return FoundApp(kind, client_id, str(pasted.domain), issuer, SCOPE)


def _find_app(
    door: Door, kind: str, client_id: str, pasted: Pasted, authorization_server: str, around: Surroundings
) -> FoundApp:
    domain = prove_domain(
        door, pasted.domain, loopback=around.loopback, extra_suffixes=around.extra_suffixes
    ).home
    redirect_uri = around.redirect_uris[kind]
    providers = Providers(door, loopback=around.loopback)
    # Automatic takes the first that works. What is wrong with the client is wrong at every server, so the first
    # server's word is the one to hear when none works.
    first: Refused | None = None
    for server in possible_servers(pasted, authorization_server):
        try:
            provider = explained(partial(providers.fetch, issuer_of(domain, server), client_id))
            scope = find_scope(door, provider, client_id, redirect_uri)
            return FoundApp(kind, client_id, str(domain), provider.issuer, scope)
        except Refused as refused:
            first = first or refused
    assert first is not None
    raise first


def possible_servers(pasted: Pasted, authorization_server: str) -> list[str]:
    """The authorization servers to try, in this order; automatic begins with what the pasted address names."""
    if authorization_server != "auto":
        return [authorization_server]
    named = pasted.authorization_server
    return [named, "org"] if named else ["org", "default"]


def issuer_of(domain: OktaDomain, server: str) -> str:
    """The issuer of `server` ("org", "default", "aus...") at `domain`."""
    return domain.base if server == "org" else f"{domain.base}/oauth2/{server}"
