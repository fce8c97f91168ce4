"""Tools and the choice among them. What is no function of OpenAI's is taken for one of Anthropic's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects.anthropic.models import Model
from router_core.dialects.anthropic.schema import closed
from router_core.dialects.anthropic.unsupported import unsupported
from router_core.dialects.conversation import plain
from router_core.errors import BadRequestError

_CHOICES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}
_SEARCHES = {"low": 1, "medium": 5, "high": 10}  # what a search_context_size allows, as in LiteLLM


def tools_of(given: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """`tools` and `tool_choice`. Raises UnsupportedParamsError naming what has no place."""
    tools = [_tool(plain(tool), f"tools[{index}]") for index, tool in enumerate(given.get("tools") or ())]
    if "web_search_options" in given:
        tools.append(_web_search(given["web_search_options"]))
    choice = _choice(given.get("tool_choice"))
    if given.get("parallel_tool_calls") is False and tools and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    if forces(choice) and not model.takes_forced_tools:
        raise unsupported("tool_choice", "this model takes none that makes it call a tool")
    return {name: value for name, value in (("tools", tools), ("tool_choice", choice)) if value}


def forces(choice: Mapping[str, Any] | None) -> bool:
    """The model must call a tool."""
    return choice is not None and choice.get("type") in ("any", "tool")


def _tool(tool: Any, where: str) -> dict[str, Any]:
    if not isinstance(tool, Mapping):
        raise BadRequestError(f"{where} must be a dict")
    if "custom" in tool:
        raise unsupported(where, "it has no tools with free text")
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return dict(tool)
    schema = {"type": "object", "properties": {}, **(function.get("parameters") or {})}
    written = {
        "name": function.get("name"),
        "description": function.get("description"),
        "input_schema": closed(schema, where) if function.get("strict") else schema,
        "strict": function.get("strict") or None,
        "cache_control": function.get("cache_control"),
        **{name: value for name, value in tool.items() if name not in ("type", "function")},
    }
    return {name: value for name, value in written.items() if value is not None}


def _web_search(options: Mapping[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
    size, location = options.get("search_context_size"), options.get("user_location")
    if size in _SEARCHES:
        tool["max_uses"] = _SEARCHES[size]
    if location:
        tool["user_location"] = {"type": "approximate", **location.get("approximate", {})}
    return tool


def _choice(choice: Any) -> dict[str, Any]:
    choice = plain(choice)
    if choice is None:
        return {}
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind == "function":
        return {"type": "tool", "name": plain(choice.get("function") or {}).get("name")}
    if kind in ("auto", "any", "none", "tool"):
        return dict(choice)
    raise unsupported("tool_choice", "it is none of auto, none, required and a function")
