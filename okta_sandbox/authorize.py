"""/v1/authorize: checks a request in Okta's order and leads back to the client, or to the sign-in page.

Unknown client and redirect URI are shown on a page; everything after them goes back to the client, so whatever
was redirected proves both of them right.
"""

import re
from dataclasses import dataclass

from okta_sandbox.directory import App, AuthorizationServer, make_id
from okta_sandbox.errors import ManagementError, OAuthError, ShownError
from okta_sandbox.grants import SignIn
from okta_sandbox.org import PENDING_SECONDS, Attempt, Org, Session
from okta_sandbox.pages import sign_in_page
from okta_sandbox.policies import find_rule
from okta_sandbox.wire import Answer, SeenRequest, add_query, first, post_form, send_page, send_redirect

PROMPTS = ("none", "login", "consent", "login consent", "enroll_authenticator")
BASE64URL = re.compile(r"[A-Za-z0-9_-]{43,128}")
STATE = re.compile(r"[A-Za-z0-9,._-]{1,2048}")
RESPONSE_MODES = ("query", "fragment", "form_post", "okta_post_message")


@dataclass(frozen=True)
class Return:
    """Where an answer of this authorize request goes."""

    redirect_uri: str
    response_mode: str
    state: str


def authorize(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    parameters = request.parameters
    try:
        server = org.find_server(server_id)
    except ManagementError as exc:
        if exc.status == 401:
            raise
        raise ShownError("invalid_authorization_server") from exc
    app = read_client(org, parameters)
    redirect_uri = read_redirect_uri(app, parameters, request.base)
    mode = first(parameters, "response_mode") or "query"
    back = Return(redirect_uri, mode if mode in RESPONSE_MODES[:3] else "query", first(parameters, "state"))
    try:
        attempt = read_attempt(org, server, app, back, parameters)
    except OAuthError as error:
        return send_back(back, refuse(error))
    return continue_attempt(org, request, attempt)


def read_client(org: Org, parameters: dict[str, list[str]]) -> App:
    app = org.find_app(first(parameters, "client_id"))
    if app is None:
        raise ShownError("invalid_client_id")
    if app.oauth["application_type"] == "service":
        raise ShownError("invalid_client_application_type", "authorize")
    return app


def read_redirect_uri(app: App, parameters: dict[str, list[str]], base: str) -> str:
    """Compared exactly, case, port and trailing slash included."""
    given = parameters.get("redirect_uri", [])
    if len(given) != 1 or given[0] not in app.oauth["redirect_uris"]:
        raise ShownError("illegal_redirect_uri", admin_link(base, app.client_id))
    return given[0]


def admin_link(base: str, client_id: str) -> str:
    return f"{base}/admin/app/oidc_client/instance/{client_id}#tab-general"


def read_attempt(org: Org, server: AuthorizationServer, app: App, back: Return,
                 parameters: dict[str, list[str]]) -> Attempt:
    if doubled := sorted(name for name, values in parameters.items() if len(values) > 1):
        raise OAuthError("illegal_duplicated_parameters", ", ".join(doubled))
    if org.faulty["authorize_error_server_error"]:
        raise OAuthError("server_error")
    check_response(app, parameters)
    if not STATE.fullmatch(back.state):
        raise OAuthError("invalid_state")
    scopes = read_scopes(org, server, app, parameters)
    check_challenge(app, parameters)
    prompt, max_age = read_prompt(parameters)
    if first(parameters, "idp") not in ("", org.id):
        raise OAuthError("unknown_idp")
    return Attempt(
        server_id=server.id, client_id=app.client_id, redirect_uri=back.redirect_uri, state=back.state,
        response_mode=back.response_mode, scopes=scopes, nonce=first(parameters, "nonce"),
        challenge=first(parameters, "code_challenge"), prompt=prompt, max_age=max_age,
        login_hint=first(parameters, "login_hint"), created_at=org.clock(),
    )


def check_response(app: App, parameters: dict[str, list[str]]) -> None:
    """The sandbox speaks the code flow only, and only for apps with that grant ticked."""
    response_type = first(parameters, "response_type")
    if not response_type:
        raise OAuthError("missing_token_request_parameter", "response_type")
    if response_type != "code" or "authorization_code" not in app.grants:
        configured = app.oauth["response_types"] if "authorization_code" in app.grants else []
        raise OAuthError("unsupported_response_type", ", ".join(configured))
    mode = first(parameters, "response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise OAuthError("unsupported_response_mode")
    if mode == "okta_post_message":
        raise OAuthError("okta_post_message_with_code")


def read_scopes(org: Org, server: AuthorizationServer, app: App, parameters: dict[str, list[str]]) -> list[str]:
    scopes = list(dict.fromkeys(first(parameters, "scope").split()))
    if not scopes:
        raise OAuthError("missing_scopes")
    if not set(scopes) <= set(server.scopes):
        raise OAuthError("no_matching_scope")
    refreshable = "refresh_token" in app.grants and not org.faulty["offline_access_refused"]
    if "offline_access" in scopes and not refreshable:
        raise OAuthError("no_matching_scope")
    if "openid" not in scopes:
        raise OAuthError("openid_scope_required")
    return scopes


def check_challenge(app: App, parameters: dict[str, list[str]]) -> None:
    challenge, method = first(parameters, "code_challenge"), first(parameters, "code_challenge_method")
    if not challenge:
        if app.public or app.credentials.get("pkce_required"):
            raise OAuthError("pkce_missing_challenge")
        return
    if method != "S256":
        raise OAuthError("pkce_unsupported_code_challenge_method", "S256")
    if not BASE64URL.fullmatch(challenge):
        raise OAuthError("pkce_invalid_challenge")


def read_prompt(parameters: dict[str, list[str]]) -> tuple[str, int | None]:
    prompt, max_age = first(parameters, "prompt"), first(parameters, "max_age")
    if prompt not in ("", *PROMPTS):
        raise OAuthError("invalid_prompt", ", ".join(PROMPTS))
    if not max_age:
        return prompt, None
    if not re.fullmatch(r"[0-9]{1,10}", max_age) or int(max_age) > 2**31 - 1:
        raise OAuthError("invalid_max_age")
    if prompt == "none" and int(max_age) == 0:
        raise OAuthError("invalid_prompt_for_zero_max_age")
    return prompt, int(max_age)


def continue_attempt(org: Org, request: SeenRequest, attempt: Attempt) -> Answer:
    """With a session at Okta that is good enough straight back, otherwise to the sign-in page."""
    session = org.find_session(request)
    strong = session is not None and "login" not in attempt.prompt and (
        attempt.max_age is None or org.clock() - session.auth_time < max(attempt.max_age, 0)
    )
    if session is not None and strong:
        return finish_attempt(org, attempt, session)
    if attempt.prompt == "none":
        return send_back_from(attempt, refuse(OAuthError("app_sign_on_required" if session else "login_required")))
    with org.lock:
        state_token = org.keep_attempt(attempt)
    return send_page(sign_in_page(org.name, state_token, attempt.login_hint))


def finish_attempt(org: Org, attempt: Attempt, session: Session) -> Answer:
    """The person is known: the app's assignment and the access policy decide, and a code is made."""
    try:
        if org.clock() > attempt.created_at + PENDING_SECONDS:
            raise OAuthError("request_expired")
        with org.lock:
            return send_back_from(attempt, [("code", grant_code(org, attempt, session)), ("state", attempt.state)])
    except OAuthError as error:
        return send_back_from(attempt, refuse(error))


def grant_code(org: Org, attempt: Attempt, session: Session) -> str:
    app, person = org.find_app(attempt.client_id), org.people_by_id[session.person_id]
    if app is None or not app.assigned(person, org.groups_of(person)):
        raise OAuthError("user_not_assigned")
    server = org.servers[attempt.server_id]
    find_rule(org, server, app.client_id, "authorization_code", attempt.scopes, person)
    sign_in = SignIn(make_id("oar"), app.client_id, server.id, person.id, attempt.scopes, "authorization_code",
                     session.auth_time)
    return org.grants.add_code(sign_in, attempt.redirect_uri, attempt.challenge, attempt.nonce, now=org.clock())


def refuse(error: OAuthError) -> list[tuple[str, str]]:
    return [("error", error.error), ("error_description", error.description)]


def send_back_from(attempt: Attempt, pairs: list[tuple[str, str]]) -> Answer:
    return send_back(Return(attempt.redirect_uri, attempt.response_mode, attempt.state), pairs)


def send_back(back: Return, pairs: list[tuple[str, str]]) -> Answer:
    """An error has the state in front, a code has it behind; there is never an `iss`."""
    if pairs[0][0] == "error" and back.state:
        pairs = [("state", back.state), *pairs]
    if back.response_mode == "form_post":
        return send_page(post_form(back.redirect_uri, pairs))
    return send_redirect(add_query(back.redirect_uri, pairs, "#" if back.response_mode == "fragment" else "?"))
