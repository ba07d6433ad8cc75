"""POINT's tokens for the app: an access token for ten minutes and a refresh token that is used once.

Of a refresh token only the hash is stored. Whoever uses it first gets its successor; for 30 seconds its second use gets
the same answer again, because answers get lost on phones; after that it means that two hold it, and both are out.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from native_bridge import access_tokens, schemas
from native_bridge.bridge import Bridge
from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.proving import prove_again
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.activity import record_event
from portal.store.phone_sessions import (
    PhoneSession,
    RefreshToken,
    add_refresh_token,
    find_refresh_token,
    use_refresh_token,
)
from portal.store.sessions import end_session

AGAIN_SECONDS = 30
_MARK = "point_rt_"  # So that a scanner for leaked secrets knows one when it sees it.


def session_name(id_hash: bytes) -> str:
    """What a session is called in access tokens and in lists; it gives nobody anything by itself."""
    return base64.urlsafe_b64encode(id_hash).decode().rstrip("=")


def give_tokens(bridge: Bridge, connection: Connection, session: PhoneSession) -> tuple[schemas.Tokens, bytes]:
    """The first tokens of a session, inside the caller's transaction; as an answer, and as the JSON to keep."""
    now = bridge.services.now()
    answer = _make_answer(bridge, session, now)
    add_refresh_token(connection, _hash(answer.refresh_token), session.id_hash, now=now)
    return answer, msgspec.json.encode(answer)


def refresh(
    bridge: Bridge, refresh_token: str, *, prove: Callable[[str], object], reference: str
) -> schemas.Tokens:
    """The next tokens (RFC 6749 section 6, RFC 9700 4.14.2).

    prove -- demands that the request was signed with the key of this thumbprint (RFC 9449 section 5).
    A session whose proof at Okta is old is asked about there first, and ends if Okta says so.

    Raises Refused(TOKEN_REFUSED: token_unknown, token_reused, or why the session is over; PROOF_REFUSED).
    """
    services, token_hash = bridge.services, _hash(refresh_token)
    found = _find(services, token_hash)
    if found.session.dpop_jkt is not None:
        prove(found.session.dpop_jkt)
    if found.used_at is not None:
        return _again(bridge, found, token_hash, reference)
    if found.session.method == "okta":
        prove_again(
            services,
            found.session.id_hash,
            sealed_tokens=found.session.sealed_tokens,
            proved_at=found.session.proved_at,
            reference=reference,
        )
    now = services.now()
    answer = _make_answer(bridge, found.session, now)
    sealed = services.sealer.seal("native-answer", msgspec.json.encode(answer), token_hash)
    with services.db.writing() as connection:
        used = use_refresh_token(
            connection,
            token_hash,
            session_hash=found.session.id_hash,
            successor=_hash(answer.refresh_token),
            answer=sealed,
            now=now,
        )
    if not used:
        # Somebody was faster, or the session has ended this very moment.
        return _again(bridge, _find(services, token_hash), token_hash, reference)
    return answer


def person_of(session: PhoneSession) -> tuple[schemas.User, schemas.Organization]:
    """Whom a live session stands for, as answers show it."""
    user = schemas.User(
        id=access_tokens.subject_of(session.user_id),
        email=session.email,
        name=session.name,
        role=session.role,  # type: ignore[arg-type]
    )
    return user, schemas.Organization(slug=session.organization_slug, name=session.organization_name)


def demand_live(session: PhoneSession, now: int) -> None:
    """Raises Refused(TOKEN_REFUSED) with the reason why the session is over."""
    over = session.over(now)
    if over:
        raise Refused(Problem.TOKEN_REFUSED, over)


def _find(services: Services, token_hash: bytes) -> RefreshToken:
    with services.db.reading() as connection:
        found = find_refresh_token(connection, token_hash)
    if found is None:
        raise Refused(Problem.TOKEN_REFUSED, "token_unknown")
    session = found.session
    if session.over(services.now()) == "not_a_member":
        # Whoever comes back later logs in anew.
        with services.db.writing() as connection:
            end_session(connection, session.id_hash, why="not_a_member", now=services.now())
            give_back_after(services, connection)
    demand_live(session, services.now())
    return found


def _again(bridge: Bridge, found: RefreshToken, token_hash: bytes, reference: str) -> schemas.Tokens:
    """The same answer for a token that was used a moment ago; later, the end of the session."""
    services, now = bridge.services, bridge.services.now()
    if found.used_at is not None and now - found.used_at <= AGAIN_SECONDS and found.answer is not None:
        try:
            kept = services.sealer.unseal("native-answer", found.answer, token_hash)
            return msgspec.json.decode(kept, type=schemas.Tokens)
        except SealBroken as exc:
            raise Refused(Problem.TOKEN_REFUSED, "answer_unreadable") from exc
    session = found.session
    with services.db.writing() as connection:
        give_back_after(services, connection)
        if end_session(connection, session.id_hash, why="token_reused", now=now):
            record_event(
                connection,
                session.organization_id,
                who=session.email,
                what="session.token_reused",
                now=now,
                reference=reference,
                about={"method": session.method, "kind": "phone"},
            )
    raise Refused(Problem.TOKEN_REFUSED, "token_reused")


def _make_answer(bridge: Bridge, session: PhoneSession, now: int) -> schemas.Tokens:
    user, organization = person_of(session)
    seconds = max(0, min(access_tokens.SECONDS, session.expires_at - now))
    token = access_tokens.issue(
        bridge.keys,
        base_url=bridge.services.settings.base_url,
        client_id=bridge.services.settings.native_scheme,
        subject=user.id,
        session_id=session_name(session.id_hash),
        organization=organization.slug,
        now=now,
        jkt=session.dpop_jkt,
        seconds=seconds,
    )
    return schemas.Tokens(
        access_token=token,
        token_type="DPoP" if session.dpop_jkt else "Bearer",
        expires_in=seconds,
        refresh_token=_MARK + secrets.token_urlsafe(32),
        user=user,
        organization=organization,
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
