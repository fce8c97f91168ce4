"""Bedrock's Converse and ConverseStream: one format for the chats of all its models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.bedrock import answer, settings
from router_core.dialects.bedrock.frames import Frames
from router_core.dialects.bedrock.messages import Conversation
from router_core.dialects.bedrock.models import model_id, path
from router_core.dialects.bedrock.reader import ConverseReader
from router_core.dialects.bedrock.tools import answers_by_tool, output_config, tool_config
from router_core.dialects.conversation import turns
from router_core.dialects.openai.shapes import chunk_of_whole
from router_core.providers.base import Call
from router_core.providers.dialect import Decoder, Reader, Reply, Wire
from router_core.providers.parameters import Parameters

STREAM = "application/vnd.amazon.eventstream"
_ANY = settings.parameters("")


@dataclass(frozen=True)
class Converse:
    """Chats. What neither OpenAI nor Converse has a name for goes to the model in `additionalModelRequestFields`."""

    parameters: Parameters = _ANY

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        if call.stream:
            return Wire(path(model, "converse-stream"), body(call, model), headers={"Accept": STREAM})
        return Wire(path(model, "converse"), body(call, model))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        found: Answer = answer.completion(reply.json(), model, reply.headers.get("x-amzn-requestid"))
        return found

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield chunk_of_whole(answer.completion(reply.json(), model, reply.headers.get("x-amzn-requestid")))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Frames()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return ConverseReader(model_id(model), answers_by_tool(call.body, model))


def body(call: Call, model: str) -> dict[str, Any]:
    """The request's body. Raises UnsupportedParamsError naming what this model, or Converse, cannot be told."""
    given: Mapping[str, Any] = call.body
    conversation = Conversation(model, turns(given.get("messages")))
    parts = {
        "system": conversation.system,
        "toolConfig": tool_config(given, model, conversation.uses_tools),
        "outputConfig": output_config(given, model),
    }
    found = {name: value for name, value in parts.items() if value}
    return {"messages": conversation.messages, **found, **settings.settings(given, model, conversation.messages)}
