"""Running the live checks and keeping what they find, for the page, the command line and the watch alike.

One run at a time for each organization. No transaction is open while an Okta is asked. Knows no Flask.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Connection

from portal.check_changes import note_changes
from portal.connecting import surroundings
from portal.errors import Problem, Refused
from portal.okta.checks import Found, Report, run_checks
from portal.services import Services
from portal.store.check_runs import CheckRun, drop_run, find_run, finish_run, save_rows, start_run, stop_run
from portal.subjects import Subject

_log = logging.getLogger("portal.checking")
_LONGEST = 1000  # characters of what was found, which may be Okta's own words
_PAUSE = 0.25  # seconds between two looks at somebody else's run
Note = Callable[[Connection, CheckRun], object]


def start_checks(services: Services, subject: Subject, *, who: str, seen_by_owner: bool = False) -> int:
    """Begins a run and answers its id at once; where one is under way, the id of that one.

    seen_by_owner -- `who` is an owner and will see the result, so that the watch need not mail about it.
    Raises Refused(UNAVAILABLE) when too much is under way in this process.
    """
    run_id, is_new = _begin(services, subject, who)
    if not is_new:
        return run_id
    note = partial(note_changes, services, subject.organization_id, seen_by=who) if seen_by_owner else None
    try:
        services.background.start(
            f"checks-{run_id}", lambda: _work(services, subject, run_id, note), owner=subject.organization_id
        )
    except Refused:
        with services.db.writing() as connection:
            drop_run(connection, subject.organization_id, run_id)
        raise
    return run_id


def run_checks_now(
    services: Services, subject: Subject, *, who: str, note: Note | None = None, patience: float = 45.0
) -> CheckRun:
    """A whole run, some ten seconds at most, after the one that may be under way.

    note     -- called with the finished run in the transaction that ends it.
    patience -- seconds to wait for the run under way. Raises Refused(CONFLICT) when it takes longer.
    """
    until = time.monotonic() + patience
    run_id, is_new = _begin(services, subject, who)
    while not is_new:
        if time.monotonic() >= until:
            raise Refused(Problem.CONFLICT, "checks_running")
        services.background.stopping.wait(_PAUSE)
        run_id, is_new = _begin(services, subject, who)
    return _run(services, subject, run_id, note)


def _begin(services: Services, subject: Subject, who: str) -> tuple[int, bool]:
    with services.db.writing() as connection:
        return start_run(
            connection, subject.organization_id, subject=subject.name, fingerprint=subject.fingerprint, who=who,
            now=services.now(),
        )  # fmt: skip


def _work(services: Services, subject: Subject, run_id: int, note: Note | None) -> None:
    _run(services, subject, run_id, note)


def _run(services: Services, subject: Subject, run_id: int, note: Note | None) -> CheckRun:
    rows = _Rows(services, subject.organization_id, run_id)
    try:
        report = run_checks(
            services.door,
            subject.entries,
            surroundings(services),
            sign_in=subject.sign_in,
            origin=services.settings.base_url,
            sign_out_uris=sign_out_uris(services),
            report=rows.add,
        )
        return rows.finish(report, note)
    except Exception:
        with services.db.writing() as connection:
            stop_run(connection, subject.organization_id, run_id)
        raise


def sign_out_uris(services: Services) -> dict[str, str]:
    """Where Okta is to send people back after signing out, by kind of app."""
    return {"spa": services.settings.base_url, "native": f"{services.settings.native_scheme}:/logout"}


class _Rows:
    """The rows of one run as they become known, from several threads, written down by one at a time."""

    def __init__(self, services: Services, organization_id: int, run_id: int) -> None:
        self._services, self._organization_id, self._run_id = services, organization_id, run_id
        self._rows: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def add(self, found: Found) -> None:
        """A row is known. A database that is away costs the sight of it until the next one, not the run."""
        with self._lock:
            self._keep([found])
            try:
                with self._services.db.writing() as connection:
                    self._save(connection)
            except Refused as refused:
                _log.warning("a row of run %s was not written yet: %s", self._run_id, refused.reason)

    def finish(self, report: Report, note: Note | None) -> CheckRun:
        """All rows, in the report's order, and what follows from them, in one transaction."""
        self._keep(report.rows)
        self._rows = {found.step: self._rows[found.step] for found in report.rows}
        ours = self._organization_id, self._run_id
        with self._services.db.writing() as connection:
            self._save(connection)
            now, host, server = self._services.now(), report.okta_host, report.server_id
            finish_run(connection, *ours, okta_host=host, server_id=server, now=now)
            run = find_run(connection, *ours)
            if run is None:
                raise Refused(Problem.CONFLICT, "checks_forgotten", "20 newer runs meanwhile")
            if note is not None:
                note(connection, run)
        return run

    def _keep(self, found: Iterable[Found]) -> None:
        now = self._services.now()
        for each in found:
            known = self._rows.get(each.step, {"at": now})
            cut = {name: str(value)[:_LONGEST] for name, value in asdict(each).items()}
            self._rows[each.step] = {**cut, "at": known["at"]}

    def _save(self, connection: Connection) -> None:
        rows = list(self._rows.values())
        save_rows(connection, self._organization_id, self._run_id, rows, now=self._services.now())
