"""Logging in by Okta on the web, end to end over real servers."""

from __future__ import annotations

from tests.world import World


def test_a_first_login_by_okta_makes_a_volunteer_and_lands_on_the_page_asked_for(world: World) -> None:
    alice = world.alice
    landing = alice.log_in(next_="/account")
    assert landing.status_code == 200
    assert landing.url == f"{world.base}/account"
    assert "alice@acme.example" in landing.text
    session = alice.session()
    assert session.pop("expires_at") > world.clock()
    assert session == {
        "authenticated": True,
        "email": "alice@acme.example",
        "organization": "acme",
        "role": "volunteer",
        "method": "okta",
    }
