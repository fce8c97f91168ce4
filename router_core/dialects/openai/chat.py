"""OpenAI's chat completions, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from router_core.answers import Answer, ChatCompletionChunk
from router_core.dialects.openai import shapes
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure, Wire
from router_core.providers.parameters import Parameters
from router_core.sse import Decoder, Event

_ALL = Parameters.all_but("chat")


@dataclass(frozen=True)
class Chat:
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. A stream's usage is always asked for."""
        body = {**call.body, "model": model}
        if call.stream:
            body["stream"] = True
            if body.get("stream_options", body) is not None:
                body["stream_options"] = {"include_usage": True, **body.get("stream_options", {})}
        return Wire("/chat/completions", body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return shapes.chat(reply.json(), model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield shapes.chunk_of_whole(shapes.chat(reply.json(), model))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> ChatReader:
        """See `Dialect.reader`."""
        options = call.body.get("stream_options")
        return ChatReader(model, usage_asked=isinstance(options, Mapping) and bool(options.get("include_usage")))


class ChatReader:
    """`usage_asked`: the caller expects OpenAI's last chunk, which has usage and no choices."""

    def __init__(self, model: str, usage_asked: bool = False) -> None:
        self._model, self._usage_asked = model, usage_asked
        self._finished = False
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        if event.data == "[DONE]":
            self.done = True
            return
        payload = json.loads(event.data)
        if event.name == "error" or payload.get("error"):
            raise UpstreamFailure(payload)
        yield self._chunk(shapes.chunk(payload, self._model))

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`. Some servers leave out [DONE]; none leaves out the finish_reason."""
        if not self.done and not self._finished:
            raise CutStream("the stream ended without [DONE] and without a finish_reason")
        return ()

    def _chunk(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        if any(choice.finish_reason for choice in chunk.choices):
            self._finished = True
        if not chunk.choices and chunk.usage and not self._usage_asked:
            # Usage is always asked for; a caller who did not ask must not trip over `choices[0]`.
            empty = {"index": 0, "delta": {}, "finish_reason": None}
            return ChatCompletionChunk({**chunk, "choices": [empty]})
        return chunk
