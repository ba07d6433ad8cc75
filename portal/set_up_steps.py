"""The steps of a one-click set-up, in order. Each looks at what is there, adds what is missing, and may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal import checking
from portal.errors import Problem, Refused
from portal.okta import set_up_plan as plan
from portal.okta.management import Json, fetch_list, fetch_me, find, put, revoke_token
from portal.okta.set_up_plan import Kind
from portal.set_up_form import fill_in, server_in_use
from portal.set_up_work import APPS, ORIGINS, SERVERS, Order, Work, at, ensure, find_app, find_everyone
from portal.subjects import find_subject

Outcome = tuple[str, dict[str, Any]]


def steps_of(order: Order, what: str) -> list[str]:
    """The names of the steps for what is wanted; looking ends where nothing more can be looked at."""
    apps = [step for kind in order.kinds for step in (kind, f"{kind}_everyone")]
    looking = ["token", *apps, "trusted_origin", "access_policy", "access_rule"]
    return looking if what == "look" else [*looking, "form", "checks", "forget"]


def run_step(work: Work, step: str) -> Outcome:
    """(what became of it, what else the page tells about it). Raises Refused."""
    kind: Kind = "native" if step.startswith("native") else "spa"
    if step in plan.KINDS:
        return _app(work, kind)
    if step.endswith("_everyone"):
        return _everyone(work, kind)
    return _STEPS[step](work)


def _token(work: Work) -> Outcome:
    return "done", {"login": fetch_me(work.account), **({"classic": True} if work.is_classic else {})}


def _app(work: Work, kind: Kind) -> Outcome:
    found = find_app(work, kind)
    wanted = plan.app_body(kind, work.addresses)
    outcome, app = ensure(work, kind, APPS, wanted, plan.APP_LISTS, found, query="?activate=true")
    if app is None:
        return outcome, {}
    work.apps[kind] = app
    left = {} if plan.INTERACTION_CODE in plan.grants_of(app) or work.dry else {"left": plan.INTERACTION_CODE}
    return outcome, {"client_id": app["id"], "label": str(app.get("label", ""))[:100], **left}


def _everyone(work: Work, kind: Kind) -> Outcome:
    app, key = work.apps.get(kind), f"{kind}_everyone"
    if app is None:
        return "to_create", {}
    path = at(f"{at(APPS, app['id'])}/groups", find_everyone(work))
    before = work.progress.made.get(key)
    if app.get("settings", {}).get("implicitAssignment") or find(work.account, path) is not None:
        return "created" if before else "there", {}
    if work.dry:
        return "to_create", {}
    work.progress.note(key, {"did": "created", "path": path})
    put(work.account, path)
    return "created", {}


def _trusted_origin(work: Work) -> Outcome:
    found = plan.pick_origin(fetch_list(work.account, f"{ORIGINS}?limit=100"), work.addresses)
    outcome, _ = ensure(
        work, "trusted_origin", ORIGINS, plan.origin_body(work.addresses), plan.ORIGIN_LISTS, found
    )
    return outcome, {"origin": work.addresses.origin}


def _access_policy(work: Work) -> Outcome:
    """Leaves everything as it is where some policy lets our apps in already; a policy of our own otherwise."""
    work.server = _choose_server(work)
    if work.server == "org":
        return "not_needed", {"server": "org"}
    shelf = f"{at(SERVERS, work.server)}/policies"
    policies = fetch_list(work.account, shelf)
    # Where only looking is allowed, an app may not be there yet.
    clients = [str(work.apps[kind]["id"]) if kind in work.apps else f"({kind})" for kind in work.order.kinds]
    work.fits = _let_in(work, shelf, policies, clients)
    ours = plan.pick_named(policies, next(iter(work.ids_of("access_policy")), ""))
    if work.fits and not _is_unfinished(work, ours):
        return "there", {"server": work.server}
    outcome, work.policy = ensure(work, "access_policy", shelf, plan.policy_body(clients), plan.POLICY_LISTS, ours)
    return outcome, {"server": work.server}


def _is_unfinished(work: Work, ours: Json | None) -> bool:
    """Whether this run made the policy before it was interrupted, which it has to remember."""
    return ours is not None and work.progress.made.get("access_policy", {}).get("did") in ("created", "changed")


def _let_in(work: Work, shelf: str, policies: list[Json], clients: list[str]) -> bool:
    """Whether each of our apps has a policy with a rule that lets everybody in."""
    everyone, waiting = find_everyone(work), set(clients)
    for policy in policies:
        covered = {client for client in waiting if plan.covers(policy, client)}
        if not covered:
            continue
        rules = fetch_list(work.account, f"{at(shelf, policy['id'])}/rules")
        flow = work.interaction_code
        if any(plan.lets_through(rule, everyone_id=everyone, interaction_code=flow) for rule in rules):
            waiting -= covered
    return not waiting


def _choose_server(work: Work) -> str:
    """The authorization server to use: the chosen one; by itself the one in use, else `default` where there is one."""
    wanted = work.order.authorization_server
    chosen = wanted if wanted != "auto" else server_in_use(work) or "default"
    if chosen == "org":
        return "org"
    try:
        server = find(work.account, at(SERVERS, chosen))
    except Refused as refused:
        if refused.problem is not Problem.API_ACCESS_MANAGEMENT or wanted != "auto":
            raise
        return "org"
    if server is not None and server.get("status") == "ACTIVE":
        return chosen
    if wanted == "auto":
        return "org"
    raise Refused(Problem.AUTHORIZATION_SERVER_UNKNOWN, "set_up_server")


def _access_rule(work: Work) -> Outcome:
    if work.server == "org":
        return "not_needed", {"server": "org"}
    if work.policy is None:
        return ("there" if work.fits else "to_create"), {"server": work.server}
    shelf = f"{at(SERVERS, work.server)}/policies/{work.policy['id']}/rules"
    rules = fetch_list(work.account, shelf)
    ours = plan.pick_named(rules, next(iter(work.ids_of("access_rule")), ""))
    outcome, rule = ensure(work, "access_rule", shelf, plan.rule_body(), plan.RULE_LISTS, ours)
    known = rule is None or plan.INTERACTION_CODE in plan.grants_of(rule)
    return outcome, {"server": work.server, **({} if known else {"left": plan.INTERACTION_CODE})}


def _checks(work: Work) -> Outcome:
    with work.services.db.reading() as connection:
        subject = find_subject(connection, work.organization_id)
    if subject is None:
        return "skipped", {}
    try:
        checking.start_checks(work.services, subject, who=work.who, seen_by_owner=True)
    except Refused:
        return "skipped", {}
    return "started", {}


def _forget(work: Work) -> Outcome:
    """Nothing here keeps the token; at Okta it loses its power too, if the owner wants that and Okta does it."""
    if not work.order.revoke:
        return "kept", {}
    try:
        revoke_token(work.account)
    except Refused:
        return "not_revoked", {}
    return "revoked", {}


_STEPS: dict[str, Callable[[Work], Outcome]] = {
    "token": _token,
    "trusted_origin": _trusted_origin,
    "access_policy": _access_policy,
    "access_rule": _access_rule,
    "form": fill_in,
    "checks": _checks,
    "forget": _forget,
}
