"""`extra_headers`, `extra_query` and `extra_body`: openai's way to pass what it has no parameter for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_NAMES = ("extra_headers", "extra_query", "extra_body")


class Extras(NamedTuple):
    """Further headers, URL parameters and fields of the body."""

    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]


_NONE = Extras({}, {}, {})


def split_extras(parameters: Mapping[str, Any]) -> tuple[Mapping[str, Any], Extras]:
    """The parameters without the extras, and the extras."""
    if not any(name in parameters for name in _NAMES):
        return parameters, _NONE
    extras = Extras(*(parameters.get(name) or {} for name in _NAMES))
    return {name: value for name, value in parameters.items() if name not in _NAMES}, extras
