"""Keys of `litellm_params` and `model_info`: any is welcome, but not those that are a slip or mean nothing here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from router_core.config import litellm
from router_core.config.facts import Info, Params
from router_core.config.problems import Problems, join
from router_core.config.settings import Settings
from router_core.config.suggest import near

_ROUTER_ONLY = Settings.model_fields.keys() - Params.model_fields.keys()


def check_params(params: Mapping[str, Any], path: str, problems: Problems) -> dict[str, Any]:
    """The parameters without those of LiteLLM's that have no effect here; wrong ones go to `problems`."""
    kept: dict[str, Any] = {}
    for key, value in params.items():
        refused = litellm.refused_param(key)
        if (refused or key in litellm.IGNORED_PARAMS) and litellm.is_unused(key, value):
            continue
        if refused:
            problems.error(join(path, key), refused)
        elif key in litellm.IGNORED_PARAMS:
            problems.note(f"{key} in litellm_params has no effect here")
        elif key in _ROUTER_ONLY:
            problems.error(join(path, key), "is an argument of the Router, not of a deployment")
        else:
            _near_miss(key, Params.model_fields, litellm.CALL_PARAMS, path, problems)
            kept["api_base" if key == "base_url" else key] = value
    return kept


def check_info(info: Mapping[str, Any], path: str, problems: Problems) -> dict[str, Any]:
    """`model_info` as it is; near misses go to `problems`."""
    for key in info:
        if not key.startswith("supports_"):
            _near_miss(key, Info.model_fields, litellm.INFO_PARAMS, path, problems)
    return dict(info)


def split_extra(extra: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(default call parameters, options of the adapter) among further `litellm_params`."""
    kept = {key: value for key, value in extra.items() if value is not None}
    options = {key: value for key, value in kept.items() if litellm.is_option(key)}
    return {key: value for key, value in kept.items() if key not in options}, options


def _near_miss(key: str, ours: Collection[str], welcome: Collection[str], path: str, problems: Problems) -> None:
    """`rmp` is an error; a name that is neither known nor like a known one belongs to the provider."""
    if key in ours or key in welcome or litellm.is_option(key):
        return
    meant = near(key, ours)
    if meant:
        problems.error(join(path, key), f"unknown key, did you mean {meant!r}?")
