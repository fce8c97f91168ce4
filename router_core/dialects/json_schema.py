"""A class given as `response_format`, as openai's client takes it: its JSON schema, made strict.

Strict: each object names all its properties as required and allows no others, and no default is left, which is what
OpenAI requires for structured outputs (https://platform.openai.com/docs/guides/structured-outputs).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import BaseModel, TypeAdapter

from router_core.errors import BadRequestError


def response_format(value: Any) -> Any:
    """A pydantic model class or a dataclass as a json_schema format; anything that is no class as it is.

    Raises BadRequestError for another class.
    """
    if not isinstance(value, type):
        return value
    if not issubclass(value, BaseModel) and not dataclasses.is_dataclass(value):
        raise BadRequestError(f"response_format: {value.__name__} is neither a pydantic model nor a dataclass")
    schema = TypeAdapter(value).json_schema()
    return {
        "type": "json_schema",
        "json_schema": {"name": value.__name__, "schema": strict(schema), "strict": True},
    }


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A copy in which every object is closed and every property required."""
    made: dict[str, Any] = _strict(schema, schema)
    return made


def _strict(node: Any, root: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_strict(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node and len(node) > 1:  # a reference may have nothing beside it
        siblings = {name: value for name, value in node.items() if name != "$ref"}
        return _strict({**_resolved(node["$ref"], root), **siblings}, root)
    if len(node.get("allOf", ())) == 1:
        rest = {name: value for name, value in node.items() if name != "allOf"}
        return _strict({**node["allOf"][0], **rest}, root)
    made = {name: _value(name, value, root) for name, value in node.items() if name != "default"}
    if node.get("type") == "object":
        made.setdefault("additionalProperties", False)
    if isinstance(node.get("properties"), dict):
        made["required"] = list(node["properties"])
    return made


def _value(name: str, value: Any, root: dict[str, Any]) -> Any:
    if name in ("properties", "$defs", "definitions") and isinstance(value, dict):
        return {key: _strict(item, root) for key, item in value.items()}  # keys are names here, not keywords
    return value if name in ("enum", "const", "examples") else _strict(value, root)


def _resolved(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    node: Any = root
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return dict(node)
