"""A login that tries an organization's Okta settings out: it opens no session, makes no member, leaves no identity.

Its link has a key that is stored nowhere: it follows from the test login's name by our secret. Its way to Okta and back
is that of every login; the state begins with a mark, so that ordinary logins never have to look for it. What comes
back is examined in `trial_run`. Knows no Flask; web and phone share it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from portal.connecting import surroundings
from portal.errors import Problem, Refused
from portal.logins import OKTA_SECONDS
from portal.okta.attempt import Attempt, start_login
from portal.okta.callback import Code, InteractionCode, Query, Resume, read_callback
from portal.sealing import SealBroken
from portal.services import Services
from portal.store import trial_logins as store
from portal.store.activity import record_event
from portal.store.integrations import App
from portal.store.sessions import hash_id
from portal.store.trial_logins import Trial
from portal.subjects import Subject, SubjectName, find_subject
from portal.trial_stages import Stage, first_wrong, have_passed, write_stages
from portal.trial_start import ask_for_groups, prepare

MARK = "trial-"
LINK_SECONDS = 3600
KEPT_SECONDS = 30 * 86400
_STATE = len(MARK) + 44
_CUT_OFF_SECONDS = 60  # By then, whoever was at it is done with it, or gone.
_OPEN = ("created", "started")
_NOT_OVER = (Problem.CALLBACK_INVALID, Problem.ATTEMPT_UNKNOWN)
_SUBJECTS: tuple[SubjectName, ...] = ("live", "draft")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to Okta that has begun: its address there, and the attempt for whoever shows Okta's form on our page."""

    url: str = field(repr=False)
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Returned:
    """A test login that has come back and is this caller's to examine."""

    trial: Trial
    attempt: Attempt
    answer: Code | InteractionCode | Refused


def is_trial_state(state: str | None) -> bool:
    """Whether this is the state of a test login. No other state of ours has its length and its beginning."""
    return state is not None and len(state) == _STATE and state.startswith(MARK)


def make_trial(
    services: Services, subject: Subject, app: str, *, who: str, user_id: int, browser_hash: bytes, reference: str
) -> str:
    """A new test login of these settings; answers its name. Raises Refused(TEST_LOGIN_NOTHING)."""
    if app not in subject.apps:
        raise Refused(Problem.TEST_LOGIN_NOTHING, "app_missing", app[:10])
    name, now = secrets.token_urlsafe(16), services.now()
    with services.db.writing() as connection:
        store.forget_secrets(connection, before=now - services.settings.attempt_seconds)
        store.add_trial(
            connection,
            subject.organization_id,
            key_hash=_hash_key(_keys(services, name)[0]),
            name=name,
            subject=subject.name,
            app=app,
            fingerprint=subject.fingerprint,
            who=who,
            user_id=user_id,
            browser_hash=browser_hash,
            now=now,
        )
        about = {"app": app, "settings": subject.name}
        whose = subject.organization_id
        record_event(connection, whose, who=who, what="okta.test_made", now=now, reference=reference, about=about)
    return name


def key_of(services: Services, trial: Trial) -> str:
    """The key of its link; "" where the secret that made it is no longer listed."""
    return next((key for key in _keys(services, trial.name) if _hash_key(key) == trial.key_hash), "")


def find_by_key(services: Services, key: str) -> Trial | None:
    """The test login that this link is for, while the link is good."""
    with services.db.reading() as connection:
        trial = store.find_trial(connection, _hash_key(key)) if len(key) < 100 else None
    if trial is None or services.now() >= max(trial.created_at, trial.finished_at or 0) + LINK_SECONDS:
        return None
    return trial


def find_by_state(services: Services, state: str) -> Trial | None:
    """The test login that went to Okta with this state."""
    with services.db.reading() as connection:
        return store.find_trial_by_state(connection, hash_id(state))


def find_tried(connection: Connection, trial: Trial) -> Subject | None:
    """The settings that it tries, as long as they are a draft or live: switching them on changes nothing."""
    for name in _SUBJECTS:
        subject = find_subject(connection, trial.organization_id, name)
        if subject is not None and subject.fingerprint == trial.fingerprint and trial.app in subject.apps:
            return subject
    return None


def find_app(connection: Connection, trial: Trial) -> App | None:
    """The app in Okta that it tries, as long as there are these settings."""
    subject = find_tried(connection, trial)
    return subject.apps[trial.app] if subject is not None else None


def demand_open(services: Services, trial: Trial) -> Subject:
    """The settings that it tries. Raises Refused(TEST_LOGIN_OVER) once there are others or none."""
    with services.db.reading() as connection:
        subject = find_tried(connection, trial)
    if subject is None:
        raise Refused(Problem.TEST_LOGIN_OVER, "settings_changed")
    return subject


