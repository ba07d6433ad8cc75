"""What anybody may read: the metadata documents, the keys, and which org this is."""

from typing import Any

from okta_sandbox.directory import AuthorizationServer
from okta_sandbox.errors import UnknownClientError
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, SeenRequest, first, send_json, send_nothing

OPEN = ("Access-Control-Allow-Origin", "*")
DAY = ("Cache-Control", "max-age=86400, must-revalidate")
CLIENT_METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]
OBJECT_ALGORITHMS = [f"{family}{size}" for family in ("HS", "RS", "ES") for size in (256, 384, 512)]
CLAIMS = [
    "iss", "ver", "sub", "aud", "iat", "exp", "jti", "auth_time", "amr", "idp", "nonce", "name", "nickname",
    "preferred_username", "given_name", "middle_name", "family_name", "email", "email_verified", "profile", "zoneinfo",
    "locale", "address", "phone_number", "picture", "website", "gender", "birthdate", "updated_at", "at_hash", "c_hash",
]
GRANTS = [
    "authorization_code", "implicit", "refresh_token", "password", "urn:ietf:params:oauth:grant-type:device_code",
    "urn:openid:params:grant-type:ciba", "urn:okta:params:oauth:grant-type:otp",
    "http://auth0.com/oauth/grant-type/mfa-otp", "urn:okta:params:oauth:grant-type:oob",
    "http://auth0.com/oauth/grant-type/mfa-oob",
]


def describe_server(server: AuthorizationServer, base: str) -> dict[str, Any]:
    """Without `interaction_code` and without an interact endpoint: Okta's metadata never tells about them."""
    endpoints = server.endpoints(base)
    return {
        "issuer": server.issuer(base),
        "authorization_endpoint": f"{endpoints}/authorize",
        "token_endpoint": f"{endpoints}/token",
        "userinfo_endpoint": f"{endpoints}/userinfo",
        "registration_endpoint": f"{base}/oauth2/v1/clients",
        "jwks_uri": f"{endpoints}/keys",
        "response_types_supported": [
            "code", "id_token", "code id_token", "code token", "id_token token", "code id_token token",
        ],
        "response_modes_supported": ["query", "fragment", "form_post", "okta_post_message"],
        "grant_types_supported": GRANTS,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": server.scopes,
        "token_endpoint_auth_methods_supported": CLIENT_METHODS,
        "claims_supported": CLAIMS,
        "code_challenge_methods_supported": ["S256"],
        "introspection_endpoint": f"{endpoints}/introspect",
        "introspection_endpoint_auth_methods_supported": CLIENT_METHODS,
        "revocation_endpoint": f"{endpoints}/revoke",
        "revocation_endpoint_auth_methods_supported": CLIENT_METHODS,
        "end_session_endpoint": f"{endpoints}/logout",
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": OBJECT_ALGORITHMS,
        "device_authorization_endpoint": f"{endpoints}/device/authorize",
        "pushed_authorization_request_endpoint": f"{endpoints}/par",
        "backchannel_token_delivery_modes_supported": ["poll"],
        "backchannel_authentication_request_signing_alg_values_supported": OBJECT_ALGORITHMS,
        "dpop_signing_alg_values_supported": [one for one in OBJECT_ALGORITHMS if not one.startswith("HS")],
    }


def show_metadata(org: Org, request: SeenRequest, server_id: str = "", oauth: bool = False) -> Answer:
    server = org.find_server(server_id)
    document = describe_server(server, org.issuer_base(server, first(request.query, "client_id"), request.base))
    if oauth:
        document["grant_types_supported"] = [*GRANTS, "client_credentials"]
    if "client_id" in request.query:
        client_id = first(request.query, "client_id")
        if org.find_app(client_id) is None:
            raise UnknownClientError(400)
        document["jwks_uri"] += f"?client_id={client_id}"
    return send_json(document, headers=[OPEN, DAY])


def show_oauth_metadata(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    return show_metadata(org, request, server_id, oauth=True)


def show_keys(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    org.find_server(server_id)
    keys = [signer.jwk for signer in org.ring(server_id).published]
    return send_json({"keys": keys}, headers=[OPEN, ("Cache-Control", "max-age=3600, must-revalidate")])


def allow_anyone(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    """The preflight: Okta's own clients send a header of theirs even with these questions."""
    return send_nothing(headers=[
        OPEN, ("Access-Control-Allow-Methods", "GET"), ("Access-Control-Max-Age", "86400"),
        ("Access-Control-Allow-Headers", "Content-Type, Accept, X-Okta-User-Agent-Extended"),
    ])


def show_organization(org: Org, request: SeenRequest) -> Answer:
    """`_links` tells which Okta host a custom domain belongs to; `host_names` names that host first."""
    scheme = request.base.partition("://")[0]
    origins = [f"{scheme}://{host}" for host in org.host_names] or [request.base]
    links: dict[str, Any] = {"organization": {"href": origins[0]}}
    if len(origins) > 1:
        links["alternate"] = {"href": origins[1]}
    pipeline = "v1" if org.settings.classic_engine else "idx"
    document = {
        "id": org.id, "cell": "sandbox", "_links": links, "pipeline": pipeline,
        "settings": {"analyticsCollectionEnabled": False, "bugReportingEnabled": False, "omEnabled": False},
    }
    return send_json(document, headers=[OPEN])
