"""What a test login tries after a login would be over: a refresh, the way back from signing out; and then it gives
Okta its tokens back.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.okta.attempt import Attempt
from portal.okta.id_token import check_id_token
from portal.okta.logout import logout_url
from portal.okta.metadata import Provider
from portal.okta.tokens import Tokens, refresh, revoke
from portal.services import Services
from portal.trial_claims import finds_key
from portal.trial_record import Record
from portal.trial_sign_out import sign_out_uri
from portal.trial_stages import Row, Stage, compare, say
from portal.trials import Returned

OKTA_SECONDS = 5.0


@dataclass
class Held:
    """What there is at any moment, whichever stage it ends at."""

    tokens: Tokens | None = field(default=None, repr=False)
    claims: dict[str, Any] | None = field(default=None, repr=False)
    person: dict[str, Any] = field(default_factory=dict, repr=False)
    userinfo: dict[str, Any] = field(default_factory=dict, repr=False)
    email: str | None = None


def try_refresh(services: Services, provider: Provider, record: Record, attempt: Attempt, held: Held) -> None:
    """Uses the refresh token once, and sees whether Okta rotates it. Raises Refused."""
    assert held.tokens is not None
    assert held.claims is not None
    before = held.tokens.refresh_token
    if before is None:
        wanted = "offline_access" in attempt.scope.split()
        reason = "no_refresh_token" if wanted else "no_offline_access"
        record.put(Stage("refresh", "wrong" if wanted else "unknown", "", reason, at=services.now()))
        return
    with record.stage("refresh") as rows:
        rows.append(Row("grant_type", "refresh_token"))
        fresh = refresh(
            services.door, provider, client_id=attempt.client_id, refresh_token=before, scope=attempt.scope
        )
        # From now on this is the one to give back; the ID token stays the one that was checked.
        held.tokens = Tokens(
            fresh.access_token, held.tokens.id_token, fresh.refresh_token, fresh.scope, fresh.expires_in
        )
        rows.append(Row("refresh_token", received=say("rotated") if fresh.refresh_token != before else say("the_same")))
        if fresh.id_token:
            rows.append(Row("id_token", received=say("came"), expected=say("same_person")))
            check_id_token(
                fresh.id_token,
                key=finds_key(services, provider),
                algorithms=provider.algorithms,
                issuer=attempt.issuer,
                client_id=attempt.client_id,
                nonce=None,
                now=services.clock(),
                access_token=fresh.access_token,
                subject=held.claims["sub"],
            )
            rows[-1] = replace(rows[-1], verdict="right")


def probe_sign_out(
    services: Services, provider: Provider, record: Record, returned: Returned, held: Held
) -> None:
    """Okta says without anybody's session whether it would send people back: nobody is signed out by this.

    Raises Refused.
    """
    assert held.tokens is not None
    back, state = sign_out_uri(services, returned.trial.app), secrets.token_urlsafe(16)
    url = logout_url(provider, id_token_hint=held.tokens.id_token, post_logout_redirect_uri=back, state=state)
    if url is None:
        record.put(Stage("logout", "skipped", reason="no_sign_out", at=services.now()))
        return
    with record.stage("logout") as rows:
        rows.append(Row("post_logout_redirect_uri", back, expected=back))
        answer = services.door.get(url)
        sent_on = answer.headers.get("location", "").partition("?")[0]
        if answer.status in (302, 303) and sent_on == back:
            rows[0] = compare("post_logout_redirect_uri", back, back, right=True, sent=back)
            return
        if answer.status == 400 and b"post_logout_redirect_uri" in answer.body:
            rows[0] = compare("post_logout_redirect_uri", f"HTTP {answer.status}", back, right=False, sent=back)
            raise Refused(Problem.OKTA_MISCONFIGURED, "sign_out_uri_missing")
    record.put(Stage("logout", "unknown", "", "sign_out_unclear", (Row("HTTP", received=str(answer.status)),)))


def give_back(services: Services, attempt: Attempt, tokens: Tokens | None) -> None:
    """Nothing of the test login stays good at Okta. Without a refresh token the access token is all there is."""
    if tokens is None:
        return
    hint = "refresh_token" if tokens.refresh_token else "access_token"
    try:
        with services.door.within(OKTA_SECONDS):
            provider = services.providers.load(attempt.issuer)
            token = tokens.refresh_token or tokens.access_token
            revoke(services.door, provider, client_id=attempt.client_id, token=token, hint=hint)
    except Refused as refused:
        LOGGER.warning("a test login's token was not taken back", extra={"event": {"reason": refused.reason}})
