"""OpenAI's chat completions, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from router_core.answering.answers import Answer
from router_core.dialects.openai import shapes
from router_core.dialects.openai.messages import Manner, sendable, without_hints
from router_core.dialects.openai.renames import Rename, rename
from router_core.dialects.openai.stream import ChatReader, ask_for_usage, checked
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("chat")
_OPENAI = Manner()


@dataclass(frozen=True)
class Chat:
    """How a server differs from OpenAI, as data.

    `parameters`: what it takes of OpenAI's. `manner`: what it understands of messages. `renames`: parameters it has
    under another name. `path` comes after the base URL. `counts_unasked`: its streams always end with usage, and it
    does not know `stream_options`.
    """

    parameters: Parameters = _ALL
    manner: Manner = _OPENAI
    renames: tuple[Rename, ...] = ()
    path: str = "/chat/completions"
    counts_unasked: bool = False

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        body = {name: value for name, value in call.body.items() if value is not None}
        rename(body, model, self.renames)
        body["model"] = model
        body["messages"] = sendable(body.get("messages"), self.manner)
        if "tools" in body:
            body["tools"] = without_hints(body["tools"], self.manner)
        if call.stream:
            ask_for_usage(body, call.body)
        if self.counts_unasked:
            body.pop("stream_options", None)
        return Wire(self.path, body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return shapes.chat(checked(reply.json()), model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield shapes.chunk_of_whole(shapes.chat(checked(reply.json()), model))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> ChatReader:
        """See `Dialect.reader`."""
        return ChatReader(call, model)
