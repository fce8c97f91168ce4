"""How much the model thinks: `reasoning_effort` in the words of its generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router_core.dialects.anthropic.models import Model
from router_core.dialects.anthropic.unsupported import unsupported

SMALLEST_BUDGET = 1024  # tokens, Anthropic's minimum
# LiteLLM's budgets, and twice as much for each step after them.
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16_384}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}


def thinking_of(
    given: Mapping[str, Any], model: Model, max_tokens: int, forced: bool, messages: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """`thinking` and `output_config`, as far as `reasoning_effort` says them.

    A `thinking` of the caller's passes; an effort then only sets `output_config`. Raises UnsupportedParamsError where
    this model cannot be told so, or not in this conversation.
    """
    effort = given.get("reasoning_effort")
    if effort is None:
        return {}
    if effort != "none" and (not isinstance(effort, str) or effort not in _EFFORTS):
        raise unsupported("reasoning_effort", f"it is none of none, {', '.join(_EFFORTS)}")
    if effort == "none":
        return _unthinking(model)
    if model.adaptive:
        return _adaptive(given, model, effort)
    if not model.thinks:
        raise unsupported("reasoning_effort", "this model does not think")
    if "thinking" in given:
        raise unsupported("reasoning_effort", "thinking says it already")
    return _budget(effort, max_tokens, forced, messages)


def _unthinking(model: Model) -> dict[str, Any]:
    kind = model.unthinking
    if kind is None:
        raise unsupported("reasoning_effort", "this model always thinks")
    return {"thinking": {"type": kind}} if kind else {}


def _adaptive(given: Mapping[str, Any], model: Model, effort: str) -> dict[str, Any]:
    level = "max" if effort == "xhigh" and not model.takes_xhigh else _EFFORTS[effort]
    said: dict[str, Any] = {"output_config": {"effort": level}}
    if "thinking" not in given:
        shown = {"display": "summarized"} if model.hides_thoughts else {}
        said["thinking"] = {"type": "adaptive", **shown}
    return said


def _budget(effort: str, max_tokens: int, forced: bool, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if forced:
        raise unsupported("reasoning_effort", "this model does not think where tool_choice makes it call a tool")
    if max_tokens <= SMALLEST_BUDGET:
        raise unsupported("reasoning_effort", f"thinking needs max_tokens above {SMALLEST_BUDGET}")
    if _acted_unthinkingly(messages):
        raise unsupported("reasoning_effort", "the latest tool calls were made without thinking_blocks")
    return {"thinking": {"type": "enabled", "budget_tokens": min(_BUDGETS[effort], max_tokens - 1)}}


def _acted_unthinkingly(messages: Sequence[Mapping[str, Any]]) -> bool:
    """The results of tools come last, and the turn that called them began without a thought."""
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":
        return False
    return messages[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")
