"""OpenAI's text completions, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from router_core.answering.answers import Answer
from router_core.dialects.openai import shapes
from router_core.dialects.openai.stream import TextReader, ask_for_usage, checked
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("completion")


@dataclass(frozen=True)
class Completion:
    """`parameters`: what a compatible server takes of OpenAI's. `path` comes after the base URL."""

    parameters: Parameters = _ALL
    path: str = "/completions"

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        body = {name: value for name, value in call.body.items() if value is not None}
        body["model"] = model
        if call.stream:
            ask_for_usage(body, call.body)
        return Wire(self.path, body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return shapes.text(checked(reply.json()), model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`: chunks and whole answers have one shape."""
        yield shapes.text(checked(reply.json()), model)

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> TextReader:
        """See `Dialect.reader`."""
        return TextReader(call, model)
