"""Bodies of requests: JSON, or forms with files in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router_core.errors import BadRequestError
from router_core.providers.base import Call
from router_core.providers.dialect import Wire


def parameters(call: Call, model: str) -> dict[str, Any]:
    """What the caller says, without what is unset, and what makes it a request."""
    said = {name: value for name, value in call.body.items() if value is not None}
    return {**said, "model": model, **({"stream": True} if call.stream else {})}


def form(path: str, call: Call, model: str, *uploads: str) -> Wire:
    """A multipart form: lists as `name[]`, objects as `name[key]`.

    `uploads`: the parameters that are files, each one or a list of several. Raises BadRequestError where one is no
    (name, bytes, media type).
    """
    said = parameters(call, model)
    fields = tuple(field for name, value in said.items() if name not in uploads for field in _flat(name, value))
    files = tuple(file for name in uploads for file in _files(name, said.get(name)))
    # As a file without a name a field is an ordinary one, and the form is a form without any file too.
    return Wire(path, {}, files=(*((name, (None, text.encode())) for name, text in fields), *files))


def _files(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    several = isinstance(value, list)
    for file in value if several else [value]:
        if not (isinstance(file, tuple) and len(file) == 3 and isinstance(file[1], bytes)):
            raise BadRequestError(f"{name} must be a file: bytes, a path, an open file, or (name, content)")
        yield f"{name}[]" if several else name, file


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The fields that a value becomes."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}[{key}]", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(f"{name}[]", inner)
    elif isinstance(value, bool):
        yield name, str(value).lower()
    else:
        yield name, str(value)
