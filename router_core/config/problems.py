"""What is wrong with a configuration, gathered so that a user sees all of it at once.

A problem names its field by path (`model_list[2].litellm_params.rpm`) and never repeats a value, since
any value may be a key that slipped into the wrong place.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from router_core.config.suggest import hint
from router_core.errors import ConfigurationError

# What pydantic says in terms of Python's types.
_PLAIN = {
    "missing": "is missing",
    "tuple_type": "must be a list",
    "dict_type": "must be a dictionary",
    "mapping_type": "must be a dictionary",
    "model_type": "must be a dictionary",
}


def join(path: str, *parts: str | int) -> str:
    """`join("model_list", 2, "params")` is `model_list[2].params`."""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else f"{path}.{part}" if path else part
    return path


class Problems:
    """Errors and warnings found so far.

    `vocabulary`: all names a section may hold, for suggestions about unknown ones.
    """

    def __init__(self, vocabulary: Iterable[str] = ()) -> None:
        self._vocabulary = frozenset(vocabulary)
        self._errors: list[str] = []
        self._notes: list[str] = []

    def __len__(self) -> int:
        return len(self._errors)

    def __iter__(self) -> Iterator[str]:
        return iter(self._errors)

    def error(self, path: str, message: str) -> None:
        line = f"{path}: {message}"
        if line not in self._errors:
            self._errors.append(line)

    def note(self, message: str) -> None:
        if message not in self._notes:
            self._notes.append(message)

    def collect(self, error: ValidationError, path: str = "") -> None:
        """Take over what pydantic found, below `path`, without the values it found it in."""
        for found in error.errors(include_input=False, include_url=False, include_context=False):
            location = [part for part in found["loc"] if not str(part).startswith("[")]  # [key], tags of unions
            key = str(location[-1]) if location else ""
            message = found["msg"].removeprefix("Value error, ")
            if found["type"] == "extra_forbidden":
                message = f"unknown key{hint(key, self._vocabulary)}"
            elif found["type"] in _PLAIN:
                message = _PLAIN[found["type"]]
            elif message.partition(": ")[0] in self._vocabulary:  # validators of a whole section name the field
                field, message = message.split(": ", 1)
                location.append(field)
            self.error(join(path, *location) or "configuration", message)

    def raise_any(self) -> None:
        """Raise ConfigurationError with every error found; nothing found, nothing happens."""
        if len(self._errors) == 1:
            raise ConfigurationError(self._errors[0])
        if self._errors:
            listed = "".join(f"\n  - {line}" for line in self._errors)
            raise ConfigurationError(f"{len(self._errors)} problems in the configuration:{listed}")

    def warn(self, stacklevel: int) -> None:
        """Issue each note as one warning; `stacklevel` as in `warnings.warn`, counted from the caller."""
        for note in self._notes:
            warnings.warn(note, UserWarning, stacklevel=stacklevel + 1)
