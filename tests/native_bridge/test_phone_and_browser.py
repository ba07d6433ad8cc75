"""The browser session that a login of the app began on the same phone ends with it; one from before stays."""

from __future__ import annotations

import html
import re
import secrets
from typing import Any

import pytest
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.giving_back import finish_giving_back
from tests.world import Visitor, World


@pytest.fixture
def verifier() -> str:
    return secrets.token_urlsafe(32)


def start(world: World, verifier: str, **wish: Any) -> str:
    sent = {"organization": "acme", "code_challenge": create_s256_code_challenge(verifier)}
    sent |= {"code_challenge_method": "S256", "method": "password", **wish}
    return str(requests.post(f"{world.base}/native/v1/login", json=sent, timeout=10).json()["authorization_url"])


def finish(world: World, verifier: str, page: requests.Response) -> dict[str, str]:
    """The page "Open POINT" leads to the app, which redeems its link; answers the app's header."""
    found = re.search(r'href="(org\.pointapp\.point:/login[^"]+)"', page.text)
    assert found, page.text
    sent = {"deep_link": html.unescape(found[1]), "code_verifier": verifier}
    tokens = requests.post(f"{world.base}/native/v1/login/complete", json=sent, timeout=10).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def log_out(world: World, header: dict[str, str], okta: bool) -> dict[str, Any]:
    answer = requests.post(f"{world.base}/native/v1/logout", json={"okta": okta}, headers=header, timeout=10)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def by_password(world: World, olivia: Visitor, verifier: str) -> dict[str, str]:
    page = olivia.get(start(world, verifier))
    return finish(world, verifier, olivia.submit(page, email=olivia.email, password="demo-owner-password"))


@pytest.mark.parametrize("okta", [False, True], ids=["this phone only", "okta too"])
def test_logging_out_of_the_app_ends_the_browser_session_that_began_for_it(
    world: World, verifier: str, okta: bool
) -> None:
    olivia = world.olivia
    header = by_password(world, olivia, verifier)
    assert olivia.session()["authenticated"] is True
    assert log_out(world, header, okta) == {"logout_url": None, "state": None}
    assert olivia.session() == {"authenticated": False}


def test_a_browser_that_was_logged_in_before_stays_so(world: World, verifier: str) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    world.clock.forward(60)
    page = olivia.get(start(world, verifier))
    assert "Continue" in page.text
    header = finish(world, verifier, olivia.submit(page, "state", button="Continue"))
    log_out(world, header, False)
    assert olivia.session()["authenticated"] is True


def test_an_organization_without_an_app_for_phones_comes_by_its_web_app_and_leaves_okta_too(
    world: World, verifier: str
) -> None:
    world.connect(native_client_id="", native_domain="")
    alice = world.alice
    page = alice.get(start(world, verifier, method="okta"))
    way = re.search(r'href="(/login/acme/okta[^"]*)"', page.text)
    assert way
    at_okta = alice.get(html.unescape(way[1]))
    page = alice.follow(alice.sign_in_at_okta(at_okta))
    header = finish(world, verifier, alice.submit(page, "state", button="Continue"))
    left = log_out(world, header, True)
    assert left["logout_url"].startswith(f"{world.okta}/oauth2/v1/logout?id_token_hint=")
    assert left["state"] is None
    assert alice.session() == {"authenticated": False}
    finish_giving_back(world.services)
    assert [call.form["token_type_hint"] for call in world.requests_to("/revoke")] == [["refresh_token"]]
