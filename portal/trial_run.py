"""The second half of a test login: everything that a login does with Okta's answer, stage by stage, and what no login
ever tells: whether refreshing works, whether Okta knows where to send people after signing out. Nobody is logged in.

The checks are those of a login, from the same functions. Tokens live in this call; Okta gets them back at its end.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from portal.errors import Refused
from portal.logins import OKTA_SECONDS, read_profile
from portal.logs import LOGGER
from portal.okta.attempt import Attempt
from portal.okta.callback import Code, InteractionCode
from portal.okta.id_token import check_id_token
from portal.okta.metadata import Provider
from portal.okta.tokens import Tokens, fetch_userinfo, redeem_code, redeem_interaction_code
from portal.okta_groups import take_userinfo
from portal.services import Services
from portal.store.members import foresee_admission
from portal.store.organizations import email_domain, owns_domain_of
from portal.store.trial_logins import save_stages
from portal.trial_afterwards import OKTA_SECONDS as AFTERWARDS
from portal.trial_afterwards import Held, give_back, probe_sign_out, try_refresh
from portal.trial_claims import describe_token, finds_key
from portal.trial_cover import UNTIL_KNOWN, WITHHELD, belongs_elsewhere, cover
from portal.trial_groups import foresee_role_by_groups
from portal.trial_record import Record
from portal.trial_sign_out import seal_for_sign_out
from portal.trial_stages import Row, Stage, compare, find_stage, read_stages, say, show, write_stages
from portal.trials import Returned, finish

_error = re.compile(r"[a-z]+(?:_[a-z]+)*")


def examine(services: Services, returned: Returned, *, reference: str) -> None:
    """Goes through all stages and writes down how it ended. Raises nothing of Okta's."""
    trial, held = returned.trial, Held()
    record = Record(services.now, read_stages(trial.stages), partial(_save, services, trial.key_hash))
    kept = None
    try:
        _examine(services, returned, record, held)
        if held.claims is not None and held.tokens is not None and _can_sign_out(record.stages):
            kept = seal_for_sign_out(services, trial, returned.attempt, held.tokens.id_token)
    except Refused as refused:
        LOGGER.info("a test login ended", extra={"event": {"reason": refused.reason, "reference": reference}})
    finally:
        give_back(services, returned.attempt, held.tokens)
        withheld = belongs_elsewhere(services, trial, returned.attempt.client_id, record.stages)
        with services.db.writing() as connection:
            finish(
                connection,
                trial,
                ("running",),
                cover(record.stages, WITHHELD) if withheld else record.stages,
                reference=reference,
                now=services.now(),
                email=None if withheld else held.email,
                kept=kept,
            )


def _can_sign_out(stages: list[Stage]) -> bool:
    ended = find_stage(stages, "logout")
    return ended is not None and ended.verdict in ("right", "unknown")


def _save(services: Services, key_hash: bytes, stages: list[Stage]) -> None:
    with services.db.single() as connection:
        save_stages(connection, key_hash, write_stages(cover(stages, UNTIL_KNOWN)))


def _examine(services: Services, returned: Returned, record: Record, held: Held) -> None:
    attempt = returned.attempt
    with services.door.within(OKTA_SECONDS):
        code = _read_callback(record, returned)
        provider = services.providers.load(attempt.issuer)
        held.tokens = _redeem(services, provider, record, attempt, code)
        held.claims = _check_id_token(services, provider, record, attempt, held.tokens, code)
        held.person = held.claims
        with suppress(Refused):
            # What is wrong here is written down; a login goes on where the ID token says enough.
            _ask_userinfo(services, provider, record, held)
        with suppress(Refused):
            _foresee(services, returned, record, held)
        with suppress(Refused):
            foresee_role_by_groups(services, returned, record, held)
    with services.door.within(AFTERWARDS), suppress(Refused):
        try_refresh(services, provider, record, attempt, held)
    with services.door.within(AFTERWARDS), suppress(Refused):
        probe_sign_out(services, provider, record, returned, held)


def _read_callback(record: Record, returned: Returned) -> Code | InteractionCode:
    # Whatever came back, came back: so Okta knows the app and the address.
    authorize = find_stage(record.stages, "authorize")
    record.put(Stage("authorize", "right", rows=authorize.rows if authorize else ()))
    with record.stage("callback") as rows:
        rows.append(compare("state", say("unchanged"), say("unchanged"), right=True))
        if isinstance(returned.answer, Refused):
            # Okta's code for it, never its sentence.
            error = returned.answer.detail.partition(": ")[0]
            if _error.fullmatch(error):
                rows.append(compare("error", error, say("none"), right=False))
            raise returned.answer
        rows.append(compare("code", say("came"), say("came"), right=True))
    return returned.answer


