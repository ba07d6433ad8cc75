"""A sandbox that is set up right, a door to it, and one run of the checks: what the tests of the checks stand on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from okta_sandbox import Sandbox, Server
from portal.okta.checks import CAUSES, Found, Report, run_checks
from portal.okta.connect import Entries, Surroundings
from portal.okta.http import Door
from portal.okta.steps import STEPS

PORTAL = "http://localhost:5000"
REDIRECT_URIS = {"spa": f"{PORTAL}/login/callback", "native": "org.pointapp.point:/login"}
SIGN_OUT_URIS = {"spa": PORTAL, "native": "org.pointapp.point:/logout"}
ALL = tuple(step.id for step in STEPS)
ONLY_A_LOGIN = {"spa.sign_out_uri", "spa.assignments", "native.sign_out_uri", "native.assignments"}
GOOD = {step: "login" if step in ONLY_A_LOGIN else "right" for step in ALL}


def resolve(host: str, *more: Any, **named: Any) -> Any:
    """Only this machine has a name; everything else does not exist."""
    if host in ("localhost", "127.0.0.1", "::1"):
        return socket.getaddrinfo(host, *more, **named)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@dataclass
class Stand:
    """sandbox -- served at `url`.   clients -- the ids of its apps.
    entries -- what the owner has entered that is not as it should be.
    told -- the rows of the last run, as they became known.   servers -- others, to be closed in the end.
    """

    sandbox: Sandbox
    url: str
    door: Door
    clients: dict[str, str]
    entries: dict[str, str] = field(default_factory=dict)
    told: list[Found] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)

    def check(self, sign_in: str = "embedded", server: str = "default", **more: Any) -> Report:
        """One run. Holds every row to what is promised of all of them."""
        entered = {
            **{f"{kind}_client_id": client_id for kind, client_id in self.clients.items()},
            "spa_domain": self.url, "native_domain": self.url,
            "authorization_server": server, **self.entries,
        }  # fmt: skip
        self.told.clear()
        report = run_checks(
            self.door, Entries(**entered), Surroundings(REDIRECT_URIS, loopback=True), sign_in=sign_in, origin=PORTAL,
            sign_out_uris=SIGN_OUT_URIS, report=self.told.append, **more,
        )  # fmt: skip
        assert_promises(report, self.told)
        return report


def assert_promises(report: Report, told: list[Found]) -> None:
    """Every applicable step once, in order, each told once; causes that are known; found in words that may be shown."""
    steps = [row.step for row in report.rows]
    assert steps == [step for step in ALL if step in steps]
    assert sorted(told, key=lambda row: ALL.index(row.step)) == list(report.rows)
    for row in report.rows:
        assert (row.cause == "") == (row.verdict in ("right", "login"))
        assert row.cause == "" or row.cause in CAUSES
        assert len(row.found) <= 200
        assert row.found.isprintable()
        assert not any(mark in row.found for mark in "<>\"'&")


def verdicts(report: Report) -> dict[str, str]:
    return {row.step: row.verdict for row in report.rows}


def reds(report: Report) -> dict[str, str]:
    """The wrong rows and their causes."""
    return {row.step: row.cause for row in report.rows if row.verdict == "wrong"}


def row_of(report: Report, step: str) -> Found:
    return next(row for row in report.rows if row.step == step)


@contextmanager
def standing() -> Iterator[Stand]:
    sandbox = Sandbox(PORTAL)
    door = Door(loopback=True, resolve=resolve)
    with sandbox.serve() as server:
        stand = Stand(sandbox, server.url, door, {kind: sandbox.client_id(kind) for kind in REDIRECT_URIS})
        yield stand
        for other in stand.servers:
            other.close()
    door.close()
