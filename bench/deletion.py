"""Delete Integration for 10,000 people without a password, on SQLite: how long others have to wait for the write lock.

`python -m bench.deletion [--people N] [--sessions N]`. An owner presses the button while another process writes one row
over and over. Printed are how long the page took, until when everybody's mail was written down, and the longest waits;
and the longest transactions by the time of a processor, since a busy machine makes everybody wait.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import secrets
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import Connection, event, text

import native_bridge
from portal import create_app
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.passwords import hash_password
from portal.services import Services
from portal.settings import Settings
from portal.store.db import Database
from portal.store.members import add_member
from portal.store.organizations import create_organization
from portal.store.sessions import hash_id, open_session
from portal.store.upgrade import upgrade_database

PASSWORD = "a password for the benchmark"
OKTA = "http://localhost:9"  # Nobody answers there.
_FILL = (
    """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :people)
       INSERT INTO users (email, name, created_at) SELECT 'p' || i || '@big.example', 'Person ' || i, :now FROM n""",
    """INSERT INTO members (organization_id, user_id, role, created_at)
       SELECT :organization, id, 'volunteer', :now FROM users WHERE email LIKE 'p%@big.example'""",
    """INSERT INTO identities (user_id, organization_id, issuer, sub, email, created_at)
       SELECT id, :organization, :okta, 'sub' || id, email, :now FROM users WHERE email LIKE 'p%@big.example'""",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/portal.db"
        upgrade_database(url)
        settings = Settings(
            base_url="http://localhost:5000", database_url=url, instance=Path(folder), loopback_okta=True,
            secret_keys=("a key for the benchmark that is long enough 0123456789",), log_level="error",
        )  # fmt: skip
        app = create_app(settings)
        native_bridge.init_app(app)
        services = app.extensions["point"]
        _fill(services, asked.people, asked.sessions)
        _measure(app, services, url)
        services.close()


def _fill(services: Services, people: int, sessions: int) -> None:
    now = services.now()
    with services.db.writing() as connection:
        big = create_organization(connection, "big", name="Big", domain_names=["big.example"], now=now)
        hashed = hash_password(PASSWORD)
        add_member(connection, big.id, "owner@big.example", role="owner", now=now, password_hash=hashed)
    entries = Entries("0oaBenchmark00000001", OKTA, authorization_server="org")
    live = save_okta(
        services, big.id, entries, sign_in="redirect", who="the benchmark", reference="", check=False
    )
    values = {"organization": big.id, "okta": live.spa.issuer, "integration": live.id, "now": now}
    values |= {"people": people}
    with services.db.writing() as connection:
        for statement in _FILL:
            given = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), given)
        _log_in(services, connection, big.id, live.id, sessions)


def _log_in(services: Services, connection: Connection, organization_id: int, integration_id: int, number: int) -> None:
    """So many sessions by that Okta, with tokens that nobody can give back to it."""
    tokens = json.dumps({"id_token": "e" * 1500, "refresh_token": "r" * 60, "app": "spa"}).encode()
    for identity_id, user_id in connection.execute(text("SELECT id, user_id FROM identities")).all()[:number]:
        session_id = secrets.token_urlsafe(32)
        sealed = services.sealer.seal("tokens", tokens, hash_id(session_id))
        open_session(
            connection, organization_id, session_id=session_id, user_id=user_id, method="okta", now=services.now(),
            identity_id=identity_id, integration_id=integration_id, integration_version=1, sealed_tokens=sealed,
        )  # fmt: skip


def _measure(app, services: Services, url: str) -> None:  # type: ignore[no-untyped-def]
    client = app.test_client()
    client.post("/login", data={"email": "owner@big.example", "password": PASSWORD})
    here, there = multiprocessing.Pipe()
    spent: list[float] = []
    event.listen(services.db.engine, "begin", lambda _: setattr(_HERE, "began", time.thread_time()))
    event.listen(services.db.engine, "commit", lambda _: spent.append(time.thread_time() - _HERE.began))
    other = multiprocessing.get_context("spawn").Process(target=_write_on, args=(url, there))
    other.start()
    here.recv()
    began = time.perf_counter()
    assert client.post("/organizations/big/integrations/okta/delete").status_code == 303
    page = time.perf_counter() - began
    expected = _ask(services, "SELECT count(*) FROM members") - 1
    while _ask(services, "SELECT count(*) FROM mails") < expected:
        time.sleep(0.02)
    written = time.perf_counter() - began
    time.sleep(0.2)
    here.send("stop")
    waits = sorted(here.recv())
    other.join()
    print(f"the page {page * 1000:.0f} ms, all mails written down after {written * 1000:.0f} ms")
    longest = ", ".join(f"{wait * 1000:.0f}" for wait in reversed(waits[-5:]))
    hardest = ", ".join(f"{each * 1000:.0f}" for each in sorted(spent)[-1:-6:-1])
    print(f"{len(spent)} transactions; the longest took {hardest} ms of a processor")
    print(f"{len(waits)} writes by another process meanwhile; the longest waits: {longest} ms")


_HERE = threading.local()


def _write_on(url: str, pipe) -> None:  # type: ignore[no-untyped-def]
    os.nice(-5) if os.geteuid() == 0 else None
    database, waits = Database(url), []
    pipe.send("ready")
    while not pipe.poll():
        began = time.perf_counter()
        with database.writing() as connection:
            connection.execute(text("UPDATE organizations SET name = 'Big'"))
        waits.append(time.perf_counter() - began)
        time.sleep(0.005)
    pipe.send(waits)
    database.close()


def _ask(services: Services, question: str) -> int:
    with services.db.reading() as connection:
        return int(connection.execute(text(question)).scalar_one())


if __name__ == "__main__":
    main()
