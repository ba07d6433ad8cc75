"""/v1/logout: ends the session at Okta and leads back to the app. It wants the ID token as proof."""

import json
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from okta_sandbox.authorize import admin_link
from okta_sandbox.directory import App
from okta_sandbox.errors import ShownError
from okta_sandbox.org import Org
from okta_sandbox.signing_in import drop_cookie
from okta_sandbox.wire import Answer, SeenRequest, add_query, first, send_redirect


def sign_out(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    org.find_server(server_id)
    parameters = request.parameters
    app, subject = read_hint(org, first(parameters, "id_token_hint"), first(parameters, "client_id"), server_id)
    location = read_return(app, parameters, request.base)
    with org.lock:
        session = org.find_session(request)
        if session is not None:
            if session.person_id != subject:
                raise ShownError("id_token_does_not_match_session")
            org.end_session(session)
    return send_redirect(location, [("Set-Cookie", drop_cookie())])


def read_hint(org: Org, hint: str, client_id: str, server_id: str) -> tuple[App, str]:
    """The app and the person an ID token was made for. An expired token is as good; a forged one is not."""
    if not hint:
        if client_id:
            raise ShownError("missing_token_request_parameter", "id_token_hint")
        raise ShownError("invalid_client_id")
    claims = verify_hint(org, hint, server_id)
    app = org.find_app(str(claims.get("aud")))
    if app is None:
        raise ShownError("invalid_client_id")
    return app, str(claims.get("sub"))


def verify_hint(org: Org, hint: str, server_id: str) -> dict[str, Any]:
    for signer in org.ring(server_id).known:
        try:
            verified = jws.deserialize_compact(hint, signer.key, algorithms=["RS256"])
            claims: dict[str, Any] = json.loads(verified.payload)
        except (JoseError, ValueError):
            continue
        if str(claims.get("jti", "")).startswith("ID."):
            return claims
    raise ShownError("id_token_invalid")


def read_return(app: App, parameters: dict[str, list[str]], base: str) -> str:
    """The query of a return address carries `state` when one was sent."""
    uri, state = first(parameters, "post_logout_redirect_uri"), first(parameters, "state")
    if not uri:
        return f"{base}/login/login.htm"
    if uri not in (app.oauth.get("post_logout_redirect_uris") or []):
        raise ShownError("illegal_post_logout_redirect_uri", admin_link(base, app.client_id))
    return add_query(uri, [("state", state)]) if state else uri
