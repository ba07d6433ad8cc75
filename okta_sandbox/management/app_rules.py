"""What Okta accepts as an OpenID Connect app, and the defaults it fills in."""

import re
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

from okta_sandbox.directory import Json
from okta_sandbox.errors import ManagementError
from okta_sandbox.management.calls import refuse_invalid
from okta_sandbox.org import Org

TYPES = ("web", "native", "browser", "service")
METHODS = ("none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt")
GRANTS = (
    "authorization_code", "implicit", "refresh_token", "interaction_code", "password", "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
)
REDIRECTING = ("authorization_code", "implicit", "interaction_code")
PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/[^/].*|[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/")


def complete_app(body: Json) -> Json:
    """The parts of the body that are kept, with Okta's defaults; anything unknown is dropped, as Okta does."""
    if body.get("signOnMode") != "OPENID_CONNECT" or body.get("name", "oidc_client") != "oidc_client":
        raise ManagementError("E0000001", "signOnMode", ("signOnMode: The sandbox has OpenID Connect apps only.",))
    _check_lists(_part(_part(body, "settings"), "oauthClient"))
    settings, credentials = _part(body, "settings"), _part(_part(body, "credentials"), "oauthClient")
    oauth = _part(settings, "oauthClient")
    method = credentials.get("token_endpoint_auth_method", "client_secret_basic")
    kind = oauth.get("application_type", "web")
    rotating = {"rotation_type": "ROTATE", "leeway": 30} if kind == "browser" else {"rotation_type": "STATIC"}
    filled = {
        "redirect_uris": [], "post_logout_redirect_uris": [], "response_types": ["code"],
        "grant_types": ["authorization_code"], "consent_method": "TRUSTED", "issuer_mode": "DYNAMIC",
        "idp_initiated_login": {"mode": "DISABLED", "default_scope": []}, "wildcard_redirect": "DISABLED",
        "dpop_bound_access_tokens": False, **oauth, "application_type": kind,
    }
    if "refresh_token" in filled["grant_types"]:
        filled["refresh_token"] = {**rotating, **_part(oauth, "refresh_token")}
    return {
        "name": "oidc_client", "label": str(body.get("label", "")).strip(), "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {
            "autoKeyRotation": True, "pkce_required": kind in ("browser", "native"), **credentials,
            "token_endpoint_auth_method": method,
        }},
        "settings": {"implicitAssignment": bool(settings.get("implicitAssignment", False)), "oauthClient": filled},
    }


def _check_lists(oauth: Json) -> None:
    names = ("redirect_uris", "post_logout_redirect_uris", "response_types", "grant_types")
    wrong = [name for name in names if not isinstance(oauth.get(name, []), list)]
    refuse_invalid("settings", [f"{name}: must be a list." for name in wrong])


def check_app(org: Org, app: Json) -> None:
    oauth, credentials = app["settings"]["oauthClient"], app["credentials"]["oauthClient"]
    refuse_invalid("label", [] if app["label"] else ["label: The field cannot be left blank"])
    refuse_invalid("application_type", _wrong("application_type", [oauth["application_type"]], TYPES))
    method = credentials["token_endpoint_auth_method"]
    refuse_invalid("token_endpoint_auth_method", _wrong("token_endpoint_auth_method", [method], METHODS))
    if method == "none" and credentials["pkce_required"] is not True:
        refuse_invalid("pkce_required", [
            "pkce_required: 'pkce_required' must be true when 'token_endpoint_auth_method' is 'none'.",
        ])
    refuse_invalid("grant_types", _grant_causes(org, oauth["grant_types"]))
    if "authorization_code" in oauth["grant_types"] and "code" not in oauth["response_types"]:
        refuse_invalid("response_types", [
            "response_types: 'response_types' must contain 'code' for the grant type 'authorization_code'.",
        ])
    refuse_invalid("redirect_uris", _uri_causes("redirect_uris", oauth["redirect_uris"]))
    refuse_invalid("post_logout_redirect_uris",
                   _uri_causes("post_logout_redirect_uris", oauth["post_logout_redirect_uris"]))
    if set(oauth["grant_types"]) & set(REDIRECTING) and not oauth["redirect_uris"]:
        refuse_invalid("redirect_uris", ["redirect_uris: At least one redirect URI is required."])
    refuse_invalid("refresh_token", _rotation_causes(oauth.get("refresh_token") or {}))


def add_secret(app: Json, client_id: str, secret: str | None) -> None:
    """A confidential app has a secret, a public one must not."""
    credentials = app["credentials"]["oauthClient"]
    credentials["client_id"] = client_id
    credentials.pop("client_secret", None)
    if credentials["token_endpoint_auth_method"] != "none":
        credentials["client_secret"] = secret or secrets.token_urlsafe(48)


def _part(parent: Json, name: str) -> Json:
    part = parent.get(name)
    return part if isinstance(part, dict) else {}


def _wrong(name: str, values: list[str], allowed: tuple[str, ...]) -> list[str]:
    return [f"{name}: '{value}' is not one of {list(allowed)}." for value in values if value not in allowed]


def _grant_causes(org: Org, grants: list[str]) -> list[str]:
    causes = _wrong("grant_types", grants, GRANTS)
    if "interaction_code" in grants and not org.settings.interaction_code:
        causes.append("grant_types: 'interaction_code' is not enabled for this organization.")
    return causes or ([] if grants else ["grant_types: The field cannot be left blank"])


def _uri_causes(name: str, uris: list[str]) -> Iterator[str]:
    for uri in uris:
        if not is_redirect_uri(uri):
            yield f"{name}: '{uri}' is not a valid redirect URI."


def is_redirect_uri(uri: str) -> bool:
    """A web address without fragment, or a private scheme in reverse-domain form with one slash."""
    if not isinstance(uri, str) or re.search(r"[\s#]", uri):
        return False
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return bool(parts.hostname)
    return bool(PRIVATE_SCHEME.fullmatch(uri))


def _rotation_causes(settings: Json) -> list[str]:
    causes = _wrong("rotation_type", [settings.get("rotation_type", "STATIC")], ("ROTATE", "STATIC"))
    leeway = settings.get("leeway", 30)
    if not isinstance(leeway, int) or not 0 <= leeway <= 60:
        causes.append("leeway: 'leeway' must be between 0 and 60 seconds.")
    return causes
