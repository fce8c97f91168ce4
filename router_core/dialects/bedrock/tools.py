"""Tools, the choice among them, and answers in a JSON schema, which some models can only give by way of a tool."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router_core.dialects.anthropic.models import known
from router_core.dialects.anthropic.schema import closed
from router_core.dialects.bedrock.content import cache_point
from router_core.dialects.bedrock.models import caches, family, model_id, schema_by
from router_core.dialects.conversation import plain
from router_core.errors import BadRequestError, UnsupportedParamsError

ANSWER_TOOL = "json_tool_call"  # its input is the answer: LiteLLM's name

_NO_PARAMETERS = {"type": "object", "properties": {}}


def tool_config(body: Mapping[str, Any], model: str, uses_tools: bool) -> dict[str, Any] | None:
    """`toolConfig`, or None. `uses_tools`: the conversation has calls or results, which need their tools."""
    choice = body.get("tool_choice")
    tools = [] if choice == "none" else list(_tools(body.get("tools") or (), model))
    by_tool = _answer_tool(body.get("response_format"), model)
    if by_tool:
        if tools:
            raise _unsupported("response_format", f"{model_id(model)} takes a JSON schema or tools, not both")
        return {"tools": [by_tool], "toolChoice": {"tool": {"name": ANSWER_TOOL}}}
    if tools:
        chosen = _choice(choice, model)
        return {"tools": tools, "toolChoice": chosen} if chosen else {"tools": tools}
    if uses_tools:
        name = "tool_choice" if choice == "none" else "tools"
        raise _unsupported(name, "bedrock needs the tools where messages hold tool calls or results")
    return None


def output_config(body: Mapping[str, Any], model: str) -> dict[str, Any] | None:
    """`outputConfig` for an answer in a JSON schema, where the model knows it; None where it needs a tool."""
    wanted = _schema(body.get("response_format"))
    if wanted is None or schema_by(model) != "format":
        return None
    described = {name: wanted[name] for name in ("name", "description") if wanted.get(name)}
    schema = {"schema": json.dumps(closed(wanted["schema"], "response_format")), **described}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def answers_by_tool(body: Mapping[str, Any], model: str) -> bool:
    """Whether such a call makes the model answer by using a tool."""
    wanted = body.get("response_format")
    return isinstance(wanted, Mapping) and wanted.get("type") == "json_schema" and schema_by(model) == "tool"


def _tools(given: Sequence[Any], model: str) -> Iterator[dict[str, Any]]:
    strict, cached = schema_by(model) == "format", caches(model) == "all"
    for index, tool in enumerate(map(plain, given)):
        where = f"tools[{index}]"
        if not isinstance(tool, Mapping):
            raise BadRequestError(f"{where} must be a dict")
        function = tool.get("function")
        if "toolSpec" in tool or "systemTool" in tool or "cachePoint" in tool:
            yield dict(tool)  # Bedrock's own, as they are
        elif tool.get("type") == "function" and isinstance(function, Mapping) and function.get("name"):
            yield _spec(function, strict and bool(function.get("strict")), where)
            yield from cache_point(tool if tool.get("cache_control") else function) if cached else ()
        else:
            raise _unsupported(where, "bedrock takes functions, and its own toolSpec and systemTool")


def _spec(function: Mapping[str, Any], strict: bool, where: str) -> dict[str, Any]:
    """`strict` is said where it is known; other models are told the schema, and follow it as well as they can."""
    schema = {**_NO_PARAMETERS, **(function.get("parameters") or {})}
    spec = {"name": function["name"], "inputSchema": {"json": closed(schema, where) if strict else schema}}
    if function.get("description"):
        spec["description"] = function["description"]
    return {"toolSpec": {**spec, "strict": True} if strict else spec}


def _choice(choice: Any, model: str) -> dict[str, Any] | None:
    if choice is None or choice == "auto":
        return None if choice is None else {"auto": {}}
    function = choice.get("function") if isinstance(choice, Mapping) else None
    named = function.get("name") if isinstance(function, Mapping) else None
    if choice != "required" and not named:
        raise _unsupported("tool_choice", "bedrock takes auto, required, none, or a function by name")
    if family(model) == "claude" and not known(model).takes_forced_tools:
        raise _unsupported("tool_choice", f"{model_id(model)} cannot be made to use a tool")
    return {"tool": {"name": named}} if named else {"any": {}}


def _answer_tool(response_format: Any, model: str) -> dict[str, Any] | None:
    wanted = _schema(response_format)
    if wanted is None or schema_by(model) == "format":
        return None
    if schema_by(model) is None:
        raise _unsupported("response_format", f"{model_id(model)} takes no JSON schema")
    described = {"description": wanted["description"]} if wanted.get("description") else {}
    return {"toolSpec": {"name": ANSWER_TOOL, "inputSchema": {"json": wanted["schema"]}, **described}}


def _schema(response_format: Any) -> Mapping[str, Any] | None:
    kind = response_format.get("type") if isinstance(response_format, Mapping) else response_format
    if kind in (None, "text"):
        return None
    wanted = response_format.get("json_schema") if kind == "json_schema" else None
    if not isinstance(wanted, Mapping) or not isinstance(wanted.get("schema"), Mapping):
        raise _unsupported("response_format", "bedrock takes text, or json_schema with a schema")
    return wanted


def _unsupported(name: str, why: str) -> UnsupportedParamsError:
    return UnsupportedParamsError(f"{name}: {why}", params=[name], llm_provider="bedrock")
