"""What a token is good for: userinfo, introspect, and revoke."""

from okta_sandbox.clients import check_client, check_origin
from okta_sandbox.directory import Json
from okta_sandbox.errors import OAuthError
from okta_sandbox.faults import PERSON_FAULTS, apply_faults
from okta_sandbox.grants import AccessToken
from okta_sandbox.group_claims import list_groups
from okta_sandbox.org import Org
from okta_sandbox.tokens import describe_grant
from okta_sandbox.wire import Answer, SeenRequest, first, send_json, send_nothing


def show_userinfo(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    server = org.find_server(server_id)
    try:
        token = read_bearer(org, request, server_id)
    except OAuthError as error:
        return refuse_bearer(error)
    person = org.people_by_id[token.person_id]
    groups = list_groups(org, server, org.apps[token.client_id], person, token.scopes, userinfo=True)
    claims = {**groups, **person.userinfo(token.scopes)}
    apply_faults(PERSON_FAULTS, org.faulty, claims)
    if org.faulty["userinfo_signed_jwt"]:
        signer = org.ring(server_id).active
        signed = {"iss": server.issuer(request.base), "aud": token.client_id, **claims}
        return Answer(200, [("Content-Type", "application/jwt")],
                      signer.encode({"alg": "RS256", "kid": signer.kid}, signed).encode())
    return send_json(claims, headers=[("Access-Control-Allow-Origin", request.headers.get("origin", "*"))])


def read_bearer(org: Org, request: SeenRequest, server_id: str) -> AccessToken:
    if "access_token" in request.query:
        raise OAuthError("access_token_in_query")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip() if scheme.lower() == "bearer" else first(request.form, "access_token")
    if not value:
        raise OAuthError("access_token_missing")
    token = org.grants.access_tokens.get(value)
    person = org.people_by_id.get(token.person_id) if token else None
    if token is None or token.server_id != server_id or person is None or not person.active:
        raise OAuthError("access_token_invalid")
    if token.revoked:
        raise OAuthError("access_token_revoked")
    if org.clock() >= token.expires_at:
        raise OAuthError("token_expired")
    if "openid" not in token.scopes:
        raise OAuthError("insufficient_scope")
    return token


def refuse_bearer(error: OAuthError) -> Answer:
    said = f'Bearer error="{error.error}", error_description="{error.description}"'
    return send_nothing(error.status, [("WWW-Authenticate", said)])


def introspect(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    org.find_server(server_id)
    app = check_client(org, request)
    cors = check_origin(org, request, app)
    value = first(request.form, "token")
    if not value:
        raise OAuthError("request_missing_token")
    token = org.grants.access_tokens.get(value)
    if token is not None and token.server_id == server_id:
        return send_json(describe_access_token(org, token), headers=cors)
    return send_json(describe_grant(org, value), headers=cors)


def describe_access_token(org: Org, token: AccessToken) -> Json:
    person = org.people_by_id.get(token.person_id)
    if token.revoked or org.clock() >= token.expires_at or person is None or not person.active:
        return {"active": False}
    return {
        "active": True, "scope": " ".join(token.scopes), "username": person.email, "exp": token.expires_at,
        "iat": token.issued_at, "sub": person.email, "aud": token.audience, "iss": token.issuer, "jti": token.jti,
        "token_type": "Bearer", "client_id": token.client_id, "uid": person.id,
    }


def revoke(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    """Unknown tokens get the same 200. A refresh token takes its access tokens with it, not the reverse."""
    org.find_server(server_id)
    app = check_client(org, request)
    cors = check_origin(org, request, app)
    value = first(request.form, "token")
    if not value:
        raise OAuthError("request_missing_token")
    with org.lock:
        token = org.grants.access_tokens.get(value)
        if token is not None and token.client_id == app.client_id:
            token.revoked = True
        sign_in = org.grants.sign_ins.get(org.grants.refresh_tokens.get(value, ""))
        if sign_in is not None and sign_in.client_id == app.client_id:
            org.grants.end(sign_in)
    return send_nothing(200, cors)
