"""OpenAI's transcriptions: speech to text, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from router_core.answering.answers import Answer
from router_core.answering.other_answers import Transcription as Answered
from router_core.answering.other_answers import TranscriptionEvent
from router_core.dialects.openai import bodies
from router_core.dialects.openai.events import TypedReader
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("transcription")
_TEXTS = frozenset({"text", "srt", "vtt"})


@dataclass(frozen=True)
class Transcription:
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return bodies.form("/audio/transcriptions", call, model, "file")

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        if call.body.get("response_format") in _TEXTS and "json" not in reply.headers.get("content-type", ""):
            return Answered({"text": reply.body.decode()})
        body = reply.json()
        if not isinstance(body["text"], str):
            raise TypeError("text")
        return Answered(body)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`: the last event alone, which carries the whole text."""
        yield TranscriptionEvent({**self.decode(call, model, reply), "type": "transcript.text.done"})

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> TypedReader:
        """See `Dialect.reader`."""
        return TypedReader(TranscriptionEvent)
