"""Collectors for chunks with `choices`: chats and text completions. See `collect.Collector`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.answering.answers import Answer, ChatCompletion
from router_core.answering.deltas import grow
from router_core.answering.other_answers import TextCompletion

_TEXTS = ("content", "reasoning_content", "refusal")


class _Choices:
    """What is kept of either."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self.usage: dict[str, Any] | None = None
        self.characters = 0

    @property
    def head(self) -> Mapping[str, Any]:
        """See `Collector.head`."""
        return self._head


class Chats(_Choices):
    """Chat chunks."""

    def add(self, chunk: Answer) -> bool:
        """See `Collector.add`."""
        if not self._head:
            self._head = {name: chunk.get(name) for name in ("id", "created", "model")}
        if chunk.get("service_tier"):
            self._head["service_tier"] = chunk["service_tier"]
        if chunk.get("usage"):
            self.usage = chunk["usage"]
        brought = False
        for part in chunk.get("choices") or ():
            choice = self._choice(part.get("index") or 0)
            if part.get("finish_reason"):
                choice["finish"] = part["finish_reason"]
                brought = True
            for name, value in (part.get("delta") or {}).items():
                brought = self._delta(choice, name, value) or brought
        return brought

    def answer(self) -> ChatCompletion:
        """See `Collector.answer`; `finish_reason` is None for a choice that has not ended."""
        choices = [
            {"index": index, "message": _message(choice), "finish_reason": choice["finish"]}
            for index, choice in sorted(self._choices.items())
        ]
        return ChatCompletion({**self._head, "object": "chat.completion", "choices": choices, "usage": self.usage})

    def _choice(self, index: int) -> dict[str, Any]:
        if index not in self._choices:
            self._choices[index] = {"texts": {}, "calls": {}, "more": {}, "finish": None}
        return self._choices[index]

    def _delta(self, choice: dict[str, Any], name: str, value: Any) -> bool:
        if name in _TEXTS and isinstance(value, str) and value:
            choice["texts"].setdefault(name, []).append(value)
            self.characters += len(value)
            return True
        if name == "tool_calls" and value:
            for part in value:
                self._call(choice["calls"].setdefault(part.get("index") or 0, {}), part)
            return True
        if not value or name in ("role", *_TEXTS):
            return False
        grow(choice["more"], name, value)
        return True

    def _call(self, call: dict[str, Any], part: dict[str, Any]) -> None:
        for name in ("id", "type"):
            if part.get(name):
                call[name] = part[name]
        function = call.setdefault("function", {"name": "", "arguments": ""})
        added = part.get("function") or {}
        function["name"] += added.get("name") or ""
        function["arguments"] += added.get("arguments") or ""
        self.characters += len(added.get("arguments") or "")
        if part.get("provider_specific_fields"):
            grow(call, "provider_specific_fields", part["provider_specific_fields"])


class Completions(_Choices):
    """Chunks of text completions."""

    def add(self, chunk: Answer) -> bool:
        """See `Collector.add`."""
        self._head = self._head or {name: chunk.get(name) for name in ("id", "created", "model")}
        self.usage = chunk.get("usage") or self.usage
        brought = False
        for part in chunk.get("choices") or ():
            index = part.get("index") or 0
            choice = self._choices.setdefault(index, {"index": index, "text": "", "finish_reason": None})
            choice["text"] += part.get("text") or ""
            choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
            self.characters += len(part.get("text") or "")
            brought = brought or bool(part.get("text") or part.get("finish_reason"))
        return brought

    def answer(self) -> TextCompletion:
        """See `Collector.answer`."""
        choices = [choice for _, choice in sorted(self._choices.items())]
        return TextCompletion({**self._head, "object": "text_completion", "choices": choices, "usage": self.usage})


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    texts = {name: "".join(parts) for name, parts in choice["texts"].items()}
    message: dict[str, Any] = {"role": "assistant", "content": None, **choice["more"], **texts}
    if choice["calls"]:
        message["tool_calls"] = [call for _, call in sorted(choice["calls"].items())]
    return message
