"""OpenAI's speech: text to audio, whole, or in pieces as they arrive."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import Speech as Answered
from router_core.answering.other_answers import StreamedBytes
from router_core.dialects.openai import bodies
from router_core.dialects.openai.events import TypedReader
from router_core.http.sse import Decoder, Event
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("speech")
_BYTES = "latin-1"  # an event's data is text; in this encoding each byte is the character of its number


@dataclass(frozen=True)
class Speech:
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. What is streamed is a matter of reading: the API always sends as it makes."""
        return Wire("/audio/speech", bodies.parameters(replace(call, stream=False), model))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        kind = reply.headers.get("content-type", "application/octet-stream")
        if not reply.body or kind.startswith("application/json"):
            reply.json()  # which may hold an error
            raise ValueError("no audio")
        return Answered(reply.body, kind)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`: JSON is no audio."""
        self.decode(call, model, reply)
        return ()

    def framing(self) -> Pieces:
        """See `Dialect.framing`."""
        return Pieces()

    def reader(self, call: Call, model: str) -> AudioReader | SpeechEvents:
        """See `Dialect.reader`."""
        return SpeechEvents() if call.body.get("stream_format") == "sse" else AudioReader()


class Pieces:
    """No frames: bytes as they come, since whether they are events is for who asked for them to know."""

    def feed(self, chunk: bytes, /) -> Iterable[Event]:
        """See `Decoder.feed`."""
        return [Event("", chunk.decode(_BYTES))] if chunk else []

    def flush(self) -> Iterable[Event]:
        """Nothing is ever left."""
        return ()


class AudioReader:
    """The audio itself. Its end is the connection's, which HTTP tells from a cut."""

    done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        return (StreamedBytes(event.data.encode(_BYTES)),)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        return ()


class SpeechEvents:
    """Audio in server-sent events, in base64; the last one has the usage."""

    def __init__(self) -> None:
        self._events, self._reader = Decoder(), TypedReader(_piece)

    @property
    def done(self) -> bool:
        """See `Reader.done`."""
        return self._reader.done

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        for inner in self._events.feed(event.data.encode(_BYTES)):
            yield from self._reader.read(inner)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        for inner in self._events.flush():
            yield from self._reader.read(inner)
        yield from self._reader.end()


def _piece(payload: dict[str, Any]) -> StreamedBytes:
    return StreamedBytes(base64.b64decode(payload.pop("audio", "")), payload)
