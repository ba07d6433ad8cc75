"""Where a browser ends its session at Okta."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from portal.okta.logout import logout_url
from tests.okta.scripted import ISSUER, provider

WISH = {"id_token_hint": "eyJ.a-_.b", "post_logout_redirect_uri": "https://dash.pointapp.org", "state": "s-1"}


def test_the_hint_the_return_and_the_state_are_sent() -> None:
    url = logout_url(provider(), **WISH)
    assert url is not None
    assert url.startswith(f"{ISSUER}/oauth2/v1/logout?")
    assert dict(parse_qsl(urlsplit(url).query, strict_parsing=True)) == WISH


def test_the_phone_s_own_scheme_is_spelled_as_registered() -> None:
    url = logout_url(provider(), **{**WISH, "post_logout_redirect_uri": "org.pointapp.point:/logout"})
    assert dict(parse_qsl(urlsplit(url or "").query))["post_logout_redirect_uri"] == "org.pointapp.point:/logout"


def test_an_endpoint_that_has_a_query_keeps_it() -> None:
    url = logout_url(provider(end_session_endpoint=f"{ISSUER}/logout?tenant=a%26b"), **WISH)
    assert dict(parse_qsl(urlsplit(url or "").query)) == {"tenant": "a&b", **WISH}


def test_an_issuer_without_the_endpoint_has_no_such_address() -> None:
    assert logout_url(provider(end_session_endpoint=None), **WISH) is None
