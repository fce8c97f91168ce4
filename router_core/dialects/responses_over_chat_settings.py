"""The parameters of a Responses call as those of a chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects.conversation import plain
from router_core.errors import UnsupportedParamsError
from router_core.providers.parameters import Parameters, words

_SAME = words(
    "metadata parallel_tool_calls prompt_cache_key prompt_cache_retention safety_identifier service_tier temperature"
    " tools tool_choice top_logprobs top_p user"
)
_LENGTHS = ("max_completion_tokens", "max_tokens")
# What else a chat has under another name.
NAMES = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning",
    "response_format": "text",
    "verbosity": "text",
}
_CONVERTED = words("include input instructions max_output_tokens reasoning text tools tool_choice top_logprobs")


def stateless(chat: Parameters) -> Parameters:
    """What of the Responses API can be said to a chat with these parameters: nothing that a server must remember."""
    takes = {"input", "instructions", "include"} | (_SAME & chat.takes)
    for name, either in (
        ("max_output_tokens", _LENGTHS),
        ("reasoning", ("reasoning_effort",)),
        ("text", ("response_format", "verbosity")),
    ):
        if not chat.takes.isdisjoint(either):
            takes.add(name)
    values = {name: taken for name, taken in chat.values.items() if name in _SAME}
    return Parameters("responses", frozenset(takes), chat.refused, values)


def settings(body: Mapping[str, Any], known: Parameters) -> dict[str, Any]:
    """The parameters of a chat that knows these. Raises UnsupportedParamsError naming what it has no word for."""
    chat = {name: value for name, value in body.items() if name not in _CONVERTED and value is not None}
    if body.get("max_output_tokens") is not None:
        chat[next(name for name in _LENGTHS if name in known.takes)] = body["max_output_tokens"]
    if body.get("top_logprobs") is not None:
        chat |= {"logprobs": True, "top_logprobs": body["top_logprobs"]}
    _include(body.get("include") or (), known, chat)
    _text(plain(body.get("text")) or {}, known, chat)
    for name, value in (plain(body.get("reasoning")) or {}).items():
        if name == "effort":
            _set(chat, known, "reasoning_effort", value, "reasoning.effort")
        elif name not in ("summary", "generate_summary") and value is not None:
            raise _missing(f"reasoning.{name}")  # a summary is what chat shows of its reasoning, if it shows any
    if body.get("tools"):
        chat["tools"] = [_tool(plain(tool), f"tools[{index}]") for index, tool in enumerate(body["tools"])]
    if body.get("tool_choice") is not None:
        chat["tool_choice"] = _choice(plain(body["tool_choice"]))
    if chat.get("n", 1) != 1:
        raise _missing("n")
    return chat


def _include(names: Any, known: Parameters, chat: dict[str, Any]) -> None:
    for index, name in enumerate(names):
        if name == "message.output_text.logprobs":
            _set(chat, known, "logprobs", True, f"include[{index}]")
        elif name != "reasoning.encrypted_content":  # reasoning items from here have all that can be sent back
            raise _missing(f"include[{index}]")


def _text(text: Mapping[str, Any], known: Parameters, chat: dict[str, Any]) -> None:
    for name, value in text.items():
        if name == "verbosity":
            _set(chat, known, "verbosity", value, "text.verbosity")
        elif name == "format" and value is not None:
            shape = dict(plain(value))
            kind = shape.pop("type", "text")
            response_format = {"type": kind, kind: shape} if shape else {"type": kind}
            _set(chat, known, "response_format", None if kind == "text" else response_format, "text.format")
        elif value is not None:
            raise _missing(f"text.{name}")


def _set(chat: dict[str, Any], known: Parameters, name: str, value: Any, where: str) -> None:
    if value is None:
        return
    if name not in known.takes or value not in known.values.get(name, (value,)):
        raise _missing(where)
    chat[name] = value


def _tool(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise _missing(where, f": a tool of type {tool.get('type')!r}")
    of_function = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in of_function if tool.get(name) is not None}
    extra = {name: value for name, value in tool.items() if name not in (*of_function, "type")}
    return {"type": "function", "function": function, **extra}


def _choice(choice: Any) -> Any:
    if isinstance(choice, str):
        return choice
    if choice.get("type") != "function":
        raise _missing("tool_choice", f": of type {choice.get('type')!r}")
    return {"type": "function", "function": {"name": choice.get("name")}}


def _missing(where: str, why: str = "") -> UnsupportedParamsError:
    return UnsupportedParamsError(f"a chat has no {where}{why}", params=[where])
