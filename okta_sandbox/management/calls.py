"""What every call of the Management API shares: the API token, bodies, pages of a list, rate-limit headers."""

import hmac
import json
from collections.abc import Iterable
from urllib.parse import urlencode

from okta_sandbox.directory import Json
from okta_sandbox.errors import ManagementError
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, Headers, SeenRequest, first, send_json

RATE_LIMIT = 600
MINUTE = 60


def check_token(org: Org, request: SeenRequest) -> None:
    """`SSWS token`; Okta's current Python SDK leaves the blank out, and Okta does not mind."""
    given = request.headers.get("authorization", "")
    token = given[4:].strip() if given[:4].upper() == "SSWS" else ""
    if not hmac.compare_digest(token.encode(), org.token.encode()):
        raise ManagementError("E0000011")


def rate_headers(org: Org, request: SeenRequest) -> Headers:
    """Counts, but never refuses: the fault `rate_limited` does that. `reset` is in epoch seconds."""
    now = int(org.clock())
    window = now - now % MINUTE
    recent = 0
    for seen in reversed(list(org.seen)):
        if seen.time < window:
            break
        recent += seen.path.startswith("/api/")
    left = 0 if org.faulty["rate_limited"] else max(0, RATE_LIMIT - recent)
    return [
        ("x-rate-limit-limit", str(RATE_LIMIT)), ("x-rate-limit-remaining", str(left)),
        ("x-rate-limit-reset", str(window + MINUTE)),
    ]


def read_body(request: SeenRequest) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as exc:
        raise ManagementError("E0000003") from exc
    if not isinstance(body, dict):
        raise ManagementError("E0000003")
    return body


def refuse_invalid(field: str, causes: Iterable[str]) -> None:
    """Raises E0000001 when there are causes; the summary names the field of the first one."""
    if listed := tuple(causes):
        raise ManagementError("E0000001", field, listed)


def missing(identifier: str, kind: str) -> ManagementError:
    return ManagementError("E0000007", f"{identifier} ({kind})")


def send_list(request: SeenRequest, entries: list[Json]) -> Answer:
    """One page of a list, with the links to itself and to the next in the Link header."""
    limit = first(request.query, "limit")
    size = min(int(limit), 200) if limit.isdigit() and int(limit) > 0 else 200
    ids = [str(entry["id"]) for entry in entries]
    after = first(request.query, "after")
    start = ids.index(after) + 1 if after in ids else 0
    page = entries[start:start + size]
    links = [("Link", f'<{request.base}{request.path}{with_query(request, after)}>; rel="self"')]
    if start + size < len(entries):
        following = with_query(request, ids[start + size - 1])
        links.append(("Link", f'<{request.base}{request.path}{following}>; rel="next"'))
    return send_json(page, headers=links)


def with_query(request: SeenRequest, after: str) -> str:
    pairs = [(name, value) for name, values in request.query.items() for value in values if name != "after"]
    pairs += [("after", after)] if after else []
    return f"?{urlencode(pairs)}" if pairs else ""


def link(href: str, *allow: str) -> Json:
    return {"href": href, "hints": {"allow": list(allow)}}
