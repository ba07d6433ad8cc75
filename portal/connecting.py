"""What the Save button and `flask okta save` do alike: ask that Okta, then store, in one piece."""

from __future__ import annotations

from portal.okta.connect import Entries, FoundApp, Surroundings, connect
from portal.services import Services
from portal.store.activity import record_event
from portal.store.integrations import App, Integration, save_integration


def surroundings(services: Services) -> Surroundings:
    """Where this portal wants people sent back, and what it takes for an Okta."""
    settings = services.settings
    return Surroundings(
        redirect_uris={"spa": settings.redirect_uri, "native": f"{settings.native_scheme}:/login"},
        loopback=settings.loopback_okta,
        extra_suffixes=settings.okta_domains,
    )


def save_okta(
    services: Services,
    organization_id: int,
    entries: Entries,
    *,
    sign_in: str,
    who: str,
    reference: str,
    check: bool = True,
    expected_version: int | None = None,
) -> Integration:
    """Connects the organization. Nothing is stored unless that Okta would let a login begin (or `check` is False).

    Raises EntriesRefused, and Refused(CONFLICT) when somebody else has saved since `expected_version`.
    """
    found = connect(services.door, entries, surroundings(services), check=check)
    for app in found:
        services.providers.forget(app.issuer)
    now = services.now()
    with services.db.writing() as connection:
        saved = save_integration(
            connection,
            organization_id,
            saved_apps=[_stored(app) for app in found],
            authorization_server=entries.authorization_server,
            sign_in=sign_in,
            checked=check,
            who=who,
            now=now,
            expected_version=expected_version,
        )
        about = {app.kind: [app.client_id, app.issuer] for app in found}
        record_event(
            connection, organization_id, who=who, what="okta.saved", now=now, reference=reference, about=about
        )
    return saved


def _stored(app: FoundApp) -> App:
    return App(app.kind, app.client_id, app.domain, app.issuer, app.scope)
