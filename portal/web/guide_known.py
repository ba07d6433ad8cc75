"""What is known of an organization's set-up: what is entered, ticked off and found out, and where its Okta is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.okta.domain import read_pasted
from portal.services import Services
from portal.settings import Settings
from portal.store.check_runs import CheckRun, find_latest_run
from portal.store.guide import Tick, list_ticks
from portal.subjects import Subject, find_subject
from portal.web.check_rows import ShownRow, show_run


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one organization's set-up. host -- where its Admin Console is looked for, "" when unknown."""

    ticks: Mapping[str, Tick]
    subject: Subject | None
    checks: Mapping[str, ShownRow]
    checking: bool
    host: str
    server_id: str
    typed: str
    typed_counts: bool

    @property
    def query(self) -> str:
        """What the guide's own links carry along: the domain that was typed for them, where it counts."""
        return f"?domain={quote(self.host, safe='')}" if self.typed_counts else ""

    def client_id(self, app: str | None) -> str:
        """As entered; it is looked at again before it becomes part of a link."""
        return str(getattr(self.subject.entries, f"{app}_client_id")).strip() if self.subject and app else ""


def find_known(connection: Connection, services: Services, organization_id: int, *, typed: str = "") -> Known:
    """Reads all of it. typed -- a domain for this view only, where none has been entered yet."""
    subject = find_subject(connection, organization_id)
    run = _find_run(connection, subject)
    loopback = services.settings.loopback_okta
    entered = (run.okta_host if run else "") or _host_of(subject, loopback=loopback)
    host = entered or _host(typed, loopback=loopback)
    return Known(
        ticks=list_ticks(connection, organization_id),
        subject=subject,
        checks=_read_run(run, subject, services.now()),
        checking=run is not None and run.is_running(services.now()),
        host=host,
        server_id=(run.server_id if run else "") or _server_of(subject),
        typed=typed,
        typed_counts=bool(host and not entered),
    )


def typed_problem(known: Known, settings: Settings) -> Problem | None:
    """Why the domain that was typed leads nowhere; None when it does, or when there is none."""
    if known.host or not known.typed:
        return None
    try:
        read_pasted(known.typed, loopback=settings.loopback_okta)
    except Refused as refused:
        return refused.problem
    return Problem.DOMAIN_NOT_OKTA


def _find_run(connection: Connection, subject: Subject | None) -> CheckRun | None:
    """The newest run of these very settings; what was found with others says nothing about them."""
    if subject is None:
        return None
    run = find_latest_run(
        connection, subject.organization_id, subject=subject.name, fingerprint=subject.fingerprint
    )
    return run if run is not None and run.fingerprint == subject.fingerprint else None


def _read_run(run: CheckRun | None, subject: Subject | None, now: int) -> dict[str, ShownRow]:
    if run is None or subject is None:
        return {}
    return {row.step: row for _title, rows in show_run(run, subject, now=now).groups for row in rows}


def _host_of(subject: Subject | None, *, loopback: bool) -> str:
    if subject is None:
        return ""
    proved = [app.domain for app in subject.apps.values()]
    typed = [subject.entries.spa_domain, subject.entries.native_domain]
    return next(filter(None, (_host(each, loopback=loopback) for each in proved + typed)), "")


def _host(text: str, *, loopback: bool) -> str:
    """The Okta-run host that `text` names; "" for anything else, a custom domain too: its console is elsewhere."""
    try:
        domain = read_pasted(text, loopback=loopback).domain
    except Refused:
        return ""
    return str(domain) if domain.is_okta_run else ""


def _server_of(subject: Subject | None) -> str:
    if subject is None:
        return ""
    named = [app.issuer.partition("/oauth2/")[2] for app in subject.apps.values()]
    return next(filter(None, named), "") or subject.entries.authorization_server
