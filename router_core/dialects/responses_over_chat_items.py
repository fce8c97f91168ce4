"""The output items of a Response while they are being made: each says with events what it got."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from router_core.answering.deltas import grow
from router_core.answering.other_answers import ResponseEvent

Events = Iterator[ResponseEvent]
Emit = Callable[..., ResponseEvent]


class Item:
    """`body` is the item as it is now; `emit` makes an event of a type and its fields."""

    prefix, type = "", ""

    def __init__(self, emit: Emit, index: int, **fields: Any) -> None:
        self.body = {"id": f"{self.prefix}_{uuid4().hex}", "type": self.type, "status": "in_progress", **fields}
        self._emit, self._index = emit, index

    def begin(self) -> Events:
        """It is there, and empty."""
        yield self._event("response.output_item.added", item=copy.deepcopy(self.body))

    def close(self, status: str = "completed") -> Events:
        """It is complete, or as complete as it gets."""
        yield from self._close_part()
        self.body["status"] = status
        yield self._event("response.output_item.done", item=copy.deepcopy(self.body))

    def _close_part(self) -> Events:
        yield from ()

    def _event(self, type: str, **fields: Any) -> ResponseEvent:
        return self._emit(type, output_index=self._index, **fields)

    def _within(self, type: str, **fields: Any) -> ResponseEvent:
        return self._event(type, item_id=self.body["id"], **fields)


class ReasoningItem(Item):
    """What the model thought, as a summary. `thinking_blocks` (LiteLLM's name) are to be sent back as they are."""

    prefix, type = "rs", "reasoning"

    def add(self, text: str) -> Events:
        """More of it."""
        if not self.body["summary"]:
            self.body["summary"].append({"type": "summary_text", "text": ""})
            part = {"type": "summary_text", "text": ""}
            yield self._within("response.reasoning_summary_part.added", summary_index=0, part=part)
        self.body["summary"][0]["text"] += text
        yield self._within("response.reasoning_summary_text.delta", summary_index=0, delta=text)

    def add_blocks(self, blocks: Any) -> None:
        """Blocks, or pieces of them."""
        grow(self.body, "thinking_blocks", blocks)

    def _close_part(self) -> Events:
        for part in self.body["summary"]:
            yield self._within("response.reasoning_summary_text.done", summary_index=0, text=part["text"])
            yield self._within("response.reasoning_summary_part.done", summary_index=0, part=dict(part))


class MessageItem(Item):
    """What the model said: text, or a refusal."""

    prefix, type = "msg", "message"

    def add(self, kind: str, text: str, logprobs: list[Any]) -> Events:
        """More of a part: `output_text` or `refusal`."""
        parts = self.body["content"]
        if not parts or parts[-1]["type"] != kind:
            yield from self._close_part()
            more: dict[str, Any] = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
            parts.append({"type": kind, _field(kind): "", **more})
            yield self._in_part("response.content_part.added", part=copy.deepcopy(parts[-1]))
        parts[-1][_field(kind)] += text
        if kind == "output_text":
            parts[-1]["logprobs"].extend(logprobs)
            yield self._in_part("response.output_text.delta", delta=text, logprobs=logprobs)
        else:
            yield self._in_part("response.refusal.delta", delta=text)

    def annotate(self, annotations: list[Mapping[str, Any]]) -> Events:
        """Sources of the text so far."""
        part = self.body["content"][-1]
        for given in annotations:
            kind = given.get("type", "url_citation")
            annotation = {"type": kind, **(given.get(kind) or given)}
            part["annotations"].append(annotation)
            number = len(part["annotations"]) - 1
            yield self._in_part("response.output_text.annotation.added", annotation=annotation, annotation_index=number)

    def _close_part(self) -> Events:
        if not self.body["content"]:
            return
        part = copy.deepcopy(self.body["content"][-1])
        text = {name: part[name] for name in (_field(part["type"]), "logprobs") if name in part}
        yield self._in_part(f"response.{part['type']}.done", **text)
        yield self._in_part("response.content_part.done", part=part)

    def _in_part(self, type: str, **fields: Any) -> ResponseEvent:
        return self._within(type, content_index=len(self.body["content"]) - 1, **fields)


class CallItem(Item):
    """A call of a function."""

    prefix, type = "fc", "function_call"

    def add(self, arguments: str) -> Events:
        """More of its arguments, which are JSON text."""
        self.body["arguments"] += arguments
        if arguments:
            yield self._within("response.function_call_arguments.delta", delta=arguments)

    def _close_part(self) -> Events:
        name, arguments = self.body["name"], self.body["arguments"]
        yield self._within("response.function_call_arguments.done", name=name, arguments=arguments)


def _field(kind: str) -> str:
    return "refusal" if kind == "refusal" else "text"
