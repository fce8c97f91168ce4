"""Mistral's chat completions: OpenAI's, with own names, stricter messages and contents that are lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router_core.answering.answers import Answer, ChatCompletion
from router_core.dialects.mistral.answers import unfold
from router_core.dialects.mistral.messages import MANNER, messages
from router_core.dialects.openai import chat, shapes
from router_core.dialects.openai.messages import Manner
from router_core.dialects.openai.renames import TO_MAX_TOKENS, Rename
from router_core.dialects.openai.stream import ChatReader
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_PARAMETERS = Parameters.all_but(
    "chat",
    "audio function_call functions logit_bias modalities prompt_cache_retention safety_identifier store user verbosity"
    " web_search_options thinking",
)
_SEED = Rename("seed", "random_seed")


@dataclass(frozen=True)
class Chat(chat.Chat):
    """`stream_options` is taken and not sent: usage always comes with the last chunk."""

    parameters: Parameters = _PARAMETERS
    manner: Manner = MANNER
    renames: tuple[Rename, ...] = (TO_MAX_TOKENS, _SEED)

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        wire = super().encode(call, model)
        body = {name: value for name, value in wire.body.items() if name != "stream_options"}
        body["messages"] = messages(body["messages"])
        if "tools" in body:
            body["tools"] = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(body["tools"])]
        if "tool_choice" in body:
            body["tool_choice"] = _tool_choice(body["tool_choice"])
        return replace(wire, body=body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return _answer(reply, model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield shapes.chunk_of_whole(_answer(reply, model))

    def reader(self, call: Call, model: str) -> ChatReader:
        """See `Dialect.reader`."""
        return _Reader(call, model)


class _Reader(ChatReader):
    def __init__(self, call: Call, model: str) -> None:
        super().__init__(call, model)
        make = self._make
        self._make = lambda payload: make(unfold(payload))


def _answer(reply: Reply, model: str) -> ChatCompletion:
    return shapes.chat(unfold(reply.json()), model)


def _tool(tool: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if tool.get("type") == "custom":
        raise UnsupportedParamsError(f"Mistral has no custom tools ({where})", params=[where], llm_provider="mistral")
    function = tool.get("function")
    if not isinstance(function, Mapping) or function.get("parameters") is not None:
        return tool
    return {**tool, "function": {**function, "parameters": {"type": "object", "properties": {}}}}  # required there


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, Mapping) and choice.get("type", "function") != "function":
        what = f"Mistral has no tool_choice of type {choice['type']!r}"
        raise UnsupportedParamsError(what, params=["tool_choice"], llm_provider="mistral")
    return "any" if choice == "required" else choice
