"""ConverseStream's events as OpenAI's chunks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router_core.answering.answers import Answer, ChatCompletionChunk
from router_core.dialects import compose
from router_core.dialects.bedrock import answer
from router_core.http.sse import Event
from router_core.providers.dialect import CutStream, UpstreamFailure

_PLAIN = {"text", "reasoningContent"}  # blocks that their deltas tell; their start says nothing


class ConverseReader:
    """One stream. Blocks of content are told apart by their index, tool calls by their order.

    `by_tool`: the answer is to come as the input of a tool, and what is said beside it would spoil its JSON.
    """

    def __init__(self, model: str, by_tool: bool = False) -> None:
        self._chunks = compose.Chunks(model)
        self._tools: dict[int, int] = {}  # index of a block -> number of its tool call
        self._written: set[int] = set()  # blocks of tools whose input has begun
        self._thoughts: dict[int, dict[str, Any]] = {}
        self._others: dict[int, dict[str, Any]] = {}
        self._citations: list[Any] = []
        self._answers: set[int] = set()  # blocks of the tool whose input is the answer
        self._beside: list[str] | None = [] if by_tool else None
        self._finished = self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        payload = json.loads(event.data)
        if event.name == "error":
            raise UpstreamFailure(payload)
        if event.name == "messageStop":
            return self._finish(payload)
        found = self._one(event.name, payload)
        return () if found is None else (found,)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`. Usage comes after the end of the answer, which is whole without it."""
        if not self._finished:
            raise CutStream("the stream ended without messageStop")
        return ()

    def _one(self, name: str, payload: Mapping[str, Any]) -> ChatCompletionChunk | None:
        if name == "contentBlockStart":
            return self._start(payload["contentBlockIndex"], payload["start"])
        if name == "contentBlockDelta":
            return self._delta(payload["contentBlockIndex"], payload["delta"])
        if name == "contentBlockStop":
            return self._stop(payload["contentBlockIndex"])
        if name == "metadata":
            self.done = True
            chunk = self._chunks.usage(answer.usage(payload.get("usage")))
            return ChatCompletionChunk({**chunk, **answer.kept(payload)})
        return None

    def _finish(self, payload: Mapping[str, Any]) -> Iterator[Answer]:
        self._finished = True
        beside = "".join(self._beside or ())
        if beside and not self._answers:  # a refusal, or a guardrail's words
            yield self._chunks.delta(content=beside)
        elif beside:
            yield self._chunks.delta(provider_specific_fields={"bedrock_content": [{"text": beside}]})
        reason, more = answer.finish(payload["stopReason"], bool(self._answers))
        yield ChatCompletionChunk({**self._chunks.finish(reason, **more), **answer.kept(payload)})

    def _start(self, index: int, start: Mapping[str, Any]) -> ChatCompletionChunk | None:
        use = start.get("toolUse")
        if use is None or answer.is_servers(use):
            if start.keys() - _PLAIN:
                self._others[index] = {**start}
            return None
        if answer.is_answer(use):
            self._answers.add(index)
            return None
        at = self._tools[index] = len(self._tools)
        return self._chunks.tool_call(at, use["toolUseId"], use["name"])

    def _delta(self, index: int, delta: Mapping[str, Any]) -> ChatCompletionChunk | None:
        if "text" in delta:
            return self._text(delta["text"]) if delta["text"] else None
        if "reasoningContent" in delta:
            return self._thought(index, delta["reasoningContent"])
        if "citation" in delta:
            self._citations.append(delta["citation"])
            return self._chunks.delta(provider_specific_fields={"citations": list(self._citations)})
        if "toolUse" in delta and index not in self._others:
            written = delta["toolUse"].get("input") or ""
            return self._input(index, written) if written else None
        self._others.setdefault(index, {}).setdefault("deltas", []).append(delta)
        return None

    def _text(self, text: str) -> ChatCompletionChunk | None:
        if self._beside is None:
            return self._chunks.delta(content=text)
        self._beside.append(text)
        return None

    def _input(self, index: int, written: str) -> ChatCompletionChunk:
        if index in self._answers:
            return self._chunks.delta(content=written)
        self._written.add(index)
        return self._chunks.tool_call(self._tools[index], arguments=written)

    def _thought(self, index: int, piece: Mapping[str, Any]) -> ChatCompletionChunk | None:
        thought = self._thoughts.setdefault(index, {})
        for name, value in piece.items():
            if name in ("text", "signature", "redactedContent"):
                thought[name] = thought.get(name, "") + value
        return self._chunks.delta(reasoning_content=piece["text"]) if piece.get("text") else None

    def _stop(self, index: int) -> ChatCompletionChunk | None:
        if index in self._thoughts:
            return self._chunks.delta(thinking_blocks=[_block(self._thoughts[index])])
        if index in self._others:
            return self._chunks.delta(provider_specific_fields={"bedrock_content": list(self._others.values())})
        if index in self._tools and index not in self._written:
            return self._chunks.tool_call(self._tools[index], arguments="{}")
        return None


def _block(thought: Mapping[str, Any]) -> dict[str, Any]:
    if "redactedContent" in thought:
        return answer.redacted_block(thought["redactedContent"])
    return answer.thinking_block(thought.get("text", ""), thought.get("signature"))
