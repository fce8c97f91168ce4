"""The chunks of a chat as the events of a Response, in the order in which OpenAI sends them."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.deltas import grow
from router_core.answering.other_answers import ResponseEvent
from router_core.dialects.conversation import plain
from router_core.dialects.openai import responses
from router_core.dialects.responses_over_chat_items import CallItem, Events, Item, MessageItem, ReasoningItem
from router_core.providers.parameters import words

_ENDS = {"length": "max_output_tokens", "content_filter": "content_filter"}  # why a Response is incomplete
_OF_CHUNKS = words("id object created model choices usage system_fingerprint service_tier")
_TIERS = words("auto default flex scale priority")  # openai's types refuse others
_OF_DELTAS = words("role content refusal reasoning_content thinking_blocks tool_calls function_call annotations")
_USAGE = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_tokens_details": "input_tokens_details",
    "completion_tokens_details": "output_tokens_details",
}
_CACHED = words("cache_creation_input_tokens cache_read_input_tokens")
_ECHOED: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
}


class ChatEvents:
    """One answer: `add` its chunks, then `finish`; `response` is what has come of it.

    `asked`: the body of the Responses call, of which an answer repeats the parameters. What a Response has no place for
    (images, citations, provider_specific_fields) is kept in it under the name that it has in the chat.
    """

    def __init__(self, asked: Mapping[str, Any], model: str) -> None:
        self._items: list[Item] = []
        self._open: Item | None = None  # the reasoning or the message that goes on
        self._calls: dict[int, CallItem] = {}
        self._more: dict[str, Any] = {}
        self._reason: str | None = None
        self._numbers = 0
        self._begun = False
        self.response: dict[str, Any] = {
            "id": "", "object": "response", "created_at": int(time.time()), "status": "in_progress", "error": None,
            "incomplete_details": None, "model": model, "output": [], "usage": None,
            **{name: default if asked.get(name) is None else _plain(asked[name]) for name, default in _ECHOED.items()},
        }  # fmt: skip

    def add(self, chunk: Answer) -> Events:
        """The events in a chunk of the chat."""
        if not self._begun:
            yield from self._begin(chunk)
        if chunk.get("usage"):
            self.response["usage"] = usage(chunk["usage"])
        self._more |= {name: value for name, value in chunk.items() if name not in _OF_CHUNKS and value is not None}
        tier = chunk.get("service_tier")
        if tier in _TIERS:
            self.response["service_tier"] = tier
        elif tier is not None:
            grow(self._more, "provider_specific_fields", {"service_tier": tier})
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            yield from self._think(delta)
            yield from self._say(delta, (choice.get("logprobs") or {}).get("content") or [])
            for call in delta.get("tool_calls") or ():
                yield from self._call(call)
            for name in delta.keys() - _OF_DELTAS:
                grow(self._more, name, delta[name])
            grow(self._more, "provider_specific_fields", choice.get("provider_specific_fields"))
            self._reason = choice.get("finish_reason") or self._reason

    def finish(self) -> Events:
        """The chat is over: what is still open, and the whole answer."""
        if not self._begun:
            return
        incomplete = _ENDS.get(self._reason or "")
        status = "incomplete" if incomplete else "completed"
        for item in (*([self._open] if self._open else ()), *self._calls.values()):
            yield from item.close(status)
        self.response |= {
            **self._more,
            "status": status,
            "output": [item.body for item in self._items],
            "completed_at": None if incomplete else int(time.time()),
            "incomplete_details": {"reason": incomplete} if incomplete else None,
        }
        yield self._snapshot(f"response.{status}")

    def _begin(self, chunk: Answer) -> Events:
        self._begun = True
        self.response |= {"id": chunk["id"], "created_at": chunk["created"], "model": chunk["model"]}
        yield self._snapshot("response.created")
        yield self._snapshot("response.in_progress")

    def _think(self, delta: Mapping[str, Any]) -> Events:
        text, blocks = delta.get("reasoning_content"), delta.get("thinking_blocks")
        if not text and not blocks:
            return
        item = self._open
        if not isinstance(item, ReasoningItem):
            item = ReasoningItem(self._emit, len(self._items), summary=[])
            yield from self._append(item)
        if blocks:
            item.add_blocks(blocks)
        if text:
            yield from item.add(text)

    def _say(self, delta: Mapping[str, Any], logprobs: list[Any]) -> Events:
        for kind, name in (("output_text", "content"), ("refusal", "refusal")):
            if delta.get(name):
                item = self._open
                if not isinstance(item, MessageItem):
                    item = MessageItem(self._emit, len(self._items), role="assistant", content=[])
                    yield from self._append(item)
                yield from item.add(kind, delta[name], logprobs)
        annotations = delta.get("annotations")
        if annotations and isinstance(self._open, MessageItem):
            yield from self._open.annotate(annotations)

    def _call(self, part: Mapping[str, Any]) -> Events:
        """Calls stay open to the end: the parts of several may take turns."""
        number, function = part.get("index") or 0, part.get("function") or {}
        if number not in self._calls:
            call = CallItem(
                self._emit, len(self._items), call_id=part.get("id"), name=function.get("name") or "", arguments=""
            )
            self._calls[number] = call
            yield from self._append(call, keep_open=True)
        call = self._calls[number]
        grow(call.body, "provider_specific_fields", part.get("provider_specific_fields"))
        yield from call.add(function.get("arguments") or "")

    def _append(self, item: Item, keep_open: bool = False) -> Events:
        if self._open is not None:
            yield from self._open.close()
        self._items.append(item)
        self._open = None if keep_open else item
        yield from item.begin()

    def _emit(self, type: str, **fields: Any) -> ResponseEvent:
        self._numbers += 1
        return ResponseEvent({"type": type, "sequence_number": self._numbers - 1, **fields})

    def _snapshot(self, type: str) -> ResponseEvent:
        return self._emit(type, response=copy.deepcopy(self.response))


def usage(counted: Mapping[str, Any]) -> dict[str, Any] | None:
    """A chat's usage in the words of a Response, where the details alone say what was cached."""
    return responses.usage({_USAGE.get(name, name): count for name, count in counted.items() if name not in _CACHED})


def _plain(value: Any) -> Any:
    return [plain(one) for one in value] if isinstance(value, list | tuple) else plain(value)
