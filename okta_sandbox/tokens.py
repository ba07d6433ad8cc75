"""/v1/token: an authorization code, an interaction code or a refresh token becomes tokens."""

import hashlib
import hmac

from okta_sandbox.clients import check_client, check_origin
from okta_sandbox.directory import App, AuthorizationServer, Json, Person
from okta_sandbox.errors import OAuthError
from okta_sandbox.grants import Code, SignIn
from okta_sandbox.keys import encode_part
from okta_sandbox.minting import Order, mint_answer
from okta_sandbox.org import Org
from okta_sandbox.policies import find_rule, token_seconds
from okta_sandbox.ticks import app_grants
from okta_sandbox.wire import Answer, SeenRequest, first, send_json

GRANTS = ("authorization_code", "refresh_token", "interaction_code")
NOT_STORED = [("Cache-Control", "no-cache, no-store"), ("Pragma", "no-cache")]


def exchange(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    server = org.find_server(server_id)
    app = check_client(org, request)
    cors = check_origin(org, request, app)
    check_grant(org, app, request)
    if app.oauth.get("dpop_bound_access_tokens"):
        raise OAuthError("missing_dpop_proof")
    redeem = {"authorization_code": redeem_code, "refresh_token": redeem_refresh_token,
              "interaction_code": redeem_interaction_code}[first(request.form, "grant_type")]
    with org.lock:
        order = redeem(org, request, server, app)
    return send_json(mint_answer(org, order), headers=[*NOT_STORED, *cors])


def check_grant(org: Org, app: App, request: SeenRequest) -> None:
    """The refusal lists what is ticked, which is how a misconfiguration can be told from outside."""
    if doubled := sorted(name for name, values in request.form.items() if len(values) > 1):
        raise OAuthError("illegal_duplicated_parameters", ", ".join(doubled))
    grant = first(request.form, "grant_type")
    if not grant:
        raise OAuthError("token_request_missing_grant_type", ", ".join(GRANTS))
    if grant not in GRANTS:
        raise OAuthError("unsupported_grant_type", ", ".join(GRANTS))
    if grant not in (ticked := app_grants(org, app)):
        raise OAuthError("unauthorized_client", ", ".join(ticked))


def redeem_code(org: Org, request: SeenRequest, server: AuthorizationServer, app: App) -> Order:
    code = org.grants.codes.get(first(request.form, "code"))
    if not first(request.form, "code"):
        raise OAuthError("missing_token_request_parameter", "code")
    if code is None or org.clock() >= code.expires_at:
        raise OAuthError("invalid_authorization_code")
    check_code(code, request, server, app)
    if first(request.form, "redirect_uri") != code.redirect_uri:
        raise OAuthError("mismatched_redirect_uri")
    del org.grants.codes[code.value]
    return order_tokens(org, request, server, app, code, gone="invalid_authorization_code")


def redeem_interaction_code(org: Org, request: SeenRequest, server: AuthorizationServer, app: App) -> Order:
    """Okta's clients send a redirect URI along or leave it out, so it counts for nothing here."""
    value = first(request.form, "interaction_code")
    if not value:
        raise OAuthError("missing_token_request_parameter", "interaction_code")
    code = org.grants.interaction_codes.get(value)
    if code is None or org.clock() >= code.expires_at:
        raise OAuthError("invalid_interaction_code")
    check_code(code, request, server, app)
    del org.grants.interaction_codes[code.value]
    return order_tokens(org, request, server, app, code, gone="invalid_interaction_code")


def order_tokens(org: Org, request: SeenRequest, server: AuthorizationServer, app: App, code: Code, *,
                 gone: str) -> Order:
    """The code is used up by now, whatever comes of it. `gone` is the error when its person is not there any more."""
    check_verifier(code, first(request.form, "code_verifier"))
    sign_in, now = code.sign_in, org.clock()
    person = load_person(org, app, sign_in, gone=gone)
    rule = find_rule(org, server, app.client_id, sign_in.grant, sign_in.scopes, person)
    if "offline_access" in sign_in.scopes and "refresh_token" in app.grants:
        lifetime = token_seconds(rule, "refreshTokenLifetimeMinutes")
        sign_in.expires_at = now + lifetime if lifetime else None
        sign_in.idle_seconds = token_seconds(rule, "refreshTokenWindowMinutes")
        org.grants.start_refreshing(sign_in, now=now)
    return Order(server, request.base, sign_in, person, sign_in.scopes, code.nonce,
                 token_seconds(rule, "accessTokenLifetimeMinutes"))


def check_code(code: Code, request: SeenRequest, server: AuthorizationServer, app: App) -> None:
    """A code in the wrong hands is refused without using it up, so that a stranger cannot spoil a login."""
    if code.sign_in.client_id != app.client_id:
        raise OAuthError("mismatched_client")
    if code.sign_in.server_id != server.id:
        raise OAuthError("mismatched_authorization_server")
    if code.challenge and not first(request.form, "code_verifier"):
        raise OAuthError("pkce_missing_verifier")


def check_verifier(code: Code, verifier: str) -> None:
    if not code.challenge:
        if verifier:
            raise OAuthError("pkce_missing_challenge_verifier_present")
        return
    challenge = encode_part(hashlib.sha256(verifier.encode()).digest())
    if not hmac.compare_digest(challenge.encode(), code.challenge.encode()):
        raise OAuthError("pkce_verification_failed")


def redeem_refresh_token(org: Org, request: SeenRequest, server: AuthorizationServer, app: App) -> Order:
    value = first(request.form, "refresh_token")
    if not value:
        raise OAuthError("missing_token_request_parameter", "refresh_token")
    known = org.grants.sign_ins.get(org.grants.refresh_tokens.get(value, ""))
    if known is None or org.faulty["refresh_invalid_grant"]:
        raise OAuthError("invalid_refresh_token")
    if known.server_id != server.id:
        raise OAuthError("mismatched_authorization_server")
    if org.faulty["refresh_reused"]:
        org.grants.end(known)
        raise OAuthError("invalid_refresh_token")
    scopes = read_refresh_scopes(known, request)
    person = load_person(org, app, known, gone="invalid_refresh_token")
    rule = find_rule(org, server, app.client_id, known.grant, scopes, person)
    sign_in = org.grants.use_refresh_token(value, app.client_id, app.leeway, now=org.clock())
    return Order(server, request.base, sign_in, person, scopes, "",
                 token_seconds(rule, "accessTokenLifetimeMinutes"), refreshed=True)


def read_refresh_scopes(sign_in: SignIn, request: SeenRequest) -> list[str]:
    wanted = first(request.form, "scope").split()
    if extra := [scope for scope in wanted if scope not in sign_in.scopes]:
        raise OAuthError("refresh_scopes_denied", ", ".join(extra))
    return wanted or sign_in.scopes


def load_person(org: Org, app: App, sign_in: SignIn, *, gone: str) -> Person:
    """A deactivated person's grants are void; someone no longer assigned is told so."""
    person = org.people_by_id.get(sign_in.person_id)
    if person is None or not person.active or org.faulty["token_person_deactivated"]:
        raise OAuthError(gone)
    assigned = app.assigned(person, org.groups_of(person)) and not org.faulty["token_person_unassigned"]
    if sign_in.client_id == app.client_id and not assigned:
        raise OAuthError("user_not_assigned")
    return person


def allow_origin(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    """The preflight says yes to everybody; the check comes with the POST."""
    origin = request.headers.get("origin", "*")
    return Answer(204, [
        ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Methods", "POST"),
        ("Access-Control-Allow-Headers", "Content-Type, Accept, X-Okta-User-Agent-Extended, Authorization, DPoP"),
        ("Access-Control-Max-Age", "86400"), ("Vary", "Origin"),
    ])


def describe_grant(org: Org, value: str) -> Json:
    """What introspection says of a refresh token."""
    sign_in = org.grants.sign_ins.get(org.grants.refresh_tokens.get(value, ""))
    now = org.clock()
    if sign_in is None or value != sign_in.refresh_token or not sign_in.alive(now):
        return {"active": False}
    person = org.people_by_id[sign_in.person_id]
    ends = sign_in.used_at + sign_in.idle_seconds
    return {
        "active": True, "token_type": "Refresh", "scope": " ".join(sign_in.scopes), "client_id": sign_in.client_id,
        "username": person.email, "uid": person.id, "sub": person.email,
        "exp": int(min(ends, sign_in.expires_at or ends)),
    }
