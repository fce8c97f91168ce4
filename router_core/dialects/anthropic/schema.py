"""JSON schemas as Anthropic's strict mode takes them: objects closed, and told in words what it cannot enforce."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router_core.dialects.anthropic.unsupported import unsupported
from router_core.providers.parameters import words

_KEPT = words("$ref const default description enum required title type")
_NAMED = words("$defs definitions properties")  # each value is a schema under a name of its own
_LISTED = {"allOf": "allOf", "anyOf": "anyOf", "oneOf": "anyOf"}
_FORMATS = words("date-time time date duration email hostname uri ipv4 ipv6 uuid")


def closed(schema: Any, where: str) -> Any:
    """The schema whose every answer also fits the given one, but for what its descriptions only say.

    Raises UnsupportedParamsError for an object with names that nobody knows beforehand: `where` names its place.
    """
    if not isinstance(schema, Mapping):
        return schema
    fitted: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED:
            fitted[key] = {name: closed(one, where) for name, one in value.items()}
        elif key in _LISTED:
            fitted[_LISTED[key]] = [closed(one, where) for one in value]
        elif key == "items":
            fitted[key] = closed(value, where)
        elif key in _KEPT or (key == "format" and value in _FORMATS) or (key == "minItems" and value in (0, 1)):
            fitted[key] = value
        elif key == "additionalProperties":
            _check(value, where)
        else:
            told[key] = value
    if "properties" in schema or "object" in _types(schema):
        fitted["additionalProperties"] = False
    if told:
        rules = ", ".join(f"{key}: {json.dumps(value)}" for key, value in told.items())
        fitted["description"] = "\n\n".join(filter(None, (schema.get("description"), f"{{{rules}}}")))
    return fitted


def _types(schema: Mapping[str, Any]) -> Any:
    types = schema.get("type")
    return types if isinstance(types, list) else (types,)


def _check(more: Any, where: str) -> None:
    if isinstance(more, Mapping) and more:
        raise unsupported(where, "its schema has an object with names of any kind (additionalProperties)")
