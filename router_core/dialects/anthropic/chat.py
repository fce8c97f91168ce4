"""Chat in OpenAI's shapes over Anthropic's Messages, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.anthropic import answer
from router_core.dialects.anthropic.assembly import Assembly, read
from router_core.dialects.anthropic.place import ANTHROPIC, Place
from router_core.dialects.anthropic.request import TAKES, request_of
from router_core.dialects.compose import Chunks
from router_core.dialects.openai.shapes import chunk_of_whole
from router_core.http.sse import Decoder as ServerSentEvents
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Decoder, Reader, Reply, Wire
from router_core.providers.parameters import Parameters

_TAKES = Parameters.only("chat", TAKES)


@dataclass(frozen=True)
class Chat:
    """`place`: who serves the format."""

    place: Place = ANTHROPIC
    parameters: Parameters = _TAKES

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return self.place.wire(request_of(call.body, model, self.place), model, call.stream)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return answer.completion(reply.json(), model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield chunk_of_whole(answer.completion(reply.json(), model))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return ServerSentEvents()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return ChatReader(model)


class ChatReader:
    """Texts, thoughts and arguments as they come; what is known only as a whole when its block or the message stops."""

    def __init__(self, model: str) -> None:
        self._chunks, self._assembly = Chunks(model), Assembly()
        self._calls: dict[int, int] = {}  # number of the tool call by that of its block
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        payload = read(event)
        self._assembly.add(payload)
        match payload.get("type"):
            case "message_start":
                self._chunks.name(payload["message"].get("id"), payload["message"].get("model"))
            case "content_block_start":
                yield from self._begin(payload["index"], payload["content_block"])
            case "content_block_delta":
                yield from self._continue(payload["index"], payload["delta"])
            case "content_block_stop":
                yield from self._close(payload["index"])
            case "message_stop":
                self.done = True
                yield from self._finish()

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        if not self.done:
            raise CutStream("the stream ended without message_stop")
        return ()

    def _begin(self, index: int, block: Mapping[str, Any]) -> Iterator[Answer]:
        if block["type"] == "tool_use":
            at = self._calls[index] = len(self._calls)
            yield self._chunks.tool_call(at, block["id"], block["name"], **answer.specific_to_call(block))
        elif block.get("text") and block["type"] == "text":
            yield self._chunks.delta(content=block["text"])

    def _continue(self, index: int, delta: Mapping[str, Any]) -> Iterator[Answer]:
        match delta["type"]:
            case "text_delta":
                yield self._chunks.delta(content=delta["text"])
            case "thinking_delta":
                yield self._chunks.delta(reasoning_content=delta["thinking"])
            case "input_json_delta" if index in self._calls and delta["partial_json"]:
                yield self._chunks.tool_call(self._calls[index], arguments=delta["partial_json"])
            case "citations_delta":
                yield self._chunks.delta(provider_specific_fields={"citation": delta["citation"]})

    def _close(self, index: int) -> Iterator[Answer]:
        block = self._assembly.block(index)
        if answer.is_thought(block):
            yield self._chunks.delta(thinking_blocks=[block])
        elif index in self._calls and not self._assembly.has_input(index):
            yield self._chunks.tool_call(self._calls[index], arguments=json.dumps(block.get("input") or {}))

    def _finish(self) -> Iterator[Answer]:
        message = self._assembly.message
        further = answer.specific_to_message(message)
        if further:
            yield self._chunks.delta(provider_specific_fields=further)
        yield self._chunks.finish(answer.finish(message), **answer.specific_to_choice(message))
        yield self._chunks.usage(answer.usage(message.get("usage")))
