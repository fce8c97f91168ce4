"""A whole answer from the chunks of a stream: what it took, and what was received when it breaks off.

collector = collector_for("chat")
for chunk in chunks:
    if collector.add(chunk): …          # it brought content: from now on the stream cannot move elsewhere
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from router_core.answering.answers import Answer
from router_core.answering.collect_chat import Chats, Completions
from router_core.answering.collect_events import Messages, Responses
from router_core.answering.collect_media import Images, Sounds, Transcripts
from router_core.providers.base import Kind


class Collector(Protocol):
    """Gathers what chunks add, without keeping the chunks."""

    @property
    def head(self) -> Mapping[str, Any]:
        """What the answer says of itself: its model, its service tier."""

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """What the provider counted, in its own words; None where it did not."""

    @property
    def characters(self) -> int:
        """Characters the model wrote, to guess its tokens from."""

    def add(self, chunk: Answer, /) -> bool:
        """Take a chunk in; True if it brought content (or the end of a choice)."""

    def answer(self) -> Answer:
        """The answer so far."""


def collector_for(kind: Kind) -> Collector:
    """A new collector for the chunks of this kind of call."""
    return _COLLECTORS.get(kind, Chats)()


_COLLECTORS: Mapping[Kind, Callable[[], Collector]] = {
    "completion": Completions,
    "responses": Responses,
    "messages": Messages,
    "image_generation": Images,
    "image_edit": Images,
    "transcription": Transcripts,
    "speech": Sounds,
}
