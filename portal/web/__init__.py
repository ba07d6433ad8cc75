"""FLASK: the pages. Every blueprint, guard and header is put on here, and a route without a guard stops the start."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask_babel import Babel
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.services import Services
from portal.web import (
    account,
    activity,
    assets,
    domains,
    embedded,
    errors,
    group_roles,
    guards,
    headers,
    health,
    home,
    identity,
    integrations,
    invitation,
    login,
    members,
    okta_checks,
    okta_guide,
    okta_setup,
    okta_test,
    okta_versions,
    organizations_of,
    passwords,
    phone,
    render,
    security,
    session_length,
    session_pages,
    setup_link,
    throttle,
    trial_login,
    universal_logout,
    widget_assets,
)
from portal.web import callback as _callback  # noqa: F401
from portal.web import guide_links as _guide_links  # noqa: F401
from portal.web import linking as _linking  # noqa: F401
from portal.web import logout as _logout  # noqa: F401
from portal.web import member_removal as _member_removal  # noqa: F401
from portal.web import okta_delete as _okta_delete  # noqa: F401
from portal.web import okta_preview as _okta_preview  # noqa: F401
from portal.web import organization_login as _organization_login  # noqa: F401
from portal.web import password_login as _password_login  # noqa: F401
from portal.web import recovery_login as _recovery_login  # noqa: F401

ROOT = str(Path(__file__).parents[2])


def init_app(app: Flask) -> None:
    """Adds pages, guards, headers and error pages to `app`."""
    services: Services = app.extensions["point"]
    app.config.update(
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_PARTS=100,
        SERVER_NAME=None,
        REMEMBER_COOKIE_NAME="point_never",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    Babel(app, default_translation_directories=f"{ROOT}/translations", locale_selector=render.language)
    # Werkzeug would answer //okta with a redirect to a host of its own making.
    app.url_map.merge_slashes = False
    headers.init_app(app)
    identity.init_app(app)
    guards.init_app(app)
    throttle.init_app(app)
    errors.init_app(app)
    # callback, linking, logout and password_login have put their views on the blueprint of the login pages.
    for family in (
        home, login, passwords, phone, account, session_pages, integrations, okta_checks, okta_versions, group_roles,
        universal_logout,
        security, session_length, okta_guide, okta_setup, okta_test, trial_login, setup_link, activity, domains,
        members, invitation, organizations_of, health,
    ):  # fmt: skip
        app.register_blueprint(family.pages)
    assets.init_app(app)
    embedded.init_app(app)
    okta_test.init_app(app)
    widget_assets.init_app(app)
    render.init_app(app)
    if services.settings.demo:
        from portal.web import styleguide

        app.register_blueprint(styleguide.pages)
    guards.check_routes(app)
    if services.settings.trusted_proxies:
        # Only the address of the client is believed: every link is built from POINT_BASE_URL.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=services.settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]

