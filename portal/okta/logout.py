"""Ending the session at Okta: builds the address to send the browser to. Ending ours is somebody else's work."""

from __future__ import annotations

from authlib.common.urls import add_params_to_uri

from portal.okta.metadata import Provider


def logout_url(
    provider: Provider, *, id_token_hint: str, post_logout_redirect_uri: str, state: str
) -> str | None:
    """Where the browser ends its session at Okta (RP-Initiated Logout section 2); None if Okta offers no such thing.

    id_token_hint -- the raw ID token of the session, which Okta insists on; an expired one will do.
    post_logout_redirect_uri -- exactly as registered. state -- comes back unchanged.
    """
    if provider.end_session_endpoint is None:
        return None
    parameters = {
        "id_token_hint": id_token_hint, "post_logout_redirect_uri": post_logout_redirect_uri, "state": state,
    }
    return str(add_params_to_uri(provider.end_session_endpoint, parameters))
