"""The step of a one-click set-up that fills in the form, as the owner would.

What people log in with is only ever added to: it goes live at once where nothing is live yet, or where everybody would
log in just as before. Anything else is a draft, which an owner switches on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from portal import connecting
from portal.errors import Problem
from portal.okta import set_up_plan as plan
from portal.okta.connect import Entries, EntriesRefused
from portal.set_up_work import Work
from portal.store.drafts import find_draft
from portal.store.integrations import Integration, find_integration
from portal.subjects import Subject, SubjectName, entries_of, find_subject, fingerprint

_TRIES, _PAUSE = 3, 2.0  # An app that has just been created is not known to every server of an Okta at once.


def server_in_use(work: Work) -> str:
    """The authorization server that people log in with; "" where none of this Okta is in use.

    Another one would be another issuer, and everybody's account would have to be linked anew (decision 0004).
    """
    with work.services.db.reading() as connection:
        return _server_of(work, find_integration(connection, work.organization_id))


def fill_in(work: Work) -> tuple[str, dict[str, Any]]:
    """("there" | "connected" | "to_switch_on" | "draft", with the problems of the last).

    Raises Refused(CONFLICT) when somebody has saved other settings in this very moment.
    """
    with work.services.db.reading() as connection:
        live = find_integration(connection, work.organization_id)
        known: SubjectName | None = "live" if _server_of(work, live) else None
        before = find_subject(connection, work.organization_id, known)
    entries, sign_in = _entries(work, before, live), work.order.sign_in
    if live is not None and fingerprint(entries, sign_in) == fingerprint(entries_of(live), live.sign_in):
        return "there", {}
    may_go_live = live is None or _only_adds(work, live, entries, sign_in)
    for attempt in range(_TRIES):
        problems = _save(work, live, entries) if may_go_live else _keep(work, live, entries)
        if Problem.CLIENT_UNKNOWN.code not in problems.values() or attempt == _TRIES - 1:
            break
        work.progress.wait(_PAUSE)
    if problems:
        return "draft", {"problems": problems}
    return ("connected" if may_go_live else "to_switch_on"), {}


def _save(work: Work, live: Integration | None, entries: Entries) -> dict[str, str]:
    """What keeps it from being live, by field; what can be read is a draft then."""
    try:
        connecting.save_okta(work.services, work.organization_id, entries, **_by(work, live))
    except EntriesRefused as refused:
        return _codes(refused)
    return {}


def _keep(work: Work, live: Integration | None, entries: Entries) -> dict[str, str]:
    """What would keep the draft from going live, by field."""
    try:
        connecting.keep_okta(work.services, work.organization_id, entries, **_by(work, live))
    except EntriesRefused as refused:
        return _codes(refused)
    with work.services.db.reading() as connection:
        draft = find_draft(connection, work.organization_id)
    return dict(draft.problems) if draft else {}


def _by(work: Work, live: Integration | None) -> dict[str, Any]:
    return {"sign_in": work.order.sign_in, "who": work.who, "reference": work.reference,
            "expected_version": live.version if live else 0}  # fmt: skip


def _codes(refused: EntriesRefused) -> dict[str, str]:
    return {name: each.problem.code for name, each in refused.problems.items()}


def _only_adds(work: Work, live: Integration, entries: Entries, sign_in: str) -> bool:
    """Whether those who log in now do so just as before: by the same apps of the same server, in the same place."""
    before = entries_of(live)
    new = {f"{kind}_{name}": "" for kind in plan.KINDS if kind not in live.apps for name in ("client_id", "domain")}
    if _server_of(work, live) == work.server:
        new["authorization_server"] = before.authorization_server
    return fingerprint(replace(entries, **new), sign_in) == fingerprint(before, live.sign_in)


def _server_of(work: Work, live: Integration | None) -> str:
    if live is None or not f"{live.spa.issuer}/".startswith(f"{work.account.base}/"):
        return ""
    return live.spa.issuer.partition("/oauth2/")[2] or "org"


def _entries(work: Work, before: Subject | None, live: Integration | None) -> Entries:
    """The form with the apps of this run; what it is not about stays as it was."""
    filled = {"spa_client_id": "", "spa_domain": ""}
    server = work.server
    if before is not None:
        names = ("spa_client_id", "spa_domain", "native_client_id", "native_domain")
        filled = {name: getattr(before.entries, name) for name in names}
        in_use = work.order.authorization_server == "auto" and _server_of(work, live) == server
        if before.name == "live" and in_use:
            server = before.entries.authorization_server
    for kind, app in work.apps.items():
        filled |= {f"{kind}_client_id": str(app["id"]), f"{kind}_domain": work.domain}
    return Entries(**filled, authorization_server=server)
