"""Cohere's streamed answers: events that name what begins, grows and ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.cohere.answers import finish_of, logprobs, usage_of
from router_core.dialects.compose import Chunks
from router_core.http.sse import Event
from router_core.providers.dialect import CutStream, UpstreamFailure


class ChatReader:
    """One stream. Its plan and citations come once more, whole, with its end: see `answers`."""

    def __init__(self, model: str) -> None:
        self._chunks = Chunks(model)
        self._plan: list[str] = []
        self._citations: list[Any] = []
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        if event.data == "[DONE]":
            return
        said = json.loads(event.data)
        kind = said.get("type") or event.name
        if kind == "message-start":
            self._chunks.name(said.get("id"))
            yield self._chunks.delta(content="")
        elif kind in ("content-start", "content-delta"):
            yield from self._content(said["delta"]["message"]["content"], said.get("logprobs"))
        elif kind == "tool-plan-delta":
            yield from self._planned(said["delta"]["message"]["tool_plan"])
        elif kind in ("tool-call-start", "tool-call-delta"):
            yield self._called(said)
        elif kind == "citation-start":
            self._citations.append(said["delta"]["message"]["citations"])
        elif kind == "message-end":
            yield from self._ended(said["delta"])
        elif kind == "error" or "message" in said:
            raise UpstreamFailure(said)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        if not self.done:
            raise CutStream("the stream ended without message-end")
        return ()

    def _content(self, content: Mapping[str, Any], counted: Mapping[str, Any] | None) -> Iterable[Answer]:
        thinking, text = content.get("thinking"), content.get("text")
        if thinking:
            block = {"type": "thinking", "thinking": thinking}
            yield self._chunks.delta(reasoning_content=thinking, thinking_blocks=[block])
        if text:
            chunk = self._chunks.delta(content=text)
            if counted:
                chunk["choices"][0]["logprobs"] = {"content": logprobs([counted])}
            yield chunk

    def _planned(self, piece: str) -> Iterable[Answer]:
        self._plan.append(piece)
        if piece:
            yield self._chunks.delta(reasoning_content=piece)

    def _called(self, said: Mapping[str, Any]) -> Answer:
        call = said["delta"]["message"]["tool_calls"]
        function = call["function"]
        begun = said["type"] == "tool-call-start"
        chunk: Answer = self._chunks.tool_call(
            said["index"],
            call.get("id") if begun else None,
            function["name"] if begun else None,
            function.get("arguments") or "",
        )
        return chunk

    def _ended(self, ended: Mapping[str, Any]) -> Iterable[Answer]:
        finish, more = finish_of(ended)
        plan = "".join(self._plan)
        fields = ({"tool_plan": plan} if plan else {}) | ({"citations": self._citations} if self._citations else {})
        if fields:
            yield self._chunks.delta(provider_specific_fields=fields)
        yield self._chunks.finish(finish, **more)
        yield self._chunks.usage(usage_of(ended.get("usage")))
        self.done = True
