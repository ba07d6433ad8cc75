"""The OpenAPI document as a page to read: the same calls, the same types, no script."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec

from native_bridge.openapi import document


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a JSON object. kind -- its type in words."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON object and its members."""

    name: str
    about: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the interface: what it is, what it takes, what it answers."""

    method: str
    path: str
    about: str
    bearer: bool
    sends: Shape | None
    answers: list[Shape]
    done: str
    refuses: list[str]


@lru_cache(maxsize=4)
def read_calls(base_url: str) -> tuple[list[Call], list[Shape]]:
    """Every call, in the document's order, and the objects that several of them have in common."""
    found: dict[str, Any] = msgspec.json.decode(document(base_url))
    shapes = {name: _shape(name, schema) for name, schema in found["components"]["schemas"].items()}
    calls = [
        _call(method, path, described, shapes)
        for path, methods in found["paths"].items()
        for method, described in methods.items()
    ]
    used = {shape.name for call in calls for shape in [*call.answers, *([call.sends] if call.sends else [])]}
    return calls, [shape for name, shape in shapes.items() if name not in used]


def _call(method: str, path: str, described: dict[str, Any], shapes: dict[str, Shape]) -> Call:
    done, *refused = described["responses"].items()
    content = done[1].get("content", {}).get("application/json", {}).get("schema", {})
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return Call(
        method=method.upper(),
        path=path,
        about=described["summary"],
        bearer="security" in described,
        sends=shapes[_name(body)] if body else None,
        answers=[shapes[_name(one)] for one in content.get("oneOf", [content] if content else [])],
        done=_status(done[0]),
        refuses=[_status(status) for status, _answer in refused],
    )


def _shape(name: str, schema: dict[str, Any]) -> Shape:
    required = schema.get("required", [])
    fields = [
        Field(member, _kind(about), member in required, _about(about))
        for member, about in schema.get("properties", {}).items()
    ]
    return Shape(name, " ".join(schema.get("description", "").replace("`", "").split()), fields)


def _about(schema: dict[str, Any]) -> str:
    described = [schema, *schema.get("anyOf", [])]
    return next((str(one["description"]).replace("`", "") for one in described if "description" in one), "")


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"[{_kind(schema['items'])}]"
    return _name(schema) if "$ref" in schema else str(schema.get("type", "any"))


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _status(status: str) -> str:
    return f"{status} {HTTPStatus(int(status)).phrase}"
