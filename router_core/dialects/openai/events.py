"""Streams whose events name their type: OpenAI's newer APIs (responses, images, transcriptions, speech)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from router_core.answering.answers import Answer
from router_core.http.sse import Event
from router_core.providers.dialect import CutStream, UpstreamFailure
from router_core.providers.parameters import words

_ENDS = words(
    "response.completed response.incomplete response.cancelled"
    " image_generation.completed image_edit.completed transcript.text.done speech.audio.done"
)
_FAILURES = words("error response.failed")


class TypedReader:
    """Each event becomes an answer as it was sent. `make`: from an event's JSON."""

    def __init__(self, make: Callable[[dict[str, Any]], Answer]) -> None:
        self._make = make
        self._complete = False
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`. Some servers close with [DONE], which alone ends no answer."""
        if event.data == "[DONE]":
            return
        payload = json.loads(event.data)
        kind = payload.setdefault("type", event.name)
        if kind in _FAILURES or event.name == "error" or payload.get("error"):
            raise UpstreamFailure(payload)
        yield self._make(payload)
        self._complete = self._complete or kind in _ENDS
        self.done = self._complete and not kind.startswith("image_")  # of images there may be several

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        if not self._complete:
            raise CutStream("the stream ended before the event that ends it")
        return ()
