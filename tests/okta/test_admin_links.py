"""Links into the Admin Console lead to the right tenant's right page, or there is none."""

from __future__ import annotations

from typing import get_args

import pytest

from portal.okta.admin_links import admin_link
from portal.okta.hostname import OKTA_SUFFIXES
from portal.okta.steps import STEPS, Place

ID = "0oa1b2c3d4e5f6g7h8i9"
APP = f"/admin/app/oidc_client/instance/{ID}"
PLACES = {
    "home": "/admin/dashboard",
    "applications": "/admin/apps/active",
    "new_app": "/admin/apps/active",
    "app_general": f"{APP}#tab-general",
    "app_sign_on": f"{APP}#tab-signon",
    "app_assignments": f"{APP}#tab-assignments",
    "trusted_origins": "/admin/access/api/trusted_origins",
    "authorization_servers": "/admin/oauth2/as",
    "access_policies": "/admin/oauth2/as/default#policies",
    "claims": "/admin/oauth2/as/default#claims",
    "account_settings": "/admin/settings/account",
    "system_log": "/report/system_log_2",
    "api_tokens": "/admin/access/api/tokens",
}


def test_every_place_of_the_console_is_tried_here() -> None:
    assert set(PLACES) == set(get_args(Place)) >= {step.place for step in STEPS}


@pytest.mark.parametrize(("place", "path"), PLACES.items())
@pytest.mark.parametrize("suffix", OKTA_SUFFIXES)
def test_a_link_leads_to_the_page_in_the_tenant_s_own_console(suffix: str, place: Place, path: str) -> None:
    assert admin_link(f"acme.{suffix}", place, client_id=ID, server_id="default") == f"https://acme-admin.{suffix}{path}"


@pytest.mark.parametrize(
    ("host", "console"),
    [
        ("dev-123456.okta.com", "dev-123456-admin.okta.com"),
        ("ACME.okta.com", "acme-admin.okta.com"),
        ("https://acme.oktapreview.com", "acme-admin.oktapreview.com"),
        ("https://acme.okta-emea.com/", "acme-admin.okta-emea.com"),
    ],
)
def test_a_host_is_taken_as_it_is_stored(host: str, console: str) -> None:
    assert admin_link(host, "home") == f"https://{console}/admin/dashboard"


@pytest.mark.parametrize(
    "host",
    [
        "", "id.example.org", "okta.com", "www.okta.com", "acme-admin.okta.com", "a.b.okta.com", "evilokta.com",
        "acme.okta.com.evil.example", "evil.example#.okta.com", "evil.example?.okta.com", "evil.example\\.okta.com",
        "acme.okta.com@evil.example", "javascript:alert(1)", "acme.okta.com:8443", "acme okta.com", "acme.okta.com\n",
        "аcme.okta.com", "10.0.0.1", "http://acme.okta.com", "acme.okta.com/admin", f"{'a' * 58}.okta.com",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["home", "app_general", "new_app"])
def test_a_host_that_is_no_okta_s_own_gets_no_link(host: str, place: Place) -> None:
    """A custom domain has no console; where it is, the checks find out."""
    assert admin_link(host, place, client_id=ID) == ""


@pytest.mark.parametrize(
    "client_id", ["", "0oa/../../x", "0oa?x", "0oa#x", "0oa x", "0oa\n", "..", ".", '0oa"onclick=', "é", "x" * 256]
)
def test_an_id_that_is_none_leads_to_the_list(client_id: str) -> None:
    assert admin_link("acme.okta.com", "app_general", client_id=client_id) == (
        "https://acme-admin.okta.com/admin/apps/active"
    )


@pytest.mark.parametrize("server_id", ["", "org", "auto", "aus", "../x", "default/../x", "aus1?x", "aus1#x", "Default"])
def test_a_server_without_an_id_of_its_own_leads_to_the_list(server_id: str) -> None:
    assert admin_link("acme.okta.com", "access_policies", server_id=server_id) == (
        "https://acme-admin.okta.com/admin/oauth2/as"
    )


def test_a_server_with_an_id_leads_to_its_policies() -> None:
    found = admin_link("acme.okta.com", "access_policies", server_id="aus1a2b3c4D5")
    assert found == "https://acme-admin.okta.com/admin/oauth2/as/aus1a2b3c4D5#policies"


def test_a_new_app_leads_straight_to_the_form_of_its_kind() -> None:
    wizard = "https://acme-admin.okta.com/admin/apps/oauth2-wizard/create?applicationType="
    assert admin_link("acme.okta.com", "new_app", new="spa") == wizard + "BROWSER"
    assert admin_link("acme.okta.com", "new_app", new="native") == wizard + "NATIVE"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("origin", ["http://localhost:9100", "http://127.0.0.1:9100"])
def test_a_sandbox_is_its_own_console(origin: str, place: Place) -> None:
    assert admin_link(origin, place, client_id=ID).partition("#")[0] == f"{origin}/sandbox"
