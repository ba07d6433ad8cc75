"""The live checks: does each step of the guide hold at that Okta? One run, ten seconds, nothing secret, nothing stored.

    entries -> domain, engine -> authorization server -> each app, beside each other -> the two together, the widget
               check_places.py, check_place_answers.py   check_apps.py, check_answers.py

What hangs on something broken is not asked, so that one mistake turns one row red. Raises nothing for what an Okta says
or does not say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from portal.okta.check_apps import Asked, Client, tell_apps, tell_server
from portal.okta.check_calls import AT_ONCE, Calls
from portal.okta.check_place_answers import Place, judge_domain, judge_engine, tell_companions
from portal.okta.check_places import ask_domains, ask_servers, read_boxes
from portal.okta.check_rows import CAUSES, Found, Report, Rows, Verdict, wrong
from portal.okta.connect import Entries, LimitedDoor, Surroundings
from portal.okta.steps import STEPS

__all__ = ["CAUSES", "Found", "Report", "Verdict", "run_checks"]


def run_checks(
    door: LimitedDoor, entries: Entries, around: Surroundings, *, sign_in: str, origin: str,
    sign_out_uris: Mapping[str, str], report: Callable[[Found], None] = lambda _: None, seconds: float = 10.0,
) -> Report:  # fmt: skip
    """Every applicable step of `steps.STEPS` once, in that order.

    sign_in       -- "embedded" or "redirect". With "redirect" a miss in what only the embedded sign-in needs is
                     "unknown" with the cause "only_for_embedded": told, since the guide asks for it, but not red.
    origin        -- of our pages, without a slash at the end. It is sent in one question only, to see who may read.
    sign_out_uris -- by kind of app.
    report        -- hears of each row as soon as it is known, one at a time, from whatever thread knows it.
    seconds       -- for all of it.
    The native app's steps and "pair" are left out while both of its fields are empty.
    """
    rows = Rows(embedded=sign_in == "embedded", report=report)
    boxes = read_boxes(entries, around)
    rows.tell(*(wrong(f"{box.kind}.client", box.id_cause) for box in boxes if box.id_cause))
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(AT_ONCE, "okta-checks") as pool:
        places = ask_domains(boxes, around, lambda: Calls(door, pool, until))
        rows.tell(judge_domain(boxes, places))
        found = [place for place in places if place.organization]
        rows.tell(*(judge_engine(place.organization) for place in found[:1] if place.organization))
        going = tell_companions(rows, found)
        servers = ask_servers(rows, going, entries.authorization_server, around)
        clients = [
            Client(place.box.kind, place.box.client_id, around.redirect_uris[place.box.kind], origin)
            for place in going
            if place.box.kind in servers and not place.box.id_cause
        ]
        ways = {place.box.kind: place.calls for place in going}
        asked = [Asked(ways[client.kind], servers[client.kind], client) for client in clients]
        tell_server(rows, servers, asked)
        tell_apps(rows, asked, sign_out_uris, classic=any(place.is_classic for place in found[:1]))
    kinds = {box.kind for box in boxes}
    steps = [step.id for step in STEPS if (step.app or "spa") in kinds and (step.id != "pair" or len(kinds) == 2)]
    server = next((servers[kind].id for kind in servers), "")
    return Report(rows.finish(steps), _find_host(places), server)


def _find_host(places: list[Place]) -> str:
    """Links lead to the host that was proved, or to one that is Okta's by its name and only does not answer."""
    for place in places:
        if place.organization is not None:
            return str(place.organization.home)
    silent = (place for place in places if judge_domain([place.box], [place]).verdict == "unknown")
    return next((str(place.where.domain) for place in silent if place.where.domain.is_okta_run), "")
