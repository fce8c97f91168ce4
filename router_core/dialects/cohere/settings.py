"""The parameters of a chat in Cohere's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router_core.dialects.conversation import plain
from router_core.dialects.json_schema import response_format
from router_core.errors import UnsupportedParamsError
from router_core.providers.parameters import Parameters, words

# One answer, and parallel calls, are what Cohere gives without being asked; usage always comes with the last event.
_UNSAID = words("n parallel_tool_calls stream_options")
PARAMETERS = Parameters(
    "chat",
    _UNSAID
    | words(
        "messages frequency_penalty logprobs max_completion_tokens max_tokens presence_penalty reasoning_effort"
        " response_format seed stop temperature tool_choice tools top_p"
    ),
    values={"n": (1,), "parallel_tool_calls": (True,)},
)
_RENAMED = {"max_completion_tokens": "max_tokens", "top_p": "p", "top_k": "k"}
# Tokens, LiteLLM's for these efforts; with any higher one the model thinks as much as it likes.
_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 2_048}
_REQUIRED, _NONE = {"tool_choice": "REQUIRED"}, {"tool_choice": "NONE"}
_CHOICES: dict[str, dict[str, Any]] = {
    "auto": {},
    "none": _NONE,
    "NONE": _NONE,
    "required": _REQUIRED,
    "REQUIRED": _REQUIRED,
}
_EFFORTS = {*_BUDGETS, "none", "high", "xhigh", "max"}


def settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """All of a body but its messages; what OpenAI has no name for passes.

    Raises UnsupportedParamsError naming what cannot be said.
    """
    body: dict[str, Any] = {}
    for name, value in given.items():
        if value is not None and name not in _UNSAID and name != "messages":
            body |= _SAID[name](value, given) if name in _SAID else {_RENAMED.get(name, name): value}
    return body


def _stop(value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"stop_sequences": [value] if isinstance(value, str) else value}


def _tools(value: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    tools = [_tool(plain(tool), f"tools[{index}]") for index, tool in enumerate(value)]
    strict = [tool["function"].pop("strict", None) for tool in tools]
    if any(strict) and not all(strict):
        raise _unsupported("tools", "either all tools are strict or none is")
    return {"tools": tools} | ({"strict_tools": True} if any(strict) else {})


def _tool(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise _unsupported(where, f"it has no tools of type {tool.get('type')!r}")
    return {"type": "function", "function": dict(tool["function"])}


def _tool_choice(value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, str):
        if value not in _CHOICES:
            raise _unsupported("tool_choice", f"it has no {value!r}")
        return _CHOICES[value]
    named = (value.get("function") or {}).get("name")
    offered = [plain(tool).get("function", {}).get("name") for tool in given.get("tools") or ()]
    if offered != [named]:
        raise _unsupported("tool_choice", "it cannot be told which of several tools to call")
    return _REQUIRED


def _response_format(value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    wanted = response_format(value)
    if wanted.get("type") == "json_schema":
        wanted = {"type": "json_object", "json_schema": wanted["json_schema"]["schema"]}
    return {"response_format": wanted}


def _effort(value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    if value not in _EFFORTS:
        raise _unsupported("reasoning_effort", f"it is none of {', '.join(sorted(_EFFORTS))}")
    if "thinking" in given:
        return {}  # says more
    if value == "none":
        return {"thinking": {"type": "disabled"}}
    budget = {"token_budget": _BUDGETS[value]} if value in _BUDGETS else {}
    return {"thinking": {"type": "enabled", **budget}}


def _thinking(value: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Also as Anthropic has it."""
    return {"thinking": {"token_budget" if name == "budget_tokens" else name: what for name, what in value.items()}}


_SAID = {
    "reasoning_effort": _effort,
    "response_format": _response_format,
    "stop": _stop,
    "thinking": _thinking,
    "tool_choice": _tool_choice,
    "tools": _tools,
}


def _unsupported(where: str, why: str) -> UnsupportedParamsError:
    return UnsupportedParamsError(f"Cohere cannot be told {where}: {why}", params=[where], llm_provider="cohere")
