"""Who is calling: reads and checks a client's id and credentials at the token, introspect and revoke endpoints."""

import binascii
import hmac
from base64 import b64decode
from urllib.parse import unquote_plus, urlsplit

from okta_sandbox.directory import App
from okta_sandbox.errors import OAuthError, UnknownClientError
from okta_sandbox.org import Org
from okta_sandbox.wire import SeenRequest, first


def check_client(org: Org, request: SeenRequest) -> App:
    if {"client_id", "client_secret"} & set(request.query):
        raise OAuthError("client_credentials_in_query")
    basic_id, basic_secret = read_basic(request)
    client_id = basic_id or first(request.form, "client_id")
    secret = basic_secret or first(request.form, "client_secret")
    if not client_id:
        raise OAuthError("missing_client_credentials")
    app = org.find_app(client_id)
    if app is None:
        raise UnknownClientError()
    check_secret(app, secret)
    return app


def read_basic(request: SeenRequest) -> tuple[str, str]:
    """Okta's own JavaScript client sends the bare client id, without the colon that the standard wants."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise OAuthError("invalid_token_endpoint_auth_method") from exc
    return unquote_plus(client_id), unquote_plus(secret)


def check_secret(app: App, secret: str) -> None:
    if app.public:
        if secret:
            raise OAuthError("invalid_token_endpoint_auth_method")
        return
    if not secret:
        raise OAuthError("missing_client_credentials")
    if not hmac.compare_digest(secret.encode(), str(app.credentials.get("client_secret", "")).encode()):
        raise OAuthError("invalid_client_secret")


def check_origin(org: Org, request: SeenRequest, app: App) -> list[tuple[str, str]]:
    """A call from a page carries an Origin: one of the app's redirect URIs or a trusted origin must have it.

    The preflight always says yes; only this check counts. Returns the CORS headers of the answer.
    """
    origin = request.headers.get("origin", "")
    if not origin:
        return []
    if origin not in {origin_of(uri) for uri in app.oauth["redirect_uris"]} and not trusts(org, origin):
        raise OAuthError("illegal_origin_browser_request")
    return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]


def trusts(org: Org, origin: str) -> bool:
    return any(
        entry["origin"] == origin and entry["status"] == "ACTIVE" and {"type": "CORS"} in kinds(entry["scopes"])
        for entry in list(org.origins.values())
    )


def kinds(scopes: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"type": scope["type"]} for scope in scopes]


def origin_of(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
