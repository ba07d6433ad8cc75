"""The paths of the embedded sign-in, each with its methods, the name its faults are tied to, and its function."""

from okta_sandbox.idx import steps
from okta_sandbox.idx.interact import interact
from okta_sandbox.idx.origins import allow_trusted
from okta_sandbox.idx.returning import lead_back, show_provider, sign_in_at_provider
from okta_sandbox.wire import Endpoint

INTERACT = r"/oauth2(?:/(?P<server_id>(?!v1/)[^/]+))?/v1/interact"
STEPS: dict[str, Endpoint] = {
    "introspect": steps.introspect, "identify": steps.identify, "challenge": steps.challenge,
    "challenge/answer": steps.answer_challenge, "challenge/resend": steps.resend, "challenge/poll": steps.poll,
    "recover": steps.recover, "cancel": steps.cancel,
}
PROVIDER = "/sso/idps/(?P<idp_id>[^/]+)"

PATHS: list[tuple[str, str, str, Endpoint]] = [
    ("POST", INTERACT, "interact", interact),
    ("OPTIONS", INTERACT, "interact_preflight", allow_trusted),
    *(("POST", f"/idp/idx/{place}", "idx", endpoint) for place, endpoint in STEPS.items()),
    *(("OPTIONS", f"/idp/idx/{place}", "idx_preflight", allow_trusted) for place in STEPS),
    ("GET", PROVIDER, "identity_provider", show_provider),
    ("POST", PROVIDER, "identity_provider", sign_in_at_provider),
    ("GET", "/login/error/redirect", "sign_in", lead_back),
]
WITH_ORIGINS = {"interact", "interact_preflight", "idx", "idx_preflight"}
"""The endpoints that a page may call across origins, with cookies."""
