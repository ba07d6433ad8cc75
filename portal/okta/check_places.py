"""The first questions of the checks: whose domain was entered, and which authorization server answers there?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from portal.errors import Refused
from portal.okta.check_calls import Calls
from portal.okta.check_place_answers import Box, Place, judge_server
from portal.okta.check_rows import Rows
from portal.okta.connect import (
    Entries,
    Surroundings,
    find_client_id_problem,
    find_server_problem,
    is_api_token,
    issuer_of,
    possible_servers,
)
from portal.okta.domain import OktaDomain, Pasted, read_pasted
from portal.okta.metadata import Provider
from portal.okta.probes import Organization, explained, prove_domain
from portal.okta.provider import Providers
from portal.okta.steps import App

# The first question to a host may take longer: whether anybody is there at all hangs on it.
_FIRST_SECONDS = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Server:
    """An authorization server that answers. id -- "org", "default", "aus..."."""

    id: str
    provider: Provider
    providers: Providers


def read_boxes(entries: Entries, around: Surroundings) -> list[Box]:
    """The SPA's box, and the native app's unless both of its fields are empty. Asks nobody."""
    boxes = [_read_box("spa", entries.spa_client_id.strip(), entries.spa_domain.strip(), around)]
    client_id, domain = entries.native_client_id.strip(), entries.native_domain.strip()
    return [*boxes, _read_box("native", client_id, domain, around)] if client_id or domain else boxes


def _read_box(kind: App, client_id: str, domain: str, around: Surroundings) -> Box:
    problem = find_client_id_problem(kind, client_id)
    id_cause = problem.code if problem else ""
    try:
        where = read_pasted(domain, loopback=around.loopback, extra_suffixes=around.extra_suffixes, custom=True)
    except Refused as refused:
        cause = "api_token_pasted" if is_api_token(domain) else refused.problem.code
        return Box(kind, client_id, id_cause, None, cause)
    return Box(kind, client_id, id_cause, where)


def ask_domains(boxes: list[Box], around: Surroundings, make_calls: Callable[[], Calls]) -> list[Place]:
    """Where the boxes lead whose domain is one. Each domain is asked once, and the first question to a host goes alone:
    where nobody is, one call finds that out.
    """
    ways: dict[str, tuple[Calls, Future[Organization]]] = {}
    for box in boxes:
        if box.where is not None and box.where.domain.base not in ways:
            calls = make_calls()
            ask = partial(_find_organization, calls, box.where.domain, around)
            ways[box.where.domain.base] = calls, calls.start_job(ask)
    places = []
    for box in boxes:
        if box.where is not None:
            calls, future = ways[box.where.domain.base]
            answer = outcome(future)
            places.append(Place(box, box.where, calls, answer))
    return places


def _find_organization(calls: Calls, domain: OktaDomain, around: Surroundings) -> Organization:
    loopback, suffixes = around.loopback, around.extra_suffixes
    ask = partial(prove_domain, calls.door, domain, loopback=loopback, extra_suffixes=suffixes)
    return calls.run(ask, _FIRST_SECONDS)


def ask_servers(rows: Rows, going: list[Place], wanted: str, around: Surroundings) -> dict[App, Server]:
    """The authorization servers that answer, each asked once; what is wrong with one that does not is told.

    wanted -- "auto", "org", "default", "aus...", as entered.
    """
    futures: dict[tuple[str, str | None], Future[Server]] = {}
    servers: dict[App, Server] = {}
    for place in going:
        if place.organization and _key(place) not in futures:
            ask = partial(_find_server, place.calls, place.organization.home, place.where, wanted, around)
            futures[_key(place)] = place.calls.start_job(ask)
    for place in going:
        server = outcome(futures[_key(place)])
        if isinstance(server, Server):
            servers[place.box.kind] = server
        elif place.organization:
            rows.tell(judge_server(place.organization.home, wanted, server))
    return servers


def _key(place: Place) -> tuple[str, str | None]:
    return str(place.organization and place.organization.home), place.where.authorization_server


def _find_server(calls: Calls, home: OktaDomain, where: Pasted, wanted: str, around: Surroundings) -> Server:
    """The first of those in question that answers. Raises the first one's Refused."""
    problem = find_server_problem(wanted)
    if problem is not None:
        raise Refused(problem)
    providers = Providers(calls.door, loopback=around.loopback)
    first: Refused | None = None
    for server in possible_servers(where, wanted):
        try:
            fetch = partial(providers.fetch, issuer_of(home, server))
            return Server(server, calls.run(partial(explained, fetch)), providers)
        except Refused as refused:
            first = first or refused
    assert first is not None
    raise first


def outcome(future: Future[_T]) -> _T | Refused:
    """What came of a call: its result, or why there is none."""
    try:
        return future.result()
    except Refused as refused:
        return refused
