"""Which path leads to which endpoint, and what becomes of an error on the way back.

The name of an endpoint is what a fault of one endpoint is tied to.
"""

import re
import secrets
import traceback
from dataclasses import dataclass

from okta_sandbox import panel
from okta_sandbox.authorize import authorize
from okta_sandbox.discovery import allow_anyone, show_keys, show_metadata, show_oauth_metadata, show_organization
from okta_sandbox.errors import ManagementError, OAuthError, ShownError
from okta_sandbox.faults import spoil_answer
from okta_sandbox.idx import paths as idx
from okta_sandbox.idx.messages import IdxError
from okta_sandbox.idx.origins import origin_headers
from okta_sandbox.management.api_tokens import check_token
from okta_sandbox.management.calls import check_rate, rate_headers, spoil_call
from okta_sandbox.management.paths import PATHS
from okta_sandbox.org import Org
from okta_sandbox.pages import error_page
from okta_sandbox.signing_in import show_home, sign_in
from okta_sandbox.signing_out import sign_out
from okta_sandbox.token_use import introspect, revoke, show_userinfo
from okta_sandbox.tokens import allow_origin, exchange
from okta_sandbox.universal_logout import order_logout
from okta_sandbox.wire import Answer, Endpoint, SeenRequest, send_nothing, send_page

SERVER = r"/oauth2(?:/(?P<server_id>(?!v1/)[^/]+))?"

METADATA = r"(?:/oauth2/[^/]+)?/\.well-known/[^/]+(?:/oauth2/[^/]+)?"


@dataclass(frozen=True)
class Route:
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    name: str
    endpoint: Endpoint


def route(methods: str, pattern: str, name: str, endpoint: Endpoint) -> Route:
    return Route(tuple(methods.split()), re.compile(pattern), name, endpoint)


ROUTES = [
    route("GET", r"/\.well-known/openid-configuration", "discovery", show_metadata),
    route("GET", r"/oauth2/(?P<server_id>[^/]+)/\.well-known/openid-configuration", "discovery", show_metadata),
    route("GET", r"/\.well-known/oauth-authorization-server(?:/oauth2/(?P<server_id>[^/]+))?", "discovery",
          show_oauth_metadata),
    route("GET", r"/oauth2/(?P<server_id>[^/]+)/\.well-known/oauth-authorization-server", "discovery",
          show_oauth_metadata),
    route("GET", r"/\.well-known/okta-organization", "organization", show_organization),
    route("GET", SERVER + "/v1/keys", "keys", show_keys),
    route("OPTIONS", METADATA + "|" + SERVER + "/v1/keys", "preflight", allow_anyone),
    route("GET POST", SERVER + "/v1/authorize", "authorize", authorize),
    route("GET", r"/favicon\.ico", "icon", lambda org, request: send_nothing()),
    route("GET", r"/(?:login/login\.htm)?", "home", show_home),
    route("POST", r"/login/login\.htm", "sign_in", sign_in),
    route("OPTIONS", SERVER + "/v1/(?:token|userinfo|introspect|revoke)", "preflight", allow_origin),
    route("POST", SERVER + "/v1/token", "token", exchange),
    route("GET POST", SERVER + "/v1/userinfo", "userinfo", show_userinfo),
    route("POST", SERVER + "/v1/introspect", "introspect", introspect),
    route("POST", SERVER + "/v1/revoke", "revoke", revoke),
    route("GET POST", SERVER + "/v1/logout", "logout", sign_out),
    *(route(methods, pattern, name, endpoint) for methods, pattern, name, endpoint in idx.PATHS),
    route("GET", "/sandbox", "sandbox", panel.show),
    route("GET", "/sandbox/mails", "sandbox", panel.list_mails),
    route("GET", "/sandbox/faults", "sandbox", panel.list_faults),
    route("GET", "/sandbox/faults/(?P<name>[a-z0-9_]+)", "sandbox", panel.read_fault),
    route("PUT", "/sandbox/faults/(?P<name>[a-z0-9_]+)", "sandbox", panel.set_fault),
    route("POST", "/sandbox/switches", "sandbox", panel.set_switches),
    route("POST", "/sandbox/settings", "sandbox", panel.set_settings),
    route("POST", "/sandbox/people", "sandbox", panel.change_person),
    route("POST", "/sandbox/rotate", "sandbox", panel.rotate),
    route("POST", "/sandbox/universal-logout", "sandbox", order_logout),
    *(route(methods, pattern, "management", endpoint) for methods, pattern, endpoint in PATHS),
]


def respond(org: Org, request: SeenRequest) -> Answer:
    """The answer to any request at all; a mistake in the sandbox itself becomes Okta's 500."""
    org.seen.append(request)
    if org.answer is not None and (taken := org.answer(request)) is not None:
        return taken
    try:
        answer = call_endpoint(org, request)
    except Exception:
        traceback.print_exc()
        answer = ManagementError("E0000009").answer()
    if request.path.startswith("/api/"):
        answer.headers += rate_headers(org, request)
    answer.headers.append(("x-okta-request-id", secrets.token_hex(16)))
    return answer


def call_endpoint(org: Org, request: SeenRequest) -> Answer:
    """The sandbox's own page is spared by every fault, so that a fault can always be switched off again."""
    try:
        found, match = find_route(request)
    except ManagementError as error:
        return error.answer()
    answer = ask_endpoint(org, request, found, match)
    if found.name == "sandbox":
        return answer
    answer = spoil_answer(found.name, org.faulty, answer)
    if found.name in idx.WITH_ORIGINS:
        answer.headers += origin_headers(org, request)
    if org.faulty["slow_everything"]:
        answer.delay += org.delay_ms / 1000
    return answer


def ask_endpoint(org: Org, request: SeenRequest, found: Route, match: re.Match[str]) -> Answer:
    named = {name: value for name, value in match.groupdict().items() if value is not None}
    try:
        if (org.faulty["rate_limited"] and found.name != "sandbox") or org.faulty.get(f"{found.name}_429"):
            raise ManagementError("E0000047")
        if found.name == "management":
            if org.faulty["api_token_revoked"]:
                raise ManagementError("E0000011")
            check_rate(org)
            check_token(org, request)
            return spoil_call(org, request, found.endpoint(org, request, **named))
        return found.endpoint(org, request, **named)
    except ShownError as error:
        return send_page(error_page(org.name, error.error, error.description), 400)
    except (OAuthError, ManagementError, IdxError) as error:
        return error.answer()


def find_route(request: SeenRequest) -> tuple[Route, re.Match[str]]:
    method = "GET" if request.method == "HEAD" else request.method
    known_path = False
    for candidate in ROUTES:
        match = candidate.pattern.fullmatch(request.path)
        if match and method in candidate.methods:
            return candidate, match
        known_path = known_path or match is not None
    raise ManagementError("E0000022" if known_path else "E0000008")
