"""What every call of the Management API shares: bodies, pages of a list, rate limits and their headers."""

import json
from collections.abc import Iterable
from urllib.parse import urlencode

from okta_sandbox.directory import Json
from okta_sandbox.errors import ManagementError
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer, Headers, SeenRequest, first, send_json

RATE_LIMIT = 600
MINUTE = 60
FEW, SHORT = 6, 4


def check_rate(org: Org) -> None:
    """Raises E0000047 when there were too many calls in this window. Only a fault makes the limit so low that it
    matters: `management_rate_limited` allows 6 calls in 4 seconds."""
    if not org.faulty["management_rate_limited"]:
        return
    start = _window(org)[0]
    with org.lock:
        org.calls = [seen for seen in org.calls if seen >= start]
        if len(org.calls) >= FEW:
            raise ManagementError("E0000047")
        org.calls.append(org.clock())


def spoil_call(org: Org, request: SeenRequest, answer: Answer) -> Answer:
    """What the faults of single parts of this API make of an answer."""
    if org.faulty["management_origins_500"] and "/trustedOrigins" in request.path:
        return ManagementError("E0000009").answer()
    if org.faulty["management_create_lost"] and request.method == "POST" and answer.status in (200, 201):
        answer.reset = True
    return answer


def rate_headers(org: Org, request: SeenRequest) -> Headers:
    """`reset` is in epoch seconds; Okta sends no Retry-After."""
    start, end = _window(org)
    limit = FEW if org.faulty["management_rate_limited"] else RATE_LIMIT
    recent = 0
    for seen in reversed(list(org.seen)):
        if seen.time < start:
            break
        recent += seen.path.startswith("/api/")
    left = 0 if org.faulty["rate_limited"] else max(0, limit - recent)
    return [
        ("x-rate-limit-limit", str(limit)), ("x-rate-limit-remaining", str(left)), ("x-rate-limit-reset", str(end)),
    ]


def _window(org: Org) -> tuple[int, int]:
    """The window of the rate limit that it is now: its first second and the first after it."""
    length = SHORT if org.faulty["management_rate_limited"] else MINUTE
    start = int(org.clock()) // length * length
    return start, start + length


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
