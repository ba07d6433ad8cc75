"""The command line of the contract: `flask --app wsgi ...`. Each command prints one line of JSON with `--json`.

Exit codes: 0 done, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from portal.activity_keeping import keep_activity
from portal.check_command import check_okta, table
from portal.connecting import save_okta
from portal.current import services
from portal.deleting import delete_okta, restore_okta
from portal.domain_proofs import check_open_claims
from portal.errors import Refused
from portal.finishing_deletions import finish_deletions, wait_for_deletions
from portal.giving_back import end_run_out_sessions, finish_giving_back
from portal.giving_back import keep_up as keep_giving_back
from portal.mail import finish_sending, keep_up
from portal.okta.connect import Entries, EntriesRefused
from portal.okta_only import revert_overdue, switch_off
from portal.password_changes import invite, store_and_tell
from portal.passwords import check_password, hash_password
from portal.store.activity import list_events, record_event
from portal.store.invitations import remove_old_invitations
from portal.store.members import ROLES, add_member, find_user
from portal.store.native_attempts import remove_old_attempts
from portal.store.organizations import create_organization, load_organization
from portal.store.password_links import hold_account, remove_old_links
from portal.store.phone_sessions import remove_used_tokens
from portal.store.proofs import KEEP_SECONDS, remove_proofs
from portal.store.sessions import remove_expired
from portal.subjects import SubjectName
from portal.watching import watch

COMMAND_LINE = "command line"
database = AppGroup("db", help="The database.")
organization = AppGroup("organization", help="Organizations.")
member = AppGroup("member", help="People.")
okta = AppGroup("okta", help="An organization's connection to Okta.")


def init_app(app: Flask) -> None:
    """Adds the commands to `flask`."""
    for command in (database, organization, member, okta, activity, maintenance, demo):
        app.cli.add_command(command)


def answering(command: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Prints what `command` returns, for people or with `--json` for programs, and turns refusals into exit 1."""

    @click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
    @wraps(command)
    def run(*args: Any, as_json: bool, **kwargs: Any) -> None:
        try:
            result, code = command(*args, **kwargs), 0
        except (Refused, EntriesRefused, ValueError) as refused:
            result, code = _explain(refused), 1
        _print(result, as_json, failed=code > 0)
        sys.exit(code)

    return run


@database.command("upgrade")
@answering
def upgrade() -> dict[str, Any]:
    """Brings the schema up to date; safe on every start."""
    # Imported here, since the serving processes load these commands too and have no use for Alembic's 12 MB.
    from portal.store.upgrade import upgrade_database

    upgrade_database(services().settings.database_url)
    return {"done": "the database is up to date"}


@organization.command("create")
@click.argument("slug")
@click.option("--name", required=True)
@click.option("--domain", "domain_names", multiple=True, help="An e-mail domain; counts as verified.")
@answering
def create(slug: str, name: str, domain_names: tuple[str, ...]) -> dict[str, Any]:
    """An organization."""
    with services().db.writing() as connection:
        made = create_organization(connection, slug, name=name, domain_names=domain_names, now=services().now())
        _record(connection, made.id, "organization.created")
    return {"organization": made.slug, "name": made.name, "domains": list(domain_names)}


@member.command("add")
@click.argument("slug")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--name", default="", help="The person's name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@answering
def add(slug: str, email: str, role: str, name: str, password_stdin: bool) -> dict[str, Any]:
    """A member; without a password they are mailed a link to set one, which is also printed."""
    password_hash = None
    with services().db.reading() as connection:
        known = find_user(connection, email)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
        password_hash = hash_password(password)
        if known and known.password_hash and check_password(known.password_hash, password):
            password_hash = None  # It is that one already.
    with services().db.writing() as connection:
        found = load_organization(connection, slug)
        user_id = add_member(
            connection, found.id, email, role=role, name=name, now=services().now(),
            password_hash=None if known else password_hash,
        )  # fmt: skip
        if known and password_hash:
            account = hold_account(connection, user_id, alone=True)
            store_and_tell(services(), connection, account, password_hash, reference="")
        _record(connection, found.id, "member.added", {"email": email, "role": role})
        link = invite(services(), connection, found.id, user_id, found.name)
    finish_giving_back(services())
    finish_sending(services())
    return {"organization": slug, "email": email, "role": role} | ({"link": link} if link else {})


@okta.command("save")
@click.argument("slug")
@click.option("--spa-client-id", required=True)
@click.option("--spa-domain", required=True)
@click.option("--native-client-id", default="")
@click.option("--native-domain", default="")
@click.option("--authorization-server", default="auto", help="auto, org, default or an id.")
@click.option("--sign-in", type=click.Choice(["redirect", "embedded"]), default="redirect")
@click.option("--no-check", is_flag=True, help="Save without asking that Okta.")
@answering
def save(slug: str, sign_in: str, no_check: bool, **entries: str) -> dict[str, Any]:
    """What the Save button does."""
    with services().db.reading() as connection:
        found = load_organization(connection, slug)
    saved = save_okta(
        services(), found.id, Entries(**entries), sign_in=sign_in, who=COMMAND_LINE, reference="", check=not no_check
    )
    finish_giving_back(services())
    apps = {kind: {"client_id": app.client_id, "issuer": app.issuer} for kind, app in saved.apps.items()}
    return {"organization": slug, "saved": True, "version": saved.version, "apps": apps}


