"""Tools and the choice among them.

A tool without a `type`, such as `{"googleSearch": {}}`, is Google's own and goes out as it is. `strict` of a function
is the mode VALIDATED: calls, if there are any, follow their schemas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router_core.dialects.conversation import plain
from router_core.dialects.gemini.schemas import cleaned
from router_core.errors import BadRequestError, UnsupportedParamsError

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY"}


def tools_of(tools: Any, search: Any) -> list[dict[str, Any]]:
    """`tools`, all functions in one; `search` is `web_search_options`. Raises UnsupportedParamsError naming a tool."""
    functions, others = [], []
    for index, one in enumerate(tools or ()):
        tool = plain(one)
        if tool.get("type") == "function" and isinstance(tool.get("function"), Mapping):
            functions.append(_declaration(tool["function"]))
        elif "type" not in tool:
            others.append(dict(tool))
        else:
            where = f"tools[{index}]"
            raise UnsupportedParamsError(f"Gemini has no tools of type {tool['type']!r} ({where})", params=[where])
    if search is not None:
        others.append({"googleSearch": _search(search)})
    return [{"functionDeclarations": functions}, *others] if functions else others


def _declaration(function: Mapping[str, Any]) -> dict[str, Any]:
    declared = {name: function[name] for name in ("name", "description") if function.get(name) is not None}
    if function.get("parameters"):
        declared["parametersJsonSchema"] = cleaned(function["parameters"])
    return declared


def _search(options: Mapping[str, Any]) -> dict[str, Any]:
    said = sorted(name for name, value in options.items() if value is not None)
    if said:
        raise UnsupportedParamsError(params=[f"web_search_options.{name}" for name in said])
    return {}


def tool_config(choice: Any, tools: Any) -> dict[str, Any] | None:
    """functionCallingConfig for `tool_choice`; None where nothing has to be said. Raises BadRequestError."""
    mode, names = _chosen(choice)
    if mode in (None, "AUTO") and (names or _strict(tools)):
        mode = "VALIDATED"
    if mode is None:
        return None
    return {"functionCallingConfig": {"mode": mode, **({"allowedFunctionNames": names} if names else {})}}


def _chosen(choice: Any) -> tuple[str | None, list[str]]:
    if choice is None:
        return None, []
    if isinstance(choice, str) and choice in _MODES:
        return _MODES[choice], []
    try:
        if choice["type"] == "function":
            return "ANY", [choice["function"]["name"]]
        allowed = choice["allowed_tools"]
        return _MODES[allowed["mode"]], [tool["function"]["name"] for tool in allowed["tools"]]
    except (KeyError, TypeError):
        raise BadRequestError("tool_choice must be auto, none, required, a function or allowed_tools") from None


def _strict(tools: Sequence[Any] | None) -> bool:
    functions = (tool.get("function") for tool in map(plain, tools or ()))
    return any(isinstance(function, Mapping) and function.get("strict") for function in functions)
