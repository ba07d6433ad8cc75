"""One-click set-up: an owner's API token makes in Okta what the guide describes, visibly, and is forgotten.

The work is done by a thread of this process; the token lives in it and nowhere else. Stopped half-way, a run can be
continued or undone with another token. Knows no Flask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from portal.connecting import surroundings
from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.okta.domain import read_pasted
from portal.okta.management import ApiToken, fetch_me, open_account
from portal.okta.probes import Organization, prove_domain
from portal.okta.set_up_plan import Addresses
from portal.services import Services
from portal.set_up_progress import Progress, StopAsked, TakenOver, first_steps
from portal.set_up_steps import Outcome, run_step, steps_of
from portal.set_up_undo import undo_form, undo_step, undo_steps
from portal.set_up_work import Order, Work, read_order
from portal.store.activity import record_event
from portal.store.setup_runs import SetupRun, ask_to_stop, begin_run, find_known_ids, find_run, take_run
from portal.subjects import find_subject

PROVE_SECONDS = 10.0


def addresses_of(services: Services) -> Addresses:
    """What Okta has to know of this portal."""
    base, scheme = services.settings.base_url, services.settings.native_scheme
    return Addresses(
        redirect_uris=surroundings(services).redirect_uris,
        sign_out_uris={"spa": base, "native": f"{scheme}:/logout"},
        origin=base,
    )


def prove(services: Services, pasted: str, token: ApiToken) -> Organization:
    """The Okta whose own host a token may be sent to, once it has said that it is one and taken the token.

    Raises Refused: what is wrong with the domain, or API_TOKEN_REFUSED.
    """
    around = surroundings(services)
    known: dict[str, Any] = {"loopback": around.loopback, "extra_suffixes": around.extra_suffixes}
    with services.door.within(PROVE_SECONDS, "(set-up)"):
        okta = prove_domain(services.door, read_pasted(pasted, **known, custom=True).domain, **known)
        account = open_account(services.door, okta.home, token, clock=services.clock, wait=_wait_not)
        try:
            fetch_me(account)
        except Refused as refused:
            # Whatever else it is, the run can wait for it, or says it better.
            if refused.problem is Problem.API_TOKEN_REFUSED:
                raise
    return okta


def begin(
    services: Services, organization_id: int, *, what: str, okta: Organization, token: ApiToken, order: Order, who: str,
    reference: str,
) -> int:  # fmt: skip
    """Starts to "look" or to "set_up"; the id of the run. Raises Refused: SET_UP_UNDER_WAY, UNAVAILABLE."""
    steps = steps_of(order, what)
    with services.db.writing() as connection:
        run_id, holder = begin_run(
            connection, organization_id, domain=str(okta.home), what=what, choices=order.choices(),
            steps=first_steps(steps), who=who, now=services.now(),
        )  # fmt: skip
        happened = "okta.look_started" if what == "look" else "okta.set_up_started"
        _record(connection, services, organization_id, run_id, happened, who, reference)
    progress = Progress(services, run_id, holder, steps, {})
    _start(services, progress, organization_id, partial(_run, what), token, okta, order, who, reference)
    return run_id


def resume(
    services: Services, run: SetupRun, *, okta: Organization, token: ApiToken, revoke: bool, undo: bool = False,
    who: str, reference: str,
) -> None:  # fmt: skip
    """Goes on with a run, or takes back what it has made. Raises Refused: SET_UP_UNDER_WAY, UNAVAILABLE, NOT_FOUND."""
    order = read_order(run.choices, revoke=revoke)
    what = "undo" if undo else "set_up"
    steps = undo_steps(run.made) if undo else steps_of(order, what)
    with services.db.writing() as connection:
        holder = take_run(
            connection, run.organization_id, run.id, what=what, choices=order.choices(), steps=first_steps(steps),
            now=services.now(),
        )  # fmt: skip
        now = find_run(connection, run.organization_id, run.id)
        _record(connection, services, run.organization_id, run.id, "okta.set_up_continued", who, reference)
    assert now is not None
    progress = Progress(services, run.id, holder, steps, now.made)
    work = partial(_undo, _made_apps(now.made)) if undo else partial(_run, what)
    _start(services, progress, run.organization_id, work, token, okta, order, who, reference)


def stop(services: Services, organization_id: int, run_id: int) -> bool:
    """Asks a run to stop before its next step; False when it is not under way."""
    with services.db.writing() as connection:
        return ask_to_stop(connection, organization_id, run_id)


def _start(
    services: Services, progress: Progress, organization_id: int, steps: Callable[[Work], str], token: ApiToken,
    okta: Organization, order: Order, who: str, reference: str,
) -> None:  # fmt: skip
    account = open_account(services.door, okta.home, token, clock=services.clock, wait=progress.wait)
    work = Work(
        services, organization_id, str(okta.home), account, progress, order, addresses_of(services),
        known=_known_ids(services, organization_id, str(okta.home)), dry=False, who=who, reference=reference,
        is_classic=okta.pipeline == "v1", interaction_code=okta.pipeline != "v1",
    )  # fmt: skip
    try:
        services.background.start(f"set-up-{progress.run_id}", lambda: _guarded(work, steps), owner=organization_id)
    except Refused as refused:
        progress.end("stopped", refused)
        raise


def _known_ids(services: Services, organization_id: int, domain: str) -> Mapping[str, tuple[str, ...]]:
    """By name, what may be there already: of earlier runs, and what the form has."""
    with services.db.reading() as connection:
        known = {name: [found] for name, found in find_known_ids(connection, organization_id, domain).items()}
        subjects = [find_subject(connection, organization_id, name) for name in ("live", "draft")]
    for subject in filter(None, subjects):
        for kind in ("spa", "native"):
            if typed := getattr(subject.entries, f"{kind}_client_id").strip():
                known.setdefault(kind, []).append(typed)
    return {name: tuple(found) for name, found in known.items()}


def _guarded(work: Work, steps: Callable[[Work], str]) -> None:
    """Whatever happens, the run says how far it came."""
    status, refused = "stopped", None
    try:
        status = steps(work)
    except TakenOver:
        return
    except StopAsked:
        pass
    except Refused as told:
        refused = told
        event = {"code": told.problem.code, "reason": told.reason, "detail": told.detail, "reference": work.reference}
        LOGGER.warning("set-up stopped", extra={"event": event})
    except Exception:
        work.progress.end("stopped", Refused(Problem.INTERNAL))
        raise
    if work.progress.end(status, refused) and not work.dry:
        happened = f"okta.set_up_{status}"
        with work.services.db.writing() as connection:
            _record(
                connection, work.services, work.organization_id, work.progress.run_id, happened, work.who,
                work.reference,
            )  # fmt: skip


def _run(what: str, work: Work) -> str:
    work.dry = what == "look"
    for step in steps_of(work.order, what):
        work.progress.begin(step)
        outcome, about = run_step(work, step)
        work.progress.finish(step, outcome, **about)
    return "done"


def _undo(gone: frozenset[str], work: Work) -> str:
    for step in undo_steps(work.progress.made):
        work.progress.begin(step)
        outcome, about = _undo_one(work, step, gone)
        work.progress.finish(step, outcome, **about)
    return "undone"


def _undo_one(work: Work, step: str, gone: frozenset[str]) -> Outcome:
    if step in ("token", "forget"):
        return run_step(work, step)
    return undo_form(work, gone) if step == "form" else undo_step(work, step)


def _made_apps(made: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The client ids that an undo deletes."""
    apps = [made.get(kind, {}) for kind in ("spa", "native")]
    return frozenset(str(app["id"]) for app in apps if app.get("did") == "created" and "id" in app)


def _record(
    connection: Any, services: Services, organization_id: int, run_id: int, happened: str, who: str, reference: str
) -> None:
    record_event(
        connection, organization_id, who=who, what=happened, now=services.now(),
        reference=reference, about={"run": run_id},
    )  # fmt: skip


def _wait_not(_seconds: float) -> None:
    raise Refused(Problem.OKTA_BUSY, "rate_limited")
