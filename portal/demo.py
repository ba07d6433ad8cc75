"""`make demo`: a sandbox Okta, a portal connected to it, and the cast to log in as. Ctrl-C stops all of it.

Runs the real commands and the real server in processes of their own; nothing here is used in production.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import requests

from portal.connecting import save_okta
from portal.errors import Problem, Refused
from portal.okta.connect import Entries
from portal.passwords import hash_password
from portal.services import Services
from portal.store.integrations import find_integration
from portal.store.members import add_member
from portal.store.organizations import Organization, create_organization, find_organization
from portal.store.upgrade import upgrade_database

TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's own default, on loopback
OWNER_PASSWORD = "demo-owner-password"  # noqa: S105 - the demo's cast, printed on every start
_CAST = (
    ("acme", "Acme Volunteers", "acme.example", "olivia@acme.example", "Olivia Owner"),
    ("globex", "Globex", "globex.example", "gus@globex.example", "Gus Owner"),
)


def run_demo(services: Services, root_path: str, sandbox_port: int) -> None:
    """Runs until Ctrl-C. Raises click.UsageError outside `make demo`, click.ClickException when a server stops."""
    if not services.settings.demo:
        raise click.UsageError("the demo needs POINT_DEMO=1; `make demo` sets it")
    signal.signal(signal.SIGTERM, _interrupt)
    root = Path(root_path)
    okta = f"http://localhost:{sandbox_port}"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_start_sandbox(root, services, sandbox_port))
        upgrade_database(services.settings.database_url)
        _wait(f"{okta}/.well-known/okta-organization", processes)
        _prepare(services, okta)
        processes.append(_start_portal(root, services))
        _wait(f"{services.settings.base_url}/healthz", processes)
        _introduce(services, okta)
        while all(process.poll() is None for process in processes):
            time.sleep(0.3)
        raise click.ClickException("one of the servers has stopped")
    except KeyboardInterrupt:
        click.echo("\nStopping the demo.")
    finally:
        _stop(processes)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _start_sandbox(root: Path, services: Services, port: int) -> subprocess.Popen[bytes]:
    state = services.settings.instance / "sandbox.json"
    command = [sys.executable, "-m", "okta_sandbox", "--port", str(port), "--host", "127.0.0.1", "--token", TOKEN]
    command += ["--state", str(state), "--portal", services.settings.base_url]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603


def _start_portal(root: Path, services: Services) -> subprocess.Popen[bytes]:
    port = services.settings.base_url.rpartition(":")[2]
    environ = {**os.environ, "PORT": port, "HOST": "127.0.0.1", "POINT_LOG_LEVEL": "info"}
    command = ["make", "-s", "serve", f"PORT={port}", "HOST=127.0.0.1", "WORKERS=1"]
    log = (services.settings.instance / "portal.log").open("ab")
    return subprocess.Popen(command, cwd=root, env=environ, stderr=log, stdout=log, start_new_session=True)  # noqa: S603


def _wait(url: str, processes: list[subprocess.Popen[bytes]]) -> None:
    for _ in range(300):
        if any(process.poll() is not None for process in processes):
            raise click.ClickException("a server could not start; is its port taken? PORT and SANDBOX_PORT move them")
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise click.ClickException(f"{url} does not answer")


def _prepare(services: Services, okta: str) -> None:
    """The cast and Acme's connection, unless they are there from the last start."""
    for slug, name, domain, owner, owner_name in _CAST:
        with services.db.writing() as connection:
            if find_organization(connection, slug) is None:
                made = create_organization(connection, slug, name=name, domain_names=[domain], now=services.now())
                secret = hash_password(OWNER_PASSWORD)
                add_member(
                    connection, made.id, owner, role="owner", name=owner_name, now=services.now(), password_hash=secret
                )
    with services.db.reading() as connection:
        acme = find_organization(connection, "acme")
        assert acme is not None
        connected = find_integration(connection, acme.id) is not None
    if not connected:
        _connect(services, acme, okta)


def _connect(services: Services, acme: Organization, okta: str) -> None:
    headers = {"Authorization": f"SSWS {TOKEN}"}
    answer = requests.get(f"{okta}/api/v1/apps", headers=headers, timeout=5)
    answer.raise_for_status()
    ids = {app["settings"]["oauthClient"]["application_type"]: app["id"] for app in answer.json()}
    if not {"browser", "native"} <= ids.keys():
        raise Refused(Problem.CLIENT_UNKNOWN, "sandbox_without_apps")
    entries = Entries(ids["browser"], okta, ids["native"], okta)
    save_okta(services, acme.id, entries, sign_in="redirect", who="demo", reference="")


def _introduce(services: Services, okta: str) -> None:
    base = services.settings.base_url
    click.echo(
        f"""
  POINT         {base}
  Acme's login  {base}/login/acme
  Okta sandbox  {okta}/sandbox

  Log in with Okta as   olivia@acme.example (owner), alice@acme.example (volunteer)
                        ben@acme.example (is not assigned to POINT)
                        password: demo-okta-password
  Log in with password  olivia@acme.example, gus@globex.example (has not connected Okta)
                        password: {OWNER_PASSWORD}

  The portal's log is in {services.settings.instance / "portal.log"}.
  Ctrl-C stops everything. What you change is kept for the next start."""
    )
    sys.stdout.flush()


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
