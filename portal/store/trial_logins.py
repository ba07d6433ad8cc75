"""Logins that try an organization's Okta settings out: found by the hash of their link's key or of their state.

They lead to no account: nothing here is read when anybody logs in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, delete, insert, select, update

from portal.store.models import users
from portal.store.setup_tables import trial_logins

_T = trial_logins.c


@dataclass(frozen=True, slots=True)
class Trial:
    """One test login. Times in epoch seconds; `stages` is the JSON of `portal.trial_stages`.

    status  -- created (there is a link); started (somebody has gone to Okta); running (they came back); done.
    app     -- "spa" or "native". subject, fingerprint -- the settings that are tried.
    browser_hash -- the browser that asked for it; tested_hash -- the one in which somebody went to Okta.
    email   -- the address that Okta vouched for; None for somebody whom another organization answers for.
    """

    key_hash: bytes
    name: str
    organization_id: int
    subject: str
    app: str
    fingerprint: str
    created_by: str
    user_id: int | None
    browser_hash: bytes | None
    tested_hash: bytes | None
    status: str
    passed: bool | None
    email: str | None
    stages: str
    reference: str | None
    state_hash: bytes | None
    sign_out_hash: bytes | None
    sealed_attempt: bytes | None
    sealed_tokens: bytes | None
    created_at: int
    started_at: int | None
    claimed_at: int | None
    finished_at: int | None

    @property
    def sign_out_waits(self) -> bool:
        """Whether somebody may sign out at Okta, or has gone there and is not back."""
        return self.sealed_tokens is not None or self.sign_out_hash is not None


@dataclass(frozen=True, slots=True)
class PassedTrial:
    """A test login in which everything was right: for whom Okta vouched ("" for somebody of another organization), and
    when (epoch seconds)."""

    name: str
    app: str
    email: str
    finished_at: int


_SELECT = select(*(trial_logins.c[field.name] for field in fields(Trial)))


def add_trial(
    connection: Connection,
    organization_id: int,
    *,
    key_hash: bytes,
    name: str,
    subject: str,
    app: str,
    fingerprint: str,
    who: str,
    user_id: int | None,
    browser_hash: bytes | None,
    now: int,
) -> None:
    """A new one, which nobody has begun yet."""
    row = {
        "key_hash": key_hash,
        "name": name,
        "organization_id": organization_id,
        "subject": subject,
        "app": app,
        "fingerprint": fingerprint,
        "created_by": who,
        "user_id": user_id,
        "browser_hash": browser_hash,
        "status": "created",
        "stages": "[]",
        "created_at": now,
    }
    connection.execute(insert(trial_logins), row)


def find_trial(connection: Connection, key_hash: bytes) -> Trial | None:
    """The one whose link has a key with this hash."""
    return _first(connection, _T.key_hash == key_hash)


def find_trial_by_name(connection: Connection, organization_id: int, name: str) -> Trial | None:
    """One of this organization's."""
    return _first(connection, (_T.organization_id == organization_id) & (_T.name == name))


def find_trial_by_state(connection: Connection, state_hash: bytes) -> Trial | None:
    """The one that went to Okta with a state of this hash (`sessions.hash_id`)."""
    return _first(connection, _T.state_hash == state_hash)


def list_trials(connection: Connection, organization_id: int, *, limit: int = 20) -> list[Trial]:
    """This organization's, the newest first."""
    newest = _SELECT.where(_T.organization_id == organization_id).order_by(_T.created_at.desc(), _T.name).limit(limit)
    return [Trial(*row) for row in connection.execute(newest)]


def start_trial(
    connection: Connection,
    key_hash: bytes,
    *,
    state_hash: bytes,
    sealed_attempt: bytes,
    tested_hash: bytes,
    stages: str,
    now: int,
) -> bool:
    """Somebody goes to Okta, for the first time or once more; False when it has come back already."""
    open_ = (_T.key_hash == key_hash) & _T.status.in_(("created", "started"))
    values = {
        "status": "started",
        "state_hash": state_hash,
        "sealed_attempt": sealed_attempt,
        "stages": stages,
        "tested_hash": tested_hash,
        "started_at": now,
    }
    return connection.execute(update(trial_logins).where(open_).values(values)).rowcount == 1


