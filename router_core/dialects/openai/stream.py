"""Streams of OpenAI's older APIs: chunks with `choices`, at the end usage and [DONE]."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from router_core.answering.answers import Answer
from router_core.dialects.openai import shapes
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, UpstreamFailure

Chunk = TypeVar("Chunk", bound=Answer)


def ask_for_usage(body: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Make `body` that of a stream. Usage is always asked for, unless `given` has `stream_options=None`."""
    body["stream"] = True
    if given.get("stream_options", given) is not None:
        body["stream_options"] = {"include_usage": True, **given.get("stream_options", {})}


def checked(payload: Any) -> Any:
    """The payload. Raises UpstreamFailure where a choice is an error (OpenRouter: the provider behind it failed)."""
    for choice in payload.get("choices") or ():
        if choice.get("error"):
            raise UpstreamFailure({"error": choice["error"]})
    return payload


class ChoicesReader:
    """`make`: a chunk from its JSON. `empty`: a choice that says nothing.

    A chunk without choices gets an empty one, so that nobody trips over `choices[0]`: Azure's first, which only tells
    what its filter found, and the last one with usage, unless the caller asked for that.
    """

    def __init__(self, call: Call, make: Callable[[dict[str, Any]], Answer], empty: Mapping[str, Any]) -> None:
        options = call.body.get("stream_options")
        self._usage_asked = isinstance(options, Mapping) and bool(options.get("include_usage"))
        self._make, self._empty = make, empty
        self._finished = False
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        if event.data == "[DONE]":
            self.done = True
            return
        if not event.data:
            return
        payload = json.loads(event.data)
        if event.name == "error" or payload.get("error") or payload.get("object") == "error":
            raise UpstreamFailure(payload)
        chunk = self._make(checked(payload))
        if not self._finished and any(choice.get("finish_reason") for choice in chunk["choices"]):
            self._finished = True
        if not chunk["choices"] and not (chunk.get("usage") and self._usage_asked):
            chunk = type(chunk)({**chunk, "choices": [dict(self._empty)]})
        yield chunk

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`. Some servers leave out [DONE]; none leaves out the finish_reason."""
        if not self.done and not self._finished:
            raise CutStream("the stream ended without [DONE] and without a finish_reason")
        return ()


class ChatReader(ChoicesReader):
    """A streamed chat answer. Tool calls that the server does not count get their index."""

    def __init__(self, call: Call, model: str) -> None:
        empty = {"index": 0, "delta": {}, "finish_reason": None}
        super().__init__(call, lambda payload: self._counted(shapes.chunk(payload, model)), empty)
        self._ids: dict[int, list[str]] = {}

    def _counted(self, chunk: Answer) -> Answer:
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls") or ():
                if call.get("index") is None:
                    call["index"] = self._index(self._ids.setdefault(choice["index"], []), call.get("id"))
        return chunk

    @staticmethod
    def _index(ids: list[str], id: str | None) -> int:
        """A new id begins a new call; what has none belongs to the last one."""
        if id and id not in ids:
            ids.append(id)
        return ids.index(id) if id else max(len(ids) - 1, 0)


class TextReader(ChoicesReader):
    """A streamed text completion."""

    def __init__(self, call: Call, model: str) -> None:
        empty = {"index": 0, "text": "", "finish_reason": None}
        super().__init__(call, lambda payload: shapes.text_chunk(payload, model), empty)
