"""`os.environ/NAME` anywhere in a configuration is the value of that environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.config.problems import Problems, join

PREFIX = "os.environ/"


def resolve(value: Any, environ: Mapping[str, str], problems: Problems, path: str = "") -> Any:
    """A copy of `value` with every reference replaced, at any depth.

    A variable that is not set is a problem that names the field and the variable; its value is None.
    """
    if isinstance(value, str) and value.startswith(PREFIX):
        name = value.removeprefix(PREFIX)
        if name not in environ:
            problems.error(path, f"the environment variable {name!r} is not set")
        return environ.get(name)
    if isinstance(value, Mapping):
        return {key: resolve(item, environ, problems, join(path, str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, environ, problems, join(path, index)) for index, item in enumerate(value)]
    return value
