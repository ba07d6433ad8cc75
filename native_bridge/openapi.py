"""The OpenAPI 3.1 document, made from the types that read the requests and write the answers."""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec

from native_bridge import schemas
from native_bridge.operations import OPERATIONS, Operation

_PROBLEM = "#/components/schemas/ProblemDetails"
_RETRY_AFTER = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
_PROOF = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "A proof of possession (RFC 9449). Sent at `/login/complete`, it binds the tokens to its key.",
}
# What the types cannot say: one of the two, and only one.
_ONE_OF = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("email", "organization")]
_NAMED = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}


@lru_cache(maxsize=4)
def document(base_url: str) -> bytes:
    """The document as JSON; `base_url` is the server's."""
    types = {kind for each in OPERATIONS for kind in (each.sends, *each.answers) if kind is not None}
    types.add(schemas.ProblemDetails)
    ordered = sorted(types, key=str)
    refs, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    components["Discover"]["oneOf"] = _ONE_OF
    schema_of = dict(zip(ordered, refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _describe(each, schema_of)
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": "POINT login for mobile apps",
            "version": "1",
            "description": "How the POINT app logs people in: in the system browser, back by a deep link.",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    return msgspec.json.encode(found)


def _describe(each: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": each.name, "summary": each.summary, "responses": {}}
    names = re.findall(r"{(\w+)}", each.path)
    described["parameters"] = [
        {"name": name, "in": "path", "required": True, "schema": _NAMED} for name in names
    ] + ([_PROOF] if each.proof else [])
    if each.bearer:
        described["security"] = [{"bearer": []}]
    if each.sends is not None:
        content = {"application/json": {"schema": schema_of[each.sends]}}
        described["requestBody"] = {"required": True, "content": content}
    done: dict[str, Any] = {"description": HTTPStatus(each.status).phrase}
    if each.answers:
        refs = [schema_of[kind] for kind in each.answers]
        done["content"] = {"application/json": {"schema": refs[0] if len(refs) == 1 else {"oneOf": refs}}}
    described["responses"][str(each.status)] = done
    for status in sorted({*each.refuses, 405}):
        described["responses"][str(status)] = _problem(status)
    return described


def _problem(status: int) -> dict[str, Any]:
    refused: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}},
    }
    if status in (429, 503):
        refused["headers"] = {"Retry-After": _RETRY_AFTER}
    return refused
