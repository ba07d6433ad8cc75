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
_SERVER_ID = re.compile(r"auto|org|default|[A-Za-z0-9_-]{4,64}")


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
    domain = prove_domain(
        door, pasted.domain, loopback=around.loopback, extra_suffixes=around.extra_suffixes
    )
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
            provider = explained(partial(providers.fetch, _issuer(domain, server), client_id))
            scope = find_scope(door, provider, client_id, redirect_uri)
            return FoundApp(kind, client_id, str(domain), provider.issuer, scope)
        except Refused as refused:
            first = first or refused
    assert first is not None
    raise first


def _issuer(domain: OktaDomain, server: str) -> str:
    return domain.base if server == "org" else f"{domain.base}/oauth2/{server}"
