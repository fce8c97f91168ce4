"""Answers of OpenAI-compatible servers, brought to what OpenAI itself sends.

Compatible servers leave out `id`, `created` or `object`, and have finish reasons of their own; those are filled in and
mapped. What OpenAI has no name for stays where it is.
"""

from __future__ import annotations

import time
from typing import Any

from router_core.answers import ChatCompletion, ChatCompletionChunk, EmbeddingResponse

_FINISH = {
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "tool_use": "tool_calls",
    "insufficient_system_resource": "length",
}


def chat(body: dict[str, Any], model: str) -> ChatCompletion:
    """A whole chat answer. Raises KeyError, TypeError or AttributeError where it is none."""
    choices = body["choices"]
    for index, choice in enumerate(choices):
        message = choice["message"]
        message.setdefault("role", "assistant")
        message.setdefault("content", None)
        choice.setdefault("index", index)
        reason = choice.get("finish_reason") or ("tool_calls" if message.get("tool_calls") else "stop")
        choice["finish_reason"] = _FINISH.get(reason, reason)
    _complete(body, "chat.completion", model)
    return ChatCompletion(body)


def chunk(body: dict[str, Any], model: str) -> ChatCompletionChunk:
    """A part of a chat answer; raises like `chat`."""
    choices = body.setdefault("choices", [])
    for index, choice in enumerate(choices):
        choice.setdefault("index", index)
        if choice.get("delta") is None:
            choice["delta"] = {}
        reason = choice.get("finish_reason")
        if reason is not None:
            choice["finish_reason"] = _FINISH.get(reason, reason) or None
    _complete(body, "chat.completion.chunk", model)
    return ChatCompletionChunk(body)


def chunk_of_whole(answer: ChatCompletion) -> ChatCompletionChunk:
    """A whole answer as the one chunk of a stream, for servers that ignore `stream`."""
    body = answer.to_dict()
    for choice in body["choices"]:
        message = choice.pop("message")
        for index, call in enumerate(message.get("tool_calls") or ()):
            call.setdefault("index", index)
        choice["delta"] = message
    body["object"] = "chat.completion.chunk"
    return ChatCompletionChunk(body)


def embeddings(body: dict[str, Any], model: str) -> EmbeddingResponse:
    """Vectors; raises like `chat`."""
    if not all("embedding" in item for item in body["data"]):
        raise KeyError("embedding")
    for index, item in enumerate(body["data"]):
        item.setdefault("index", index)
        item.setdefault("object", "embedding")
    body.setdefault("model", model)
    body.setdefault("object", "list")
    return EmbeddingResponse(body)


def _complete(body: dict[str, Any], kind: str, model: str) -> None:
    if not body.get("id"):
        body["id"] = "chatcmpl-unknown"
    if not body.get("created"):
        body["created"] = int(time.time())
    body["object"] = kind
    if not body.get("model"):
        body["model"] = model
    if "usage" in body:
        body["usage"] = _usage(body["usage"])


def _usage(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """Usage with its three counts, of which one may be worked out; None where two are unknown: unknown is never 0."""
    if not usage:
        return None
    sent, made, total = usage.get("prompt_tokens"), usage.get("completion_tokens"), usage.get("total_tokens")
    if sent is None and made is not None and total is not None:
        sent = total - made
    if made is None and sent is not None and total is not None:
        made = total - sent
    if sent is None or made is None:
        return None
    total = sent + made if total is None else total
    return {**usage, "prompt_tokens": sent, "completion_tokens": made, "total_tokens": total}
