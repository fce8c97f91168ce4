"""A whole answer from the chunks of a stream."""

from __future__ import annotations

from typing import Any

from router_core.answers import Answer, ChatCompletion

_TEXTS = ("content", "reasoning_content", "refusal")


class Collector:
    """Gathers what chunks add, without keeping the chunks."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self.usage: dict[str, Any] | None = None
        self.characters = 0

    def add(self, chunk: Answer) -> bool:
        """Take a chunk in; True if it brought content (or the end of a choice)."""
        if not self._head:
            self._head = {name: chunk.get(name) for name in ("id", "created", "model")}
        if chunk.get("usage"):
            self.usage = chunk["usage"]
        brought = False
        for part in chunk.get("choices") or ():
            choice = self._choices.setdefault(part.get("index") or 0, {"texts": {}, "calls": {}, "finish": None})
            if part.get("finish_reason"):
                choice["finish"] = part["finish_reason"]
                brought = True
            for name, value in (part.get("delta") or {}).items():
                brought = self._delta(choice, name, value) or brought
        return brought

    def answer(self) -> ChatCompletion:
        """The answer so far; `finish_reason` is None for a choice that has not ended."""
        choices = [
            {"index": index, "message": _message(choice), "finish_reason": choice["finish"]}
            for index, choice in sorted(self._choices.items())
        ]
        return ChatCompletion({**self._head, "object": "chat.completion", "choices": choices, "usage": self.usage})

    def _delta(self, choice: dict[str, Any], name: str, value: Any) -> bool:
        if name in _TEXTS and isinstance(value, str) and value:
            choice["texts"].setdefault(name, []).append(value)
            self.characters += len(value)
            return True
        if name == "tool_calls" and value:
            for part in value:
                self._call(choice["calls"].setdefault(part.get("index") or 0, {}), part)
            return True
        return bool(value) and name not in ("role", *_TEXTS)

    def _call(self, call: dict[str, Any], part: dict[str, Any]) -> None:
        for name in ("id", "type"):
            if part.get(name):
                call[name] = part[name]
        function = call.setdefault("function", {"name": "", "arguments": ""})
        added = part.get("function") or {}
        function["name"] += added.get("name") or ""
        function["arguments"] += added.get("arguments") or ""
        self.characters += len(added.get("arguments") or "")


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    texts = {name: "".join(parts) for name, parts in choice["texts"].items()}
    message: dict[str, Any] = {"role": "assistant", "content": None, **texts}
    if choice["calls"]:
        message["tool_calls"] = [call for _, call in sorted(choice["calls"].items())]
    return message
