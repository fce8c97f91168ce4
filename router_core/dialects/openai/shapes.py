"""Answers of OpenAI-compatible servers, brought to what OpenAI itself sends.

Compatible servers leave out `id`, `created` or `object`, have finish reasons of their own, and call reasoning
`reasoning_content` or `reasoning`; those are filled in and mapped. What OpenAI has no name for stays where it is.
"""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

from router_core.answering.answers import ChatCompletion, ChatCompletionChunk, EmbeddingResponse
from router_core.answering.other_answers import TextCompletion
from router_core.dialects.openai.usage import embedding_usage, usage

_KNOWN = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_FINISH = {
    "insufficient_system_resource": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "safety": "content_filter",
}


def chat(body: dict[str, Any], model: str) -> ChatCompletion:
    """A whole chat answer. Raises KeyError, TypeError or AttributeError where it is none."""
    choices = body["choices"]
    for index, choice in enumerate(choices):
        message = choice["message"]
        message.setdefault("role", "assistant")
        message.setdefault("content", None)
        _text(message)
        for call in message.get("tool_calls") or ():
            _whole_call(call)
        choice.setdefault("index", index)
        _finish(choice, "tool_calls" if message.get("tool_calls") else "stop")
    _complete(body, "chat.completion", model)
    return ChatCompletion(body)


def chunk(body: dict[str, Any], model: str) -> ChatCompletionChunk:
    """A part of a chat answer; raises like `chat`."""
    choices = body.get("choices")
    if choices is None:
        choices = body["choices"] = []
    for index, choice in enumerate(choices):
        choice.setdefault("index", index)
        delta = choice.get("delta")
        if delta is None:
            delta = choice["delta"] = {}
        _text(delta)
        _finish(choice, None)
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


def text(body: dict[str, Any], model: str) -> TextCompletion:
    """A text completion; raises like `chat`."""
    return _texts(body, model, "stop")


def text_chunk(body: dict[str, Any], model: str) -> TextCompletion:
    """A part of a text completion; raises like `chat`."""
    return _texts(body, model, None)


def embeddings(body: dict[str, Any], model: str) -> EmbeddingResponse:
    """Vectors; raises like `chat`."""
    if not all("embedding" in item for item in body["data"]):
        raise KeyError("embedding")
    for index, item in enumerate(body["data"]):
        item.setdefault("index", index)
        item.setdefault("object", "embedding")
    body.setdefault("model", model)
    body.setdefault("object", "list")
    body["usage"] = embedding_usage(body.get("usage"))
    return EmbeddingResponse(body)


def _texts(body: dict[str, Any], model: str, unfinished: str | None) -> TextCompletion:
    for index, choice in enumerate(body["choices"] or ()):
        choice.setdefault("index", index)
        if choice.get("text") is None:
            choice["text"] = ""
        _finish(choice, unfinished)
    _complete(body, "text_completion", model)
    return TextCompletion(body)


def _text(said: dict[str, Any]) -> None:
    """One name for the reasoning; a content of parts taken apart (Databricks, Mistral's reasoning models)."""
    if "reasoning" in said and not isinstance(said["reasoning"], dict):
        reasoning = said.pop("reasoning")
        if reasoning is not None and said.get("reasoning_content") is None:
            said["reasoning_content"] = reasoning
    content = said.get("content")
    if isinstance(content, list):
        thought = "".join(map(_thought, content))
        said["content"] = "".join(part["text"] for part in content if part.get("type") == "text")
        if thought:
            said["reasoning_content"] = thought


def _thought(part: dict[str, Any]) -> str:
    pieces = part.get("summary") if part.get("type") == "reasoning" else part.get("thinking")
    return pieces if isinstance(pieces, str) else "".join(piece.get("text", "") for piece in pieces or ())


def _whole_call(call: dict[str, Any]) -> None:
    """Servers leave out the arguments of a call without any, or give an object instead of its text."""
    if not call.get("id"):
        call["id"] = f"call_{uuid4().hex[:24]}"
    call.setdefault("type", "function")
    function = call.get("function")
    if function is not None:
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            function["arguments"] = "{}" if arguments is None else json.dumps(arguments)


def _finish(choice: dict[str, Any], unfinished: str | None) -> None:
    """OpenAI's word for why it ended; the server's own is kept where it is another."""
    reason = choice.get("finish_reason")
    if reason in _KNOWN:
        return
    if not reason:
        choice["finish_reason"] = unfinished
        return
    choice["finish_reason"] = _FINISH.get(reason.lower(), "stop")
    fields = choice.get("provider_specific_fields") or {}
    choice["provider_specific_fields"] = {**fields, "native_finish_reason": reason}


def _complete(body: dict[str, Any], kind: str, model: str) -> None:
    if not body.get("id"):
        body["id"] = "chatcmpl-unknown"
    if not body.get("created"):
        body["created"] = int(time.time())
    body["object"] = kind
    if not body.get("model"):
        body["model"] = model
    if "usage" in body:
        body["usage"] = usage(body["usage"])
    elif "x_groq" in body and isinstance(body["x_groq"], dict) and body["x_groq"].get("usage"):
        body["usage"] = usage(body["x_groq"]["usage"])