def claim_trial(connection: Connection, key_hash: bytes, *, state_hash: bytes, now: int) -> bool:
    """True for the one return that may redeem its code, over all threads, workers and nodes."""
    mine = (_T.key_hash == key_hash) & (_T.state_hash == state_hash) & (_T.status == "started")
    values: dict[str, object] = {"status": "running", "sealed_attempt": None, "claimed_at": now}
    return connection.execute(update(trial_logins).where(mine).values(values)).rowcount == 1


def save_stages(connection: Connection, key_hash: bytes, stages: str) -> None:
    """What is known so far."""
    connection.execute(update(trial_logins).where(_T.key_hash == key_hash).values(stages=stages))


def finish_trial(
    connection: Connection,
    key_hash: bytes,
    *,
    was: Sequence[str],
    passed: bool,
    email: str | None,
    stages: str,
    reference: str,
    sealed_tokens: bytes | None,
    now: int,
) -> bool:
    """It is over. False when its status is none of `was` any more.

    sealed_tokens -- what signing out at Okta needs, for minutes.
    """
    mine = (_T.key_hash == key_hash) & _T.status.in_(was)
    values = {"status": "done", "passed": passed, "email": email, "stages": stages, "reference": reference}
    values |= {"sealed_attempt": None, "sealed_tokens": sealed_tokens, "finished_at": now}
    return connection.execute(update(trial_logins).where(mine).values(values)).rowcount == 1


def begin_sign_out(connection: Connection, key_hash: bytes, *, sign_out_hash: bytes, stages: str) -> bool:
    """Somebody goes to sign out at Okta, and the tokens are forgotten. False when they were before."""
    mine = (_T.key_hash == key_hash) & _T.sealed_tokens.is_not(None)
    values = {"sign_out_hash": sign_out_hash, "sealed_tokens": None, "stages": stages}
    return connection.execute(update(trial_logins).where(mine).values(values)).rowcount == 1


def end_sign_out(connection: Connection, sign_out_hash: bytes) -> Trial | None:
    """The test login whose sign-out came back just now; None for anything else, a second time included."""
    trial = _first(connection, _T.sign_out_hash == sign_out_hash)
    if trial is None:
        return None
    mine = (_T.key_hash == trial.key_hash) & (_T.sign_out_hash == sign_out_hash)
    came = connection.execute(update(trial_logins).where(mine).values(sign_out_hash=None)).rowcount == 1
    return trial if came else None


def find_passed(
    connection: Connection,
    organization_id: int,
    *,
    fingerprint: str,
    app: str = "spa",
    user_id: int | None = None,
    browser_hash: bytes | None = None,
    since: int = 0,
) -> PassedTrial | None:
    """The newest test login of these settings (`subjects.fingerprint`) in which everything was right.

    user_id, browser_hash -- of the person who asked for it, in whose browser it was asked for and also came back;
    Okta has to have vouched for the address that this person has at POINT. since -- epoch seconds.
    """
    wanted = (_T.organization_id == organization_id) & (_T.fingerprint == fingerprint) & (_T.app == app)
    wanted &= (_T.status == "done") & _T.passed.is_(True) & (_T.finished_at >= since)
    found = select(_T.name, _T.app, _T.email, _T.finished_at)
    if user_id is not None:
        found = found.join(users, (users.c.id == _T.user_id) & (users.c.email == _T.email))
        wanted &= _T.user_id == user_id
    if browser_hash is not None:
        wanted &= (_T.browser_hash == browser_hash) & (_T.tested_hash == browser_hash)
    row = connection.execute(found.where(wanted).order_by(_T.finished_at.desc()).limit(1)).first()
    return PassedTrial(row.name, row.app, row.email or "", row.finished_at) if row else None


def forget_secrets(connection: Connection, *, before: int) -> int:
    """Forgets what is sealed in test logins that were begun or over before this time; returns how many."""
    held = _T.sealed_attempt.is_not(None) | _T.sealed_tokens.is_not(None)
    old = (_T.started_at < before) & (_T.finished_at.is_(None) | (_T.finished_at < before))
    values = {"sealed_attempt": None, "sealed_tokens": None}
    return connection.execute(update(trial_logins).where(held, old).values(values)).rowcount


def remove_old_trials(connection: Connection, *, before: int) -> int:
    """Removes test logins that were asked for before this time; returns how many."""
    return connection.execute(delete(trial_logins).where(_T.created_at < before)).rowcount


def _first(connection: Connection, wanted: object) -> Trial | None:
    row = connection.execute(_SELECT.where(wanted)).first()  # type: ignore[arg-type]
    return Trial(*row) if row else None
