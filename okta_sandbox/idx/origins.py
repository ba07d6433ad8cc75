"""Who may call from a page of their own: trusted origins, and nobody else. The answer names the origin, never `*`,
because these calls carry cookies."""

from okta_sandbox.clients import trusts
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, Headers, SeenRequest, send_nothing

ALLOWED = "Content-Type, Accept, X-Okta-User-Agent-Extended, X-Device-Token"


def origin_headers(org: Org, request: SeenRequest) -> Headers:
    """An origin that is not trusted gets the answer all the same; its browser will not show it to the page."""
    origin = request.headers.get("origin", "")
    if not origin or not trusts(org, origin):
        return [("Vary", "Origin")]
    return [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"), ("Vary", "Origin")]


def allow_trusted(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    """The preflight, without a word for strangers."""
    if not trusts(org, request.headers.get("origin", "")):
        return send_nothing()
    return send_nothing(headers=[("Access-Control-Allow-Methods", "POST"), ("Access-Control-Allow-Headers", ALLOWED),
                                 ("Access-Control-Max-Age", "86400")])
