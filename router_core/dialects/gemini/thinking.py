"""`reasoning_effort` and `thinking` as thinkingConfig.

Levels and budgets (tokens) of the efforts are those of Google's own OpenAI-compatible endpoint
(https://ai.google.dev/gemini-api/docs/openai#thinking). Where a model cannot do without thinking, `none` is the least
it can; thoughts are not shown then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects.gemini.models import generation, thinks_by_level
from router_core.errors import BadRequestError

_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_LEVELS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "high"}
_OFF = ("none", "disable")
_LEAST_OF_2_5_PRO = 128


def thinking_config(effort: Any, thinking: Any, model: str) -> dict[str, Any] | None:
    """thinkingConfig; None where nothing is asked for. `thinking` (Anthropic's shape) says more, so it counts first.

    Raises BadRequestError for an effort or a type of thinking that is none.
    """
    if thinking is not None:
        return _of_thinking(thinking, model)
    if effort is None or effort == "default":
        return None
    if effort in _OFF:
        return _least(model)
    if effort not in _BUDGETS:
        raise BadRequestError(f"reasoning_effort must be one of {', '.join((*_OFF, *_BUDGETS))}")
    if thinks_by_level(model):
        return {"includeThoughts": True, "thinkingLevel": _level(effort, model)}
    return {"includeThoughts": True, "thinkingBudget": _BUDGETS[effort]}


def _of_thinking(thinking: Any, model: str) -> dict[str, Any]:
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind == "disabled":
        return _least(model)
    if kind == "adaptive":
        return {"includeThoughts": True, "thinkingBudget": -1}
    if kind != "enabled":
        raise BadRequestError("thinking must be a dict whose type is enabled, adaptive or disabled")
    budget = thinking.get("budget_tokens")
    return {"includeThoughts": True, **({} if budget is None else {"thinkingBudget": budget})}


def _least(model: str) -> dict[str, Any]:
    if thinks_by_level(model):
        return {"includeThoughts": False, "thinkingLevel": _level("minimal", model)}
    return {"includeThoughts": False, "thinkingBudget": _LEAST_OF_2_5_PRO if "pro" in model else 0}


def _level(effort: str, model: str) -> str:
    if "pro" in model and effort == "minimal":
        return "low"
    if "pro" in model and effort == "medium" and generation(model) == (3, 0):
        return "high"  # the first Gemini 3 Pro knew low and high only
    return _LEVELS[effort]
