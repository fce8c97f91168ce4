"""OpenAI-shaped answers put together from what another dialect said.

Where OpenAI has no name for something, LiteLLM's is used: `reasoning_content` and `thinking_blocks` of a message or
delta, `provider_specific_fields` of a message or tool call, `cache_creation_input_tokens` and
`cache_read_input_tokens` of the usage.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from router_core.answering.answers import ChatCompletion, ChatCompletionChunk


def usage(
    sent: int | None,
    made: int | None,
    *,
    cached: int | None = None,
    cache_write: int | None = None,
    reasoning: int | None = None,
    total: int | None = None,
) -> dict[str, Any] | None:
    """Usage in tokens: `sent` with `cached` and `cache_write` in it, `made` with `reasoning` in it.

    None where the provider did not count both: unknown is never 0.
    """
    if sent is None or made is None:
        return None
    counted: dict[str, Any] = {
        "prompt_tokens": sent,
        "completion_tokens": made,
        "total_tokens": sent + made if total is None else total,
    }
    if cached is not None or cache_write is not None:
        counted["prompt_tokens_details"] = {"cached_tokens": cached or 0}
    if cache_write is not None:
        counted["prompt_tokens_details"]["cache_write_tokens"] = cache_write
        counted["cache_creation_input_tokens"] = cache_write
        counted["cache_read_input_tokens"] = cached or 0
    if reasoning is not None:
        counted["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return counted


def tool_call(id: str, name: str, arguments: str, **extra: Any) -> dict[str, Any]:
    """A tool call of a message; `arguments` is JSON text. An id is made up where the provider has none."""
    return {
        "id": id or f"call_{uuid4().hex[:24]}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **extra,
    }


def choice(message: Mapping[str, Any], finish_reason: str, index: int = 0, **extra: Any) -> dict[str, Any]:
    """One choice of an answer; `content` is None where the message has none."""
    whole = {"role": "assistant", "content": None, **message}
    return {"index": index, "message": whole, "finish_reason": finish_reason, **extra}


def completion(
    model: str,
    choices: Sequence[Mapping[str, Any]],
    counted: Mapping[str, Any] | None,
    *,
    id: str | None = None,
    created: int | None = None,
    **extra: Any,
) -> ChatCompletion:
    """A whole answer."""
    return ChatCompletion(
        {**head("chat.completion", model, id, created), "choices": choices, "usage": counted, **extra}
    )


def head(kind: str, model: str, id: str | None = None, created: int | None = None) -> dict[str, Any]:
    """What answers and chunks begin with."""
    return {
        "id": id or f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()) if created is None else created,
        "model": model,
    }


class Chunks:
    """Makes the chunks of one stream: the same id in each, the role in the first of each choice."""

    def __init__(self, model: str) -> None:
        self._head = head("chat.completion.chunk", model)
        self._begun: set[int] = set()

    def name(self, id: str | None = None, model: str | None = None) -> None:
        """What the provider calls the answer, and its model."""
        self._head.update({k: v for k, v in (("id", id), ("model", model)) if v})

    def delta(self, index: int = 0, **delta: Any) -> ChatCompletionChunk:
        """A part of the message: content, reasoning_content, thinking_blocks, tool_calls."""
        return self._chunk(index, delta, None)

    def finish(self, reason: str, index: int = 0, **extra: Any) -> ChatCompletionChunk:
        """The end of a choice."""
        return self._chunk(index, {}, reason, **extra)

    def usage(self, counted: Mapping[str, Any] | None) -> ChatCompletionChunk:
        """The last chunk: what it took. It has a choice without content, so that nobody trips over `choices[0]`."""
        empty = {"index": 0, "delta": {}, "finish_reason": None}
        return ChatCompletionChunk({**self._head, "choices": [empty], "usage": counted})

    def tool_call(
        self, at: int, id: str | None = None, name: str | None = None, arguments: str = "", **extra: Any
    ) -> ChatCompletionChunk:
        """A delta with a part of tool call number `at`: id and name in its first part."""
        part: dict[str, Any] = {"index": at, "function": {"arguments": arguments}, **extra}
        if name is not None:
            part |= {"id": id or f"call_{uuid4().hex[:24]}", "type": "function"}
            part["function"]["name"] = name
        return self.delta(tool_calls=[part])

    def _chunk(self, index: int, delta: Mapping[str, Any], reason: str | None, **extra: Any) -> ChatCompletionChunk:
        role = {} if index in self._begun else {"role": "assistant"}
        self._begun.add(index)
        part = {"index": index, "delta": {**role, **delta}, "finish_reason": reason, **extra}
        return ChatCompletionChunk({**self._head, "choices": [part]})
