"""Okta's refresh tokens of sessions that are over: given back behind the page, and tried again until Okta has them.

Whoever ends a session leaves its tokens in the same transaction (`store.left_tokens`) and says `give_back_after`. One
thread for each organization works off what its sessions have left, one token after the other, so that Okta's limits are
not felt and a slow Okta keeps nobody else waiting. What a process leaves undone because it dies is taken up with the
next session that ends, on any node, or by `maintenance`; what Okta has not taken within a day is given up. Knows no
Flask.

Not given back are tokens that are dead: those that Okta has refused with `invalid_grant` (`okta_ended`), and those that
none of our keys opens any more. Sessions that came by a password or a recovery code hold none.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from portal import logins
from portal.errors import Refused
from portal.logs import LOGGER
from portal.metrics import REFUSALS
from portal.okta.tokens import revoke
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.db import after_commit
from portal.store.left_tokens import (
    LeftToken,
    claim_left,
    find_next_try,
    forget_left,
    list_due,
    put_off,
    remove_old_left,
)
from portal.store.session_list import end_run_out

OKTA_SECONDS = 3.0
DELETED = "integration_deleted"  # Whoever deletes an integration finds in the activity what became of its tokens.
_ROUND, _WAITING, _LINE = "tokens", "tokens later", "give-back-{}"
_PATIENCE = 120  # A process stays awake for what is due within so many seconds; `maintenance` sees to the rest.
_NO_PLACE_SECONDS = 5
_SHORTEST_PAUSE, _LONGEST_PAUSE = 5, 3600


def give_back_after(services: Services, connection: Connection) -> None:
    """What the sessions that this transaction ends have left is given back when it has been committed."""
    after_commit(connection, lambda: start_giving_back(services))


def start_giving_back(services: Services) -> None:
    """Begins to give back what is due; answers at once."""
    services.background.start_once(_ROUND, partial(_begin_lines, services))


def finish_giving_back(services: Services, seconds: float = 5.0) -> None:
    """Waits at most so long for what is being given back; for commands, whose process ends with them."""
    services.background.wait(_ROUND, seconds)
    services.background.wait(_LINE.format("*"), seconds)


def end_run_out_sessions(services: Services) -> int:
    """Ends sessions whose time has run out, so that what they hold is given back too; how many. For `maintenance`."""
    number = 0
    while True:
        # Some hundreds at a time, so that logins never wait long.
        with services.db.writing() as connection:
            ended = end_run_out(connection, now=services.now())
        number += ended
        if not ended:
            return number


def keep_up(services: Services) -> int:
    """The part of `maintenance`: gives back what is due, and gives up what is a day old; how many that is."""
    start_giving_back(services)
    finish_giving_back(services, 60.0)
    given_up = 0
    while True:
        with services.db.writing() as connection:
            gone = remove_old_left(connection, now=services.now())
        given_up += gone
        if not gone:
            break
    if given_up:
        LOGGER.error("tokens given up: Okta has not taken them back", extra={"event": {"tokens": given_up}})
    return given_up


def _begin_lines(services: Services) -> None:
    """One thread for each organization with something due; it takes none for one that is at it already."""
    now = services.now()
    with services.db.reading() as connection:
        due = list_due(connection, now=now)
        next_at = find_next_try(connection)
    for organization_id in due:
        work = partial(_work_off, services, organization_id)
        # A place of its own, so that an organization's pages do not go short of theirs while people log out.
        owner = ("tokens", organization_id)
        if not services.background.start_once(_LINE.format(organization_id), work, owner=owner):
            next_at = now + _NO_PLACE_SECONDS
    if next_at is not None and now < next_at <= now + _PATIENCE:
        services.background.start_once(_WAITING, partial(_wait, services, next_at))


def _wait(services: Services, until: int) -> None:
    """One thread of the process sleeps until the next is due."""
    if not services.background.stopping.wait(max(1.0, until - services.clock())):
        start_giving_back(services)


def _work_off(services: Services, organization_id: int) -> None:
    """Gives back what this organization's sessions have left, until nothing is due, or nobody takes it."""
    deleted: dict[str, int] = {}
    away: dict[tuple[str, str], int] = {}  # Whose Okta takes nothing just now, and when to ask again.
    done: LeftToken | None = None
    while not services.background.stopping.is_set():
        with services.db.writing() as connection:
            if done is not None:
                forget_left(connection, done.id)
            left, done = claim_left(connection, organization_id, now=services.now(), skipping=away), None
        if left is None:
            break
        try:
            revoked = _revoke(services, left)
        except Refused as refused:
            away[left.issuer, left.client_id] = _put_off(services, left, refused)
            continue
        done = left
        if left.why == DELETED:
            deleted[left.reference] = deleted.get(left.reference, 0) + revoked
    _finish(services, organization_id, done, deleted)
    if away:
        services.background.start_once(_WAITING, partial(_wait, services, min(away.values())))


def _finish(services: Services, organization_id: int, done: LeftToken | None, deleted: dict[str, int]) -> None:
    """The last is forgotten, and what became of a deletion's tokens is written down."""
    with services.db.writing() as connection:
        if done is not None:
            forget_left(connection, done.id)
        for reference, revoked in deleted.items():
            if revoked:
                record_event(
                    connection, organization_id, who="POINT", what="okta.tokens_revoked", now=services.now(),
                    reference=reference, about={"revoked": revoked},
                )  # fmt: skip


def _revoke(services: Services, left: LeftToken) -> bool:
    """Whether there was a refresh token, and Okta has taken it back. Raises Refused."""
    try:
        token = logins.read_tokens(services, left.name, left.sealed).get("refresh_token")
    except SealBroken:
        return False
    if not token:
        return False
    with services.door.within(OKTA_SECONDS):
        provider = services.providers.load(left.issuer)
        revoke(services.door, provider, client_id=left.client_id, token=token, hint="refresh_token")
    return True


def _put_off(services: Services, left: LeftToken, refused: Refused) -> int:
    """Later, and the later the longer it has waited; answers when."""
    _note(refused)
    now = services.now()
    until = now + max(_SHORTEST_PAUSE, min((now - left.left_at) // 4, _LONGEST_PAUSE))
    with services.db.writing() as connection:
        put_off(connection, left, until=until)
    return until


def _note(refused: Refused) -> None:
    REFUSALS.labels(refused.problem.code, refused.reason).inc()
    event = {"code": refused.problem.code, "reason": refused.reason, "detail": refused.detail[:300]}
    LOGGER.warning("a token was not taken back", extra={"event": event})
