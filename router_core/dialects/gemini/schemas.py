"""JSON schemas as `parametersJsonSchema` and `responseJsonSchema` take them.

Google's subset lacks `const`, and passes over keywords that it does not know, except for `$schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_DATA = frozenset({"enum", "default", "example", "examples", "required", "propertyOrdering"})


def cleaned(schema: Any) -> Any:
    """A copy that says the same in what Google knows."""
    if isinstance(schema, list):
        return [cleaned(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return dict(_keyword(name, value) for name, value in schema.items() if name != "$schema")


def _keyword(name: str, value: Any) -> tuple[str, Any]:
    if name == "const":
        return "enum", [value]
    if name in _NAMED and isinstance(value, Mapping):
        return name, {key: cleaned(item) for key, item in value.items()}  # keys are names here, not keywords
    return name, value if name in _DATA else cleaned(value)
