"""LiteLLM's config.yaml: `model_list` and `router_settings`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from router_core.config.settings import Settings
from router_core.errors import ConfigurationError


def from_yaml(path: str | PathLike[str], *, stacklevel: int = 2) -> dict[str, Any]:
    """The arguments for `load` that the file holds: `model_list` and what `router_settings` says.

    Other sections are LiteLLM's proxy's: they are listed in one warning. Raises ConfigurationError for a
    file that cannot be read, or where PyYAML is missing. `os.environ/NAME` stays for `load` to resolve.
    """
    content = _parse(Path(path))
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{path}: must hold model_list and router_settings")
    if "include" in content:
        raise ConfigurationError(f"{path}: include: is not supported; put the files into one")
    settings = content.get("router_settings") or {}
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"{path}: router_settings: must be a mapping")
    foreign = {key: value for key, value in content.items() if key not in ("model_list", "router_settings")}
    if foreign:
        warnings.warn(_foreign(path, foreign), UserWarning, stacklevel=stacklevel)
    return {**settings, "model_list": content.get("model_list") or []}


def _parse(path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigurationError("reading YAML needs PyYAML: pip install 'router-core[yaml]'") from error
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({type(error).__name__})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    # Outside the handler: PyYAML's own message quotes the line, which may hold a key.
    raise ConfigurationError(f"{path}{where}: is not valid YAML")


def _foreign(path: str | PathLike[str], foreign: Mapping[str, Any]) -> str:
    names = []
    useful = []
    for section, content in foreign.items():
        names.append(str(section))
        if isinstance(content, Mapping):
            useful += [f"{section}.{key}" for key in content if key in Settings.model_fields]
    message = f"{path}: not read, since it belongs to LiteLLM's proxy: {', '.join(names)}"
    advice = f". Move to router_settings what the router should follow: {', '.join(useful)}" if useful else ""
    return message + advice
