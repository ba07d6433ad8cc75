"""Which people an organization's Okta lets in."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_, select

from portal.store.models import apps, identities, integrations, users


def comes_by_okta(organization_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the row of `users` is somebody whom an Okta of this organization knows, the deleted ones included.

    A person is (issuer, sub), and several organizations may share an Okta: whose login wrote the identity down first
    says nothing about the others. It counts as well, for people who came by an authorization server that the settings
    name no more.
    """
    ours = select(apps.c.issuer).join(integrations, integrations.c.id == apps.c.integration_id)
    ours = ours.where(integrations.c.organization_id == organization_id)
    return exists().where(
        identities.c.user_id == users.c.id,
        or_(identities.c.issuer.in_(ours), identities.c.organization_id == organization_id),
    )
