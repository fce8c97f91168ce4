"""One stream of streamGenerateContent: each event is an answer that holds what has been added.

Nothing says that it is over: after the last finishReason the connection closes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.compose import Chunks
from router_core.dialects.gemini.candidates import choice_extras, finish_reason, message_of, refuse_blocked
from router_core.dialects.gemini.usage import tier_of, usage_of
from router_core.http.sse import Event
from router_core.providers.dialect import CutStream, UpstreamFailure


@dataclass
class _Heard:
    """One candidate so far: how many calls and images it has made, its audio's id, the parts that only Google knows."""

    calls: int = 0
    images: int = 0
    audio: str = ""
    parts: list[Any] = field(default_factory=list)
    finished: bool = False


class ChatReader:
    """See `Reader`."""

    def __init__(self, model: str) -> None:
        self._chunks = Chunks(model)
        self._candidates: dict[int, _Heard] = {}
        self._counted: Mapping[str, Any] | None = None
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        return self.take(json.loads(event.data))

    def take(self, payload: Any) -> Iterator[Answer]:
        """The chunks in one of Google's answers, or in a list of them. Raises UpstreamFailure for an error in it."""
        for answer in payload if isinstance(payload, list) else [payload]:
            yield from self._answer(answer)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        if not self._candidates or not all(heard.finished for heard in self._candidates.values()):
            raise CutStream("the stream ended without a finishReason")
        usage = usage_of(self._counted)
        if usage:
            yield self._chunks.usage(usage)

    def _answer(self, answer: Mapping[str, Any]) -> Iterator[Answer]:
        if answer.get("error"):
            raise UpstreamFailure(answer)
        refuse_blocked(answer)
        self._chunks.name(answer.get("responseId"), answer.get("modelVersion"))
        self._counted = answer.get("usageMetadata") or self._counted
        for candidate in answer.get("candidates") or ():
            yield from self._candidate(candidate)

    def _candidate(self, candidate: Mapping[str, Any]) -> Iterator[Answer]:
        index = candidate.get("index", 0)
        heard = self._candidates.setdefault(index, _Heard())
        delta = _numbered(message_of((candidate.get("content") or {}).get("parts") or ()), heard)
        extras = choice_extras(candidate)
        reason = finish_reason(candidate, heard.calls > 0)
        if delta or (extras and reason is None):
            chunk = self._chunks.delta(index, **delta)
            if reason is None:
                chunk["choices"][0].update(extras)
            yield chunk
        if reason is not None:
            heard.finished = True
            chunk = self._chunks.finish(reason, index, **extras)
            tier = tier_of(self._counted)
            yield chunk if tier is None else type(chunk)({**chunk, "service_tier": tier})


def _numbered(delta: dict[str, Any], heard: _Heard) -> dict[str, Any]:
    """The delta with its calls and images counted on, and all parts so far that only Google knows: the last counts."""
    if delta == {"content": ""}:
        return {}
    for call in delta.get("tool_calls") or ():
        call["index"] = heard.calls
        heard.calls += 1
    for image in delta.get("images") or ():
        image["index"] = heard.images
        heard.images += 1
    if "audio" in delta:
        heard.audio = delta["audio"]["id"] = heard.audio or delta["audio"]["id"]
    fields = delta.get("provider_specific_fields") or {}
    if "parts" in fields:
        heard.parts += fields["parts"]
        fields["parts"] = list(heard.parts)
    return delta
