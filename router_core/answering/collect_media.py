"""Collectors for streamed images, transcriptions and audio. See `collect.Collector`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import ImagesResponse, Speech, StreamedBytes, Transcription

_NAMELESS: Mapping[str, Any] = {}


class Images:
    """Events of images: the partial ones are content too."""

    head: Mapping[str, Any] = _NAMELESS
    usage: Mapping[str, Any] | None = None
    characters = 0

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def add(self, event: Answer) -> bool:
        """See `Collector.add`."""
        self._last, self.usage = event, event.get("usage") or self.usage
        return bool(event.get("b64_json") or event.get("url"))

    def answer(self) -> ImagesResponse:
        """See `Collector.answer`: the last image, which may be a partial one."""
        image = {name: self._last[name] for name in ("b64_json", "url") if self._last.get(name)}
        created = self._last.get("created_at", 0)
        return ImagesResponse({"created": created, "data": [image] if image else [], "usage": self.usage})


class Transcripts:
    """Events of a transcription."""

    head: Mapping[str, Any] = _NAMELESS
    usage: Mapping[str, Any] | None = None
    characters = 0

    def __init__(self) -> None:
        self._text: list[str] = []

    def add(self, event: Answer) -> bool:
        """See `Collector.add`."""
        kind = event.get("type")
        if kind == "transcript.text.delta":
            self._text.append(event["delta"])
            self.characters += len(event["delta"])
        elif kind == "transcript.text.done":
            self._text, self.usage = [event["text"]], event.get("usage")
            self.characters = len(event["text"])
        return kind == "transcript.text.done" or bool(event.get("delta") or event.get("text"))

    def answer(self) -> Transcription:
        """See `Collector.answer`."""
        return Transcription({"text": "".join(self._text), "usage": self.usage})


class Sounds:
    """Pieces of audio."""

    head: Mapping[str, Any] = _NAMELESS
    usage: Mapping[str, Any] | None = None
    characters = 0

    def __init__(self) -> None:
        self._content: list[bytes] = []

    def add(self, piece: Answer) -> bool:
        """See `Collector.add`."""
        self.usage = piece.get("usage") or self.usage
        data = piece.data if isinstance(piece, StreamedBytes) else b""
        self._content.append(data)
        return bool(data)

    def answer(self) -> Speech:
        """See `Collector.answer`."""
        return Speech(b"".join(self._content), "application/octet-stream")
