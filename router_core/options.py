"""What a caller says about routing in one call, taken apart from what goes to the provider."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from router_core.config.hedges import Hedge
from router_core.config.problems import Problems
from router_core.errors import BadRequestError


@dataclass(frozen=True, slots=True)
class Options:
    """Per-call settings; None where the caller said nothing and the router's own hold. Times in seconds."""

    num_retries: int | None = None
    fallbacks: Sequence[Any] | None = None
    context_window_fallbacks: Sequence[Any] | None = None
    content_policy_fallbacks: Sequence[Any] | None = None
    disable_fallbacks: bool = False
    max_fallbacks: int | None = None
    timeout: float | None = None
    ttft_timeout: float | None = None
    stall_timeout: float | None = None
    hedge: Hedge | Literal[False] | None = None
    max_wait: float | None = None
    priority: int | None = None
    specific_deployment: str | bool | None = None
    session_id: Any = None
    litellm_session_id: Any = None
    allowed_model_region: str | None = None
    routing_strategy: Any = None
    routing_strategy_args: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    enable_tag_filtering: bool = False  # also where the group does not
    mirrored: bool = False  # a copy of another call (mirror.py), which is not copied again
    mock_response: Any = None
    mock_testing_fallbacks: bool = False
    mock_testing_context_fallbacks: bool = False
    mock_testing_content_policy_fallbacks: bool = False


NAMES = frozenset(Options.__dataclass_fields__)
_NONE = Options()
_TIMES = ("timeout", "ttft_timeout", "stall_timeout", "max_wait")
_LISTS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_COUNTS = ("num_retries", "max_fallbacks", "priority")


def split(arguments: dict[str, Any]) -> tuple[Options, dict[str, Any]]:
    """The routing options and the provider's parameters of one call. Raises BadRequestError naming a bad option."""
    if NAMES.isdisjoint(arguments):
        return _NONE, arguments
    chosen = {name: arguments.pop(name) for name in NAMES & arguments.keys()}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    for name in _TIMES:
        if name in chosen:
            chosen[name] = _seconds(name, chosen[name])
    for name in _COUNTS:
        if name in chosen:
            chosen[name] = _count(name, chosen[name])
    for name in _LISTS:
        if name in chosen and not _is_fallbacks(chosen[name]):
            raise BadRequestError(f'{name} must look like ["other"] or [{{"group": ["other"]}}]')
    if "hedge" in chosen:
        chosen["hedge"] = _hedge(chosen["hedge"])
    if chosen.get("tags") or chosen.get("metadata"):
        chosen["tags"] = _tags(chosen)
    return Options(**chosen), arguments


def _seconds(name: str, value: Any) -> float:
    if hasattr(value, "read") and hasattr(value, "connect"):  # an httpx.Timeout of either httpx
        value = value.read if value.read is not None else math.inf
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not seconds >= 0:
        raise BadRequestError(f"{name} must be a number of seconds, not {type(value).__name__}")
    return seconds


def _hedge(value: Any) -> Hedge | Literal[False]:
    if isinstance(value, bool):
        return Hedge() if value else False
    try:
        return Hedge.model_validate(value)
    except ValidationError as exc:
        problems = Problems()
        problems.collect(exc, "hedge")
        raise BadRequestError("; ".join(problems)) from None  # the cause would quote the value


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRequestError(f"{name} must be a whole number of at least 0")
    return value


def _is_fallbacks(value: Any) -> bool:
    """Names, dicts of parameters with a "model", or tables from a group to a list of those."""
    if not isinstance(value, list | tuple):
        return False
    return all(
        isinstance(entry, str)
        or (
            isinstance(entry, Mapping)
            and ("model" in entry or all(isinstance(x, list | tuple) for x in entry.values()))
        )
        for entry in value
    )


def _tags(chosen: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = chosen.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        raise BadRequestError("metadata must be a dict")
    tags = [*(chosen.get("tags") or ()), *(metadata.get("tags") or ())]
    if not all(isinstance(tag, str) for tag in tags):
        raise BadRequestError("tags must be strings")
    return tuple(dict.fromkeys(tags))
