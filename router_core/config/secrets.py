"""Keys inside free-form parameters: hidden as soon as they are read.

`litellm_params` takes any further key, and some of those are credentials (`aws_secret_access_key`,
`vertex_credentials`, an `Authorization` header). `conceal` wraps them, so that no repr, log or error
shows them; `reveal` is for the one place that sends them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Secret, SecretStr

_SECRET = re.compile(
    r"api[-_]?key|secret|token$|passw|credential|authorization|access[-_]key|private[-_]key|cookie|jwt|signature",
    re.IGNORECASE,
)


def is_secret(key: str) -> bool:
    """Whether a parameter of this name holds a credential; prices per token are not."""
    return bool(_SECRET.search(key)) and "cost" not in key.lower()


def conceal(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `values` with every credential, at any depth, as a SecretStr or a Secret."""
    return {key: _conceal(key, value) for key, value in values.items()}


def reveal(value: Any) -> Any:
    """A copy of what `conceal` returned, with the credentials plain: only for building a request."""
    if isinstance(value, Secret | SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(item) for item in value]
    return value


def _conceal(key: str, value: Any) -> Any:
    if is_secret(key) and isinstance(value, str):
        return SecretStr(value)
    if is_secret(key) and isinstance(value, Mapping | list | tuple | bytes):
        return Secret[Any](value)
    if isinstance(value, Mapping):
        return conceal(value)
    if isinstance(value, list | tuple):
        return [_conceal("", item) for item in value]
    return value
