"""Beginning a login by an organization's Okta, and keeping the app's: the web keeps its own sealed in the browser."""

from __future__ import annotations

from portal.errors import Problem, Refused
from portal.okta.attempt import App, Attempt, start_login
from portal.okta_groups import scope_of
from portal.sealing import SealBroken
from portal.services import Services
from portal.store.native_attempts import NativeAttempt
from portal.store.okta_logins import Login
from portal.store.sessions import hash_id


def begin_attempt(
    services: Services, login: Login, *, app: App, redirect_uri: str, return_to: str = "", mark: str = ""
) -> Attempt:
    """A new login by this organization's Okta; the rest as `start_login`.

    Raises Refused as `Providers.load`, where roles follow Okta's groups.
    """
    return start_login(
        organization_id=login.organization_id,
        integration_id=login.integration_id,
        integration_version=login.version,
        app=app,
        issuer=login.issuer,
        client_id=login.client_id,
        redirect_uri=redirect_uri,
        scope=scope_of(services, login),
        return_to=return_to,
        now=services.now(),
        mark=mark,
        groups_claim=login.groups_claim or "",
    )


def seal_native_attempt(services: Services, attempt: Attempt) -> bytes:
    """The attempt as it is kept for the app."""
    return services.sealer.seal("native-attempt", attempt.to_bytes(), hash_id(attempt.state))


def unseal_native_attempt(services: Services, known: NativeAttempt) -> Attempt:
    """What `seal_native_attempt` sealed. Raises Refused(ATTEMPT_UNKNOWN)."""
    try:
        return Attempt.from_bytes(services.sealer.unseal("native-attempt", known.sealed_attempt, known.state_hash))
    except SealBroken as exc:
        raise Refused(Problem.ATTEMPT_UNKNOWN, "attempt_unreadable") from exc
