"""How a login of the app begins: which ways there are, and the address that the system browser opens."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from native_bridge import schemas
from native_bridge.bridge import Bridge, reference
from native_bridge.deep_links import STATE_MARK
from portal.attempts import begin_attempt, seal_native_attempt
from portal.errors import Problem, Refused
from portal.logins import record_refusal
from portal.okta.attempt import Attempt, authorization_url, start_login
from portal.store.native_attempts import add_attempt
from portal.store.okta_logins import Login, find_login, find_ways
from portal.store.organizations import (
    Organization,
    email_domain,
    load_organization,
)

_PAGE = "point"  # The client id of logins that end at the portal's own page.


@dataclass(frozen=True, slots=True)
class _Doors:
    """What an organization has: the Okta app for phones, and whether Okta is connected at all."""

    organization: Organization | None
    native: Login | None
    connected: Login | None


def discover(bridge: Bridge, *, email: str | None, slug: str | None) -> schemas.Discovered:
    """The organization and its ways to log in. Says nothing about a person: only the address's domain counts.

    Known and unknown domains take the same questions to the database and get an answer of the same shape.
    """
    domain = email_domain(email) if email is not None else ""
    with bridge.services.db.reading() as connection:
        found = find_ways(connection, now=bridge.services.now(), domain=domain, slug=slug or "")
    methods = [schemas.Method(type="password", flow="redirect")] if found is None or found.passwords else []
    if found and found.connected:
        embedded = found.native and found.sign_in == "embedded"
        methods.insert(0, schemas.Method(type="okta", flow="embedded" if embedded else "redirect"))
    named = schemas.Organization(slug=found.slug, name=found.name) if found else None
    return schemas.Discovered(organization=named, methods=methods)


def start(bridge: Bridge, wish: schemas.Login) -> schemas.LoginStarted | schemas.EmbeddedStarted:
    """Starts a login and remembers it under the hash of its state.

    Raises Refused(ORGANIZATION_UNKNOWN, OKTA_NOT_CONNECTED, EMBEDDED_UNAVAILABLE, OKTA_UNREACHABLE, ...).
    """
    doors = _doors(bridge, wish.organization)
    if wish.flow == "embedded":
        return _start_embedded(bridge, wish, doors)
    if wish.method == "okta" and doors.connected is None:
        raise Refused(Problem.OKTA_NOT_CONNECTED)
    if doors.native is not None and wish.method != "password":
        return _start_at_okta(bridge, wish, doors.native)
    return _start_at_our_page(bridge, wish, doors)


def _doors(bridge: Bridge, slug: str | None) -> _Doors:
    if slug is None:
        return _Doors(None, None, None)
    with bridge.services.db.reading() as connection:
        organization = load_organization(connection, slug)
        return _Doors(organization, find_login(connection, slug, "native"), find_login(connection, slug))


def _start_at_okta(bridge: Bridge, wish: schemas.Login, login: Login) -> schemas.LoginStarted:
    try:
        provider = bridge.services.providers.load(login.issuer)
    except Refused as refused:
        told = {"reference": reference(), "app": "native", "stage": "start", "device": ""}
        record_refusal(bridge.services, login.organization_id, refused, **told)
        raise
    attempt = _attempt(bridge, login, bridge.app_link if wish.app_link else bridge.login_uri)
    hint = wish.login_hint if wish.login_hint and email_domain(wish.login_hint) else None
    url = authorization_url(provider, attempt, login_hint=hint)
    _remember(bridge, wish, attempt, "okta")
    return _started(bridge, url, attempt)


def _start_embedded(bridge: Bridge, wish: schemas.Login, doors: _Doors) -> schemas.EmbeddedStarted:
    login = doors.native
    if login is None:
        raise Refused(Problem.EMBEDDED_UNAVAILABLE, "no_native_app")
    if wish.method == "password" or wish.app_link:
        raise Refused(Problem.EMBEDDED_UNAVAILABLE, "embedded_is_okta_and_the_private_scheme")
    attempt = _attempt(bridge, login, bridge.login_uri)
    _remember(bridge, wish, attempt, "embedded")
    return schemas.EmbeddedStarted(
        state=attempt.state,
        nonce=attempt.nonce,
        code_challenge=create_s256_code_challenge(attempt.code_verifier),
        code_challenge_method="S256",
        issuer=attempt.issuer,
        client_id=attempt.client_id,
        redirect_uri=attempt.redirect_uri,
        scopes=attempt.scope.split(),
        expires_in=bridge.services.settings.attempt_seconds,
    )


def _start_at_our_page(bridge: Bridge, wish: schemas.Login, doors: _Doors) -> schemas.LoginStarted:
    base = bridge.services.settings.base_url
    attempt = start_login(
        organization_id=doors.organization.id if doors.organization else 0,
        integration_id=0,
        integration_version=0,
        app="native",
        issuer=base,
        client_id=_PAGE,
        redirect_uri=bridge.app_link if wish.app_link else bridge.login_uri,
        scope="",
        return_to="",
        now=bridge.services.now(),
        mark=STATE_MARK,
    )
    _remember(bridge, wish, attempt, "page")
    query = {"state": attempt.state}
    if wish.method == "password" or doors.connected is None:
        query["with"] = "password"
    if wish.login_hint and email_domain(wish.login_hint):
        query["email"] = wish.login_hint
    return _started(bridge, f"{base}/native/login?{urlencode(query)}", attempt)


def _attempt(bridge: Bridge, login: Login, redirect_uri: str) -> Attempt:
    return begin_attempt(bridge.services, login, app="native", redirect_uri=redirect_uri, mark=STATE_MARK)


def _remember(bridge: Bridge, wish: schemas.Login, attempt: Attempt, flow: str) -> None:
    services = bridge.services
    with services.db.single() as connection:
        add_attempt(
            connection,
            attempt.state,
            purpose="login",
            flow=flow,
            organization_id=attempt.organization_id or None,
            code_challenge=wish.code_challenge,
            sealed_attempt=seal_native_attempt(services, attempt),
            now=services.now(),
        )


def _started(bridge: Bridge, url: str, attempt: Attempt) -> schemas.LoginStarted:
    return schemas.LoginStarted(
        authorization_url=url,
        state=attempt.state,
        redirect_uri=attempt.redirect_uri,
        expires_in=bridge.services.settings.attempt_seconds,
    )