def _redeem(
    services: Services, provider: Provider, record: Record, attempt: Attempt, code: Code | InteractionCode
) -> Tokens:
    grant = "authorization_code" if isinstance(code, Code) else "interaction_code"
    with record.stage("token") as rows:
        rows += [
            Row("token_endpoint", provider.token_endpoint),
            Row("grant_type", grant),
            Row("client_id", attempt.client_id),
            Row("redirect_uri", attempt.redirect_uri),
        ]
        if isinstance(code, InteractionCode):
            tokens = redeem_interaction_code(
                services.door,
                provider,
                client_id=attempt.client_id,
                interaction_code=code.interaction_code,
                code_verifier=attempt.code_verifier,
            )
        else:
            tokens = redeem_code(
                services.door,
                provider,
                client_id=attempt.client_id,
                code=code.code,
                redirect_uri=attempt.redirect_uri,
                code_verifier=attempt.code_verifier,
            )
        granted = " ".join(tokens.scope)
        rows += [
            Row("scope", attempt.scope, show(granted or say("not_named")), say("openid_among"), "right"),
            Row("expires_in", received=show(tokens.expires_in)),
            Row("access_token", received=say("came"), expected=say("came"), verdict="right"),
            Row("id_token", received=say("came"), expected=say("came"), verdict="right"),
            Row("refresh_token", received=say("came") if tokens.refresh_token else say("did_not_come")),
        ]
    return tokens


def _check_id_token(
    services: Services,
    provider: Provider,
    record: Record,
    attempt: Attempt,
    tokens: Tokens,
    code: Code | InteractionCode,
) -> dict[str, Any]:
    """The claims, checked by the very function that logins use; the rows say which check says what."""
    described = describe_token(services, provider, attempt, tokens, code)
    if described.key is not None:
        with record.stage("keys") as rows:
            rows += described.key_rows
            if isinstance(described.key, Refused):
                raise described.key
    else:
        record.put(Stage("keys", "skipped", reason="not_reached"))
    with record.stage("id_token") as rows:
        rows += described.rows
        return check_id_token(
            tokens.id_token,
            key=finds_key(services, provider),
            algorithms=provider.algorithms,
            issuer=attempt.issuer,
            client_id=attempt.client_id,
            nonce=attempt.nonce,
            now=services.clock(),
            access_token=tokens.access_token,
            code=code.code if isinstance(code, Code) else code.interaction_code,
        )


def _ask_userinfo(services: Services, provider: Provider, record: Record, held: Held) -> None:
    assert held.tokens is not None
    assert held.claims is not None
    if provider.userinfo_endpoint is None:
        record.put(Stage("userinfo", "skipped", reason="no_userinfo"))
        return
    with record.stage("userinfo") as rows:
        subject = held.claims["sub"]
        rows.append(Row("userinfo_endpoint", provider.userinfo_endpoint))
        rows.append(Row("sub", expected=show(subject)))
        more = fetch_userinfo(services.door, provider, access_token=held.tokens.access_token, subject=subject)
        rows[-1] = compare("sub", more["sub"], show(subject), right=True)
        rows += [Row(name, received=show(more[name])) for name in ("email", "email_verified", "name") if name in more]
        held.userinfo = more
        if not isinstance(held.claims.get("email"), str):
            held.person = take_userinfo(held.claims, more)


def _foresee(services: Services, returned: Returned, record: Record, held: Held) -> None:
    organization_id, email = returned.trial.organization_id, held.person.get("email")
    with record.stage("admission") as rows:
        known = isinstance(email, str) and bool(email_domain(email))
        rows.append(compare("email", email, say("an_address"), right=known))
        verified = held.person.get("email_verified", True) is True
        said = held.person.get("email_verified", say("not_named"))
        rows.append(compare("email_verified", said, "true", right=verified))
        profile = read_profile(held.person)
        held.email = profile.email
        with services.db.writing() as connection:
            ours = owns_domain_of(connection, organization_id, profile.email)
            rows.append(Row("domain", received=email_domain(profile.email), expected=say("verified_domain")))
            admitted = foresee_admission(connection, organization_id, profile, now=services.now())
        rows[-1] = replace(rows[-1], verdict="right" if ours else "noted")
        joins = say("joins_by_groups") if returned.attempt.groups_claim else say("joins")
        rows.append(Row("account", received=joins if admitted.joined else say("member"), verdict="right"))