@okta.command("check")
@click.argument("slug")
@click.option("--subject", type=click.Choice(["draft", "live"]), help="Which settings; the draft where there is one.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def check(slug: str, subject: SubjectName | None, as_json: bool) -> None:
    """The live checks, one row for each step of the guide. Exit 0 when nothing is wrong."""
    try:
        found = check_okta(services(), slug, subject, who=COMMAND_LINE)
    except Refused as refused:
        _print(_explain(refused), as_json, failed=True)
        sys.exit(1)
    click.echo(json.dumps(found) if as_json else table(found))
    sys.exit(1 if found["wrong"] else 0)


@okta.command("delete")
@click.argument("slug")
@answering
def delete(slug: str) -> dict[str, Any]:
    """Delete Integration."""
    with services().db.reading() as connection:
        found = load_organization(connection, slug)
    delete_okta(services(), found.id, who=COMMAND_LINE, reference="")
    wait_for_deletions(services())
    finish_sending(services())
    finish_giving_back(services())
    return {"organization": slug, "deleted": True}


@okta.command("restore")
@click.argument("slug")
@answering
def restore(slug: str) -> dict[str, Any]:
    """Undo Delete Integration."""
    with services().db.reading() as connection:
        found = load_organization(connection, slug)
    restored = restore_okta(services(), found.id, who=COMMAND_LINE, reference="")
    return {"organization": slug, "restored": True, "version": restored.version}


@okta.command("only")
@click.argument("slug")
@click.option("--off", is_flag=True, required=True, help="Passwords work again, and recovery codes do not any more.")
@answering
def only(slug: str, off: bool) -> dict[str, Any]:
    """Switch "Okta only" off, for owners who cannot get in; switching it on takes an owner and a test login."""
    with services().db.reading() as connection:
        found = load_organization(connection, slug)
    was_on = switch_off(services(), found.id, who=COMMAND_LINE, reference="")
    return {"organization": slug, "okta_only": False, "was_on": was_on}


@click.command("activity")
@click.argument("slug")
@click.option("--limit", default=50, type=click.IntRange(1, 1000))
@with_appcontext
@answering
def activity(slug: str, limit: int) -> dict[str, Any]:
    """What happened, newest first."""
    with services().db.reading() as connection:
        events = list_events(connection, load_organization(connection, slug).id, limit=limit)
    rows = [
        {
            "at": datetime.fromtimestamp(event.at, UTC).isoformat(),
            "who": event.who,
            "what": event.what,
            "about": event.about,
            "reference": event.reference,
        }
        for event in events
    ]
    return {"organization": slug, "activity": rows}


@click.command("maintenance")
@with_appcontext
@answering
def maintenance() -> dict[str, Any]:
    """Removes what has expired, and checks again what is due; for a timer."""
    now, seconds = services().now(), services().settings.attempt_seconds
    # Before they are forgotten: what they hold of Okta's is given back.
    finish_deletions(services())
    end_run_out_sessions(services())
    with services().db.writing() as connection:
        ended, claims = remove_expired(connection, now=now, attempt_seconds=seconds)
        removed = {
            "sessions": ended,
            "claimed_attempts": claims,
            "native_attempts": remove_old_attempts(connection, before=now - 2 * seconds),
            "refresh_tokens": remove_used_tokens(connection, now=now),
            "dpop_proofs": remove_proofs(connection, before=now - KEEP_SECONDS),
            "password_links": remove_old_links(connection, now=now),
        }
    removed["activity"] = keep_activity(services(), now)
    _verified, removed["domain_claims"] = check_open_claims(services())
    with services().db.writing() as connection:
        removed["invitations"] = remove_old_invitations(connection, now=now)
    removed["okta_only"] = revert_overdue(services(), now)
    for name, remove in current_app.extensions.get("maintenance", {}).items():
        removed[name] = remove(now)
    removed["tokens_given_up"] = keep_giving_back(services())
    watched = watch(services())
    # The last, since what came before may have written mails.
    sent, removed["mails"] = keep_up(services())
    return {"removed": removed, "watched": watched, "mails_sent": sent}


@click.command("demo")
@click.option("--sandbox-port", default=9100, type=int, envvar="SANDBOX_PORT")
@with_appcontext
def demo(sandbox_port: int) -> None:
    """A sandbox Okta and a portal connected to it."""
    from portal.demo import run_demo

    run_demo(services(), current_app.root_path, sandbox_port)


def _record(connection: Any, organization_id: int, what: str, about: dict[str, Any] | None = None) -> None:
    record_event(
        connection, organization_id, who=COMMAND_LINE, what=what, now=services().now(), reference="", about=about
    )


def _explain(refused: Exception) -> dict[str, Any]:
    if isinstance(refused, Refused):
        return {"refused": refused.problem.code, "reason": refused.reason, "advice": refused.problem.advice}
    if isinstance(refused, EntriesRefused):
        problems = {
            field: {"code": each.problem.code, "reason": each.reason, "advice": each.problem.advice}
            for field, each in refused.problems.items()
        }
        return {"refused": "entries", "problems": problems}
    return {"refused": "invalid", "advice": str(refused)}


def _print(result: dict[str, Any], as_json: bool, *, failed: bool) -> None:
    if as_json:
        click.echo(json.dumps(result))
        return
    for line in _lines(result):
        click.echo(line, err=failed)


def _lines(value: Any, indent: str = "") -> list[str]:
    if isinstance(value, dict):
        lines = []
        for name, item in value.items():
            nested = isinstance(item, (dict, list)) and item
            lines += [f"{indent}{name}:", *_lines(item, indent + "  ")] if nested else [f"{indent}{name}: {item}"]
        return lines
    if isinstance(value, list):
        return [line for item in value for line in [*_lines(item, indent), ""]][:-1] if value else []
    return [f"{indent}{value}"]
