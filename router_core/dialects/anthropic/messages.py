"""Anthropic's Messages as they are: nothing is translated, in no direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import Message, MessageEvent
from router_core.dialects.anthropic.assembly import read
from router_core.dialects.anthropic.place import ANTHROPIC, Place
from router_core.http.sse import Decoder as ServerSentEvents
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Decoder, Reader, Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("messages")


@dataclass(frozen=True)
class Messages:
    """`place`: who serves the format."""

    place: Place = ANTHROPIC
    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Besides Anthropic's own parameters, `anthropic_beta` (or `betas`)."""
        given = {name: value for name, value in call.body.items() if value is not None}
        return self.place.wire(given, model, call.stream)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return _message(reply)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`: the events that a stream would have had."""
        return map(MessageEvent, _events(_message(reply)))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return ServerSentEvents()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return MessagesReader()


class MessagesReader:
    """Every event as it was sent, of unknown types too."""

    def __init__(self) -> None:
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        payload = read(event)
        if payload:
            self.done = payload.get("type") == "message_stop"
            yield MessageEvent(payload)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        if not self.done:
            raise CutStream("the stream ended without message_stop")
        return ()


def _message(reply: Reply) -> Message:
    message = Message(reply.json())
    if not isinstance(message["content"], list):
        raise TypeError("content is no list of blocks")
    return message


def _events(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ending = {"stop_reason": message.get("stop_reason"), "stop_sequence": message.get("stop_sequence")}
    begun = {**message, "content": [], **dict.fromkeys(ending)}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": ending, "usage": message.get("usage") or {}}
    yield {"type": "message_stop"}
