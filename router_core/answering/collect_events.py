"""Collectors for the events of a Response and of Anthropic's Message. See `collect.Collector`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import Message, Response

_BROUGHT = frozenset({"delta", "done", "partial_image", "completed", "incomplete"})


class Responses:
    """Events of a Response: each item as it was at its end, or as far as its deltas have come."""

    def __init__(self) -> None:
        self._response: dict[str, Any] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._texts: dict[int, dict[tuple[str, int, str], list[str]]] = {}
        self.usage: Mapping[str, Any] | None = None
        self.characters = 0

    @property
    def head(self) -> Mapping[str, Any]:
        """See `Collector.head`."""
        return self._response

    def add(self, event: Answer) -> bool:
        """See `Collector.add`. That an item begins, waits or searches is no content yet."""
        kind, delta = event.get("type", ""), event.get("delta")
        if "response" in event:
            self._response = event["response"]
            self.usage = self._response.get("usage") or self.usage
        if "item" in event:
            self._items[event["output_index"]] = event["item"]
        if kind == "response.output_item.done":
            self._texts.pop(event["output_index"], None)
        if isinstance(delta, str):
            self.characters += len(delta)
            texts = self._texts.setdefault(event.get("output_index", 0), {})
            texts.setdefault(_place(kind, event), []).append(delta)
            return bool(delta)
        return kind.rpartition(".")[2] in _BROUGHT

    def answer(self) -> Response:
        """See `Collector.answer`; its status is in_progress where it has not ended."""
        if self._response.get("output"):
            return Response(self._response)
        items = [_grown(item, self._texts.get(index, {})) for index, item in sorted(self._items.items())]
        return Response({**self._response, "output": items, "usage": self.usage})


def _place(kind: str, event: Mapping[str, Any]) -> tuple[str, int, str]:
    """Where in its item a delta belongs: a list, a number in it, and the type of the part; or a field of the item."""
    what = kind.removeprefix("response.").removesuffix(".delta")
    if what == "function_call_arguments":
        return "arguments", 0, ""
    if what == "reasoning_summary_text":
        return "summary", event.get("summary_index", 0), "summary_text"
    if what in ("output_text", "refusal", "reasoning_text"):
        return "content", event.get("content_index", 0), what
    return what, 0, ""  # of tools of the provider's own: under its name


def _grown(item: Mapping[str, Any], texts: Mapping[tuple[str, int, str], list[str]]) -> dict[str, Any]:
    grown = dict(item)
    for (name, index, part), pieces in sorted(texts.items()):
        if not part:
            grown[name] = "".join(pieces)
            continue
        parts = list(grown.get(name) or ())
        field = "refusal" if part == "refusal" else "text"
        more: dict[str, Any] = {"annotations": []} if part == "output_text" else {}
        parts[index:] = [{"type": part, field: "".join(pieces), **more}]
        grown[name] = parts
    return grown


class Messages:
    """Events of Anthropic's Message."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self.usage: dict[str, Any] | None = None
        self.characters = 0

    @property
    def head(self) -> Mapping[str, Any]:
        """See `Collector.head`."""
        return self._message

    def add(self, event: Answer) -> bool:
        """See `Collector.add`. `message_start` counts the input, `message_delta` the output; pings say nothing."""
        message = event.get("message") or {}
        self._message = {**self._message, **message}
        counted = event.get("usage") or message.get("usage")
        if counted:
            self.usage = {**(self.usage or {}), **{name: n for name, n in counted.items() if n is not None}}
        if event.get("type") == "content_block_start":
            self._blocks[event["index"]] = dict(event["content_block"])
        delta = event.get("delta") or {}
        if event.get("type") == "content_block_delta":
            self._grow(self._blocks.setdefault(event["index"], {}), delta)
            return True
        self._message |= delta  # stop_reason, stop_sequence
        return bool(delta.get("stop_reason"))

    def answer(self) -> Message:
        """See `Collector.answer`. The input of a tool is text as far as it has come: it is no JSON yet."""
        blocks = [block for _, block in sorted(self._blocks.items())]
        return Message({**self._message, "content": blocks, "usage": self.usage})

    def _grow(self, block: dict[str, Any], delta: Mapping[str, Any]) -> None:
        for name, value in delta.items():
            if name == "citation":
                block["citations"] = [*(block.get("citations") or ()), value]
            elif isinstance(value, str) and value and name != "type":  # an empty part of an input leaves it `{}`
                field = "input" if name == "partial_json" else name
                before = block.get(field)
                block[field] = (before if isinstance(before, str) else "") + value
                self.characters += len(value) if name != "signature" else 0
