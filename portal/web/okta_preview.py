"""Organization > Integrations > Okta > Preview: the login page with Okta's form, before anybody depends on it."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal.current import services
from portal.store.okta_logins import find_login
from portal.web import embedded, widget_assets
from portal.web.guards import member
from portal.web.integrations import pages
from portal.web.redirects import Redirect


@pages.get("/okta/preview")
@member("integrations.view")
def okta_preview(slug: str) -> ResponseReturnValue:
    """The login page with Okta's form, as people would see it."""
    with services().db.reading() as connection:
        login = find_login(connection, slug)
    if login is None or not widget_assets.installed():
        return Redirect(f"/organizations/{slug}/integrations/okta")
    return embedded.preview(login)
