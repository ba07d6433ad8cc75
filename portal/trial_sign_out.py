"""The last stage of a test login, for whoever wants to try it: out at Okta, and back here.

What Okta's sign-out needs is kept sealed for minutes and forgotten with the first press.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

from portal.logouts import OKTA_SECONDS
from portal.okta.attempt import Attempt
from portal.okta.logout import logout_url
from portal.sealing import SealBroken
from portal.services import Services
from portal.store import trial_logins as store
from portal.store.sessions import hash_id
from portal.store.trial_logins import Trial
from portal.trial_stages import find_stage, put, read_stages, write_stages
from portal.trials import MARK


def seal_for_sign_out(services: Services, trial: Trial, attempt: Attempt, id_token: str) -> bytes:
    """What signing out at Okta needs, for minutes."""
    content = json.dumps({"id_token": id_token, "issuer": attempt.issuer}).encode()
    return services.sealer.seal("trial-tokens", content, trial.key_hash)


def may_sign_out(services: Services, trial: Trial, browser_hash: bytes | None) -> bool:
    """Whether this browser is the one that may end what began at Okta."""
    fresh = services.now() < (trial.finished_at or 0) + services.settings.attempt_seconds
    return trial.sealed_tokens is not None and fresh and browser_hash is not None and browser_hash == trial.tested_hash


def sign_out_address(services: Services, trial: Trial) -> str | None:
    """Okta's address for signing out, once: the tokens are forgotten with it. None where there is none (any more)."""
    try:
        sealed = services.sealer.unseal("trial-tokens", trial.sealed_tokens or b"", trial.key_hash)
    except SealBroken:
        return None
    kept, state = json.loads(sealed), MARK + secrets.token_urlsafe(33)
    with services.door.within(OKTA_SECONDS):
        provider = services.providers.load(kept["issuer"])
    back = sign_out_uri(services, trial.app)
    url = logout_url(provider, id_token_hint=kept["id_token"], post_logout_redirect_uri=back, state=state)
    stages = read_stages(trial.stages)
    known = find_stage(stages, "logout")
    if known is not None:
        stages = put(stages, replace(known, reason="at_okta", at=services.now()))
    with services.db.single() as connection:
        begun = store.begin_sign_out(
            connection, trial.key_hash, sign_out_hash=hash_id(state), stages=write_stages(stages)
        )
    return url if begun else None


def note_signed_out(services: Services, state: str) -> Trial | None:
    """Okta has sent somebody back from signing out; the test login it belongs to, the first time."""
    with services.db.writing() as connection:
        trial = store.end_sign_out(connection, hash_id(state))
        if trial is None:
            return None
        stages = read_stages(trial.stages)
        known = find_stage(stages, "logout")
        if known is not None:
            # Whatever could be told before: now it has worked.
            back = replace(known, verdict="right", problem="", reason="came_back", at=services.now())
            store.save_stages(connection, trial.key_hash, write_stages(put(stages, back)))
    return trial


def sign_out_uri(services: Services, app: str) -> str:
    """Where Okta shall send people back after signing out."""
    return services.settings.base_url if app == "spa" else f"{services.settings.native_scheme}:/logout"