def go_to_okta(services: Services, trial: Trial, *, browser_hash: bytes, another: bool, reference: str) -> Way | None:
    """The way to Okta for whoever pressed the button in this browser; None where it ended before.

    another -- Okta shall ask who it is, even if it knows somebody. Raises Refused(TEST_LOGIN_OVER, ATTEMPT_USED).
    """
    app, now = demand_open(services, trial).apps[trial.app], services.now()
    if trial.status not in _OPEN:
        raise Refused(Problem.ATTEMPT_USED, "state_used")
    with services.door.within(OKTA_SECONDS):
        scope, groups_claim = ask_for_groups(services, trial.organization_id, app)
    attempt = start_login(
        organization_id=trial.organization_id,
        integration_id=0,
        integration_version=0,
        app="native" if trial.app == "native" else "spa",
        issuer=app.issuer,
        client_id=app.client_id,
        redirect_uri=surroundings(services).redirect_uris[trial.app],
        scope=scope,
        return_to="",
        now=now,
        mark=MARK,
        groups_claim=groups_claim,
    )
    with services.door.within(OKTA_SECONDS):
        url, stages = prepare(services, attempt, prompt="login" if another else None)
    with services.db.writing() as connection:
        if url is not None:
            begun = store.start_trial(
                connection,
                trial.key_hash,
                state_hash=hash_id(attempt.state),
                sealed_attempt=services.sealer.seal("trial-attempt", attempt.to_bytes(), trial.key_hash),
                tested_hash=browser_hash,
                stages=write_stages(stages),
                now=now,
            )
            if not begun:
                raise Refused(Problem.ATTEMPT_USED, "state_used")
        else:
            finish(connection, trial, _OPEN, stages, reference=reference, now=now)
    return Way(url, attempt) if url is not None else None


def take_back(services: Services, trial: Trial, query: Query) -> Returned | None:
    """What came back to this test login, for the first who asks; None for everybody after that.

    Raises Refused: CALLBACK_INVALID and ATTEMPT_UNKNOWN, which change nothing, and as `Providers.load`.
    """
    try:
        sealed = services.sealer.unseal("trial-attempt", trial.sealed_attempt or b"", trial.key_hash)
        attempt = Attempt.from_bytes(sealed)
    except SealBroken as exc:
        if trial.status != "started":
            return None
        raise Refused(Problem.ATTEMPT_UNKNOWN, "attempt_unreadable") from exc
    answer = _read(services, trial, attempt, query)
    with services.db.single() as connection:
        state_hash = hash_id(attempt.state)
        claimed = store.claim_trial(connection, trial.key_hash, state_hash=state_hash, now=services.now())
    return Returned(trial, attempt, answer) if claimed else None


def _read(services: Services, trial: Trial, attempt: Attempt, query: Query) -> Code | InteractionCode | Refused:
    with services.door.within(OKTA_SECONDS):
        requires_iss = services.providers.load(attempt.issuer).requires_iss
    try:
        seconds = services.settings.attempt_seconds
        answer = read_callback(query, attempt, requires_iss=requires_iss, now=services.now(), seconds=seconds)
    except Refused as refused:
        if refused.problem in _NOT_OVER:
            raise
        return refused
    with services.db.reading() as connection:
        app = find_app(connection, trial)
    if app is None or (app.issuer, app.client_id) != (attempt.issuer, attempt.client_id):
        return Refused(Problem.SETTINGS_CHANGED, "settings_changed")
    if isinstance(answer, Resume):
        return Refused(Problem.LOGIN_REQUIRED_AT_OKTA, "op_interaction_required")
    return answer


def finish(
    connection: Connection,
    trial: Trial,
    was: Sequence[str],
    stages: list[Stage],
    *,
    reference: str,
    now: int,
    email: str | None = None,
    kept: bytes | None = None,
) -> None:
    """Writes down how it ended, once, with a line in the activity.

    was -- the states it may be in. kept -- sealed, for signing out at Okta.
    """
    passed = have_passed(stages)
    ended = store.finish_trial(
        connection,
        trial.key_hash,
        was=was,
        passed=passed,
        email=email,
        stages=write_stages(stages),
        reference=reference,
        sealed_tokens=kept,
        now=now,
    )
    if not ended:
        return
    wrong = first_wrong(stages)
    about = {"app": trial.app, "passed": passed}
    about |= {"stage": wrong.id, "reason": wrong.reason} if wrong and not passed else {}
    record_event(
        connection,
        trial.organization_id,
        who=email or trial.created_by,
        what="okta.tested",
        now=now,
        reference=reference,
        about=about,
    )


def is_cut_off(services: Services, trial: Trial) -> bool:
    """Whether whoever examined it is gone: a process may end at any moment."""
    return trial.status == "running" and services.now() > (trial.claimed_at or 0) + _CUT_OFF_SECONDS


def tidy(services: Services, now: int) -> int:
    """For the timer: forgets secrets after minutes and test logins after a month; how many test logins went."""
    with services.db.writing() as connection:
        store.forget_secrets(connection, before=now - services.settings.attempt_seconds)
        return store.remove_old_trials(connection, before=now - KEPT_SECONDS)


def _keys(services: Services, name: str) -> list[str]:
    found = services.sealer.fingerprints("trial-key", name.encode())
    return [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in found]


def _hash_key(key: str) -> bytes:
    return hashlib.sha256(b"trial\0" + key.encode()).digest()
