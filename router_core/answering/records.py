"""Answers as objects: attributes and items of the same thing, at the price of a dict.

The objects of openai's client cost some fifteen times as much to build. A `Record` is the parsed JSON itself, so
`json.dumps`, `dict` and `copy` work on it, unknown fields are kept, and a field that may be absent reads as None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self


class Record(dict[str, Any]):
    """A JSON object. Subclasses name the fields that may be absent and the classes of nested records."""

    optional: ClassVar[frozenset[str]] = frozenset()
    nested: ClassVar[Mapping[str, type[Record]]] = {}

    def __init__(self, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        super().__init__(fields or {}, **more)
        for name, kind in self.nested.items():
            value = self.get(name)
            if type(value) is dict:
                self[name] = kind(value)
            elif type(value) is list:
                self[name] = [kind(item) if type(item) is dict else item for item in value]

    def __missing__(self, name: str) -> None:
        if name not in self.optional:
            raise KeyError(name)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name) or name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def model_dump(
        self, *, exclude_none: bool = False, exclude_unset: bool = False, mode: str = "python"
    ) -> dict[str, Any]:
        """Plain dicts and lists, as openai's objects give them: absent optional fields as None unless excluded.

        `mode` is accepted for compatibility; both are the same for JSON.
        """
        names = self.keys() if exclude_unset else dict.fromkeys((*self, *sorted(self.optional)))
        plain = ((name, _plain(self[name], exclude_none, exclude_unset)) for name in names)
        return {name: value for name, value in plain if not (exclude_none and value is None)}

    def model_dump_json(
        self, *, indent: int | None = None, exclude_none: bool = False, exclude_unset: bool = False
    ) -> str:
        """`model_dump` as JSON text."""
        dumped = self.model_dump(exclude_none=exclude_none, exclude_unset=exclude_unset)
        return json.dumps(dumped, indent=indent, ensure_ascii=False, separators=None if indent else (",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """The fields the provider sent."""
        return self.model_dump(exclude_unset=True)

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        dict.update(twin, self)
        twin.__dict__.update(self.__dict__)
        return twin

    def __str__(self) -> str:
        return self.model_dump_json(exclude_unset=True)

    def __repr__(self) -> str:
        """Names of fields only: reprs end up in logs and tracebacks, where answers must not be. `str` shows all."""
        return f"<{type(self).__name__}: {', '.join(self)}>"


def _plain(value: Any, exclude_none: bool, exclude_unset: bool) -> Any:
    if isinstance(value, Record):
        return value.model_dump(exclude_none=exclude_none, exclude_unset=exclude_unset)
    if isinstance(value, list) and value and isinstance(value[0], Record):
        return [_plain(item, exclude_none, exclude_unset) for item in value]
    return value
