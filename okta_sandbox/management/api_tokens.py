"""API tokens: who a token is for, what it may do, until when; and revoking the token of a call.

A token may do what the person who created it may do. Beside the org's own token there is a cast of them, whose names
are that token's with an ending, so that every way to be refused can be tried on a sandbox in another process too.
"""

from okta_sandbox.directory import ApiToken
from okta_sandbox.errors import ManagementError
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, SeenRequest, send_nothing

CAST: dict[str, ApiToken] = {
    "-short-lived": ApiToken(),
    "-expired": ApiToken(until=0.0),
    "-read-only": ApiToken(may=("api-tokens",)),
    "-apps-only": ApiToken(may=("apps", "groups", "users", "api-tokens"), blind=("trustedOrigins",
                                                                                   "authorizationServers")),
}


def find_token(org: Org, value: str) -> ApiToken | None:
    """The org's own token has no end: the sandbox is set up and looked at with it."""
    if value == org.token:
        return ApiToken(lasting=True)
    if value in org.revoked:
        return None
    if value in org.api_tokens:
        return org.api_tokens[value]
    return CAST.get(value.removeprefix(org.token)) if value.startswith(org.token) else None


def read_token(request: SeenRequest) -> str:
    """`SSWS token`; Okta's current Python SDK leaves the blank out, and Okta does not mind."""
    given = request.headers.get("authorization", "")
    return given[4:].strip() if given[:4].upper() == "SSWS" else ""


def check_token(org: Org, request: SeenRequest) -> None:
    """Raises E0000011 for no token of this org, and E0000006 for one that may not do this."""
    token = find_token(org, read_token(request))
    if token is None or (token.until is not None and org.clock() >= token.until):
        raise ManagementError("E0000011")
    resource = request.path.split("/")[3]
    reading = request.method in ("GET", "HEAD")
    if request.path == "/api/v1/users/me":
        return
    if resource in token.blind or (not reading and resource not in token.may):
        raise ManagementError("E0000006")


def revoke_current(org: Org, request: SeenRequest) -> Answer:
    """The token that the sandbox was started with cannot be revoked, or nobody could look at the org any more."""
    value = read_token(request)
    token = find_token(org, value)
    if token is None or token.lasting:
        raise ManagementError("E0000006")
    org.revoked.add(value)
    return send_nothing()
