"""Universal Logout as Okta sends it to an app: an order, signed like an ID token, to end all sessions of a person.

At Okta an admin enters the app's endpoint; here it is given with each order, by default the portal's for `acme`.
"""

import json
import secrets
import urllib.error
import urllib.request
from typing import Any

from okta_sandbox.directory import Person
from okta_sandbox.errors import ManagementError
from okta_sandbox.keys import Claims, Signer
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, SeenRequest, first, send_json, send_redirect

LEEWAY_SECONDS = 300
TYPE = "global-token-revocation+jwt"


def endpoint_of(org: Org, slug: str = "acme") -> str:
    return f"{org.portal}/organizations/{slug}/universal-logout"


def make_order(org: Org, *, issuer: str, client_id: str, audience: str, signer: Signer | None = None,
               header: Claims | None = None, **changes: Any) -> str:
    """The token of an order; `header` and `changes` make it something else than Okta's. A value None takes it away."""
    now = int(org.clock())
    claims: Claims = {
        "jti": secrets.token_urlsafe(16), "iss": issuer, "sub": client_id, "aud": audience, "iat": now,
        "nbf": now - LEEWAY_SECONDS, "exp": now + LEEWAY_SECONDS, **changes,
    }
    signer = signer or org.ring("").active
    head = {"kid": signer.kid, "alg": "RS256", "typ": TYPE, **(header or {})}
    return signer.encode({name: value for name, value in head.items() if value is not None},
                         {name: value for name, value in claims.items() if value is not None})


def name_subject(person: Person, issuer: str, kind: str = "iss_sub") -> Claims:
    if kind == "email":
        return {"format": "email", "email": person.email}
    return {"format": "iss_sub", "iss": issuer, "sub": person.id}


def send_order(url: str, token: str, subject: Claims) -> int:
    """The status that the app answers with; Okta reads nothing else."""
    body = json.dumps({"sub_id": subject}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    order = urllib.request.Request(url, body, headers, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(order, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def order_logout(org: Org, request: SeenRequest) -> Answer:
    """The button of the sandbox's page, and the same for programs: email, and as they like url, format, client_id."""
    person = org.find_person(first(request.form, "email"))
    if person is None:
        raise ManagementError("E0000007", f"{first(request.form, 'email')} (User)")
    url = first(request.form, "url") or endpoint_of(org)
    client_id = first(request.form, "client_id") or next(iter(org.apps), "")
    token = make_order(org, issuer=request.base, client_id=client_id, audience=url)
    with org.lock:
        org.end_person(person)
    status = send_order(url, token, name_subject(person, request.base, first(request.form, "format")))
    if "text/html" in request.headers.get("accept", ""):
        return send_redirect(f"/sandbox?universal_logout={status}", status=303)
    return send_json({"status": status})
