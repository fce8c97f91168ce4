"""Answers without an upstream: `mock_response` of a call or a deployment.

Text is the answer, a dict is a whole OpenAI-shaped answer, an exception is raised, and so is the error that LiteLLM's
words name ("litellm.RateLimitError"). The pool decides and settles as for a real call.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from router_core import errors
from router_core.answering.answers import Answer, ChatCompletion, ChatCompletionChunk, EmbeddingResponse
from router_core.answering.other_answers import (
    ImagesResponse,
    Message,
    ModerationResponse,
    RerankResponse,
    Response,
    TextCompletion,
    Transcription,
)
from router_core.config import Deployment
from router_core.dialects.openai.shapes import chunk_of_whole
from router_core.dialects.responses_over_chat_events import ChatEvents
from router_core.errors import BadRequestError
from router_core.estimating.tokens import input_tokens, text_tokens
from router_core.options import Options
from router_core.providers.base import Call

WHOLE: Mapping[str, type[Answer]] = {
    "completion": TextCompletion,
    "responses": Response,
    "messages": Message,
    "image_generation": ImagesResponse,
    "image_edit": ImagesResponse,
    "transcription": Transcription,
    "moderation": ModerationResponse,
    "rerank": RerankResponse,
}
_WORDS = "litellm."


def of(options: Options, deployment: Deployment) -> Any:
    """What to answer instead of asking the upstream, or None."""
    return options.mock_response if options.mock_response is not None else deployment.mock_response


def answer(call: Call, deployment: Deployment, value: Any) -> Answer:
    """The answer that `value` describes. Raises the error it stands for."""
    _raise_if_error(value, deployment)
    if call.kind == "embedding":
        return _embeddings(call, deployment, value)
    if isinstance(value, Mapping):
        return WHOLE.get(call.kind, ChatCompletion)(dict(value))
    if call.kind == "completion":
        choice = {"index": 0, "text": str(value), "finish_reason": "stop"}
        return TextCompletion(
            {**_head(deployment, "text_completion"), "choices": [choice], "usage": _usage(call, value)}
        )
    if call.kind == "responses":
        return Response(_response(call, deployment, value)[-1]["response"])
    if call.kind != "chat":
        raise BadRequestError(f"mock_response of a {call.kind} call must be the whole answer, a dict")
    return _chat(call, deployment, value)


def _chat(call: Call, deployment: Deployment, value: Any) -> ChatCompletion:
    message = {"role": "assistant", "content": str(value)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return ChatCompletion({**_head(deployment, "chat.completion"), "choices": [choice], "usage": _usage(call, value)})


async def chunks(call: Call, deployment: Deployment, value: Any) -> AsyncIterator[Answer]:
    """The same as a stream of three chunks."""
    _raise_if_error(value, deployment)
    if call.kind == "responses" and not isinstance(value, Mapping):
        for event in _response(call, deployment, value):
            yield event
        return
    if call.kind != "chat":
        raise BadRequestError(f"mock_response cannot stream {call.kind} calls")
    if isinstance(value, Mapping):
        value = value["choices"][0]["message"]["content"]
    head = _head(deployment, "chat.completion.chunk")
    for delta, reason in (({"role": "assistant", "content": ""}, None), ({"content": str(value)}, None), ({}, "stop")):
        last = {"usage": _usage(call, value)} if reason else {}
        yield ChatCompletionChunk(
            {**head, "choices": [{"index": 0, "delta": dict(delta), "finish_reason": reason}], **last}
        )


def _response(call: Call, deployment: Deployment, value: Any) -> list[Answer]:
    """The events of a Response that says `value`; the last one carries it whole."""
    events = ChatEvents(call.body, deployment.model)
    return [*events.add(chunk_of_whole(_chat(call, deployment, value))), *events.finish()]


def _raise_if_error(value: Any, deployment: Deployment) -> None:
    if isinstance(value, Exception):
        raise value
    if isinstance(value, str) and value.startswith(_WORDS):
        kind = getattr(errors, value.removeprefix(_WORDS), None)
        if isinstance(kind, type) and issubclass(kind, errors.RouterError):
            raise kind(f"mock_response: {value}", deployment=deployment.id, model=deployment.model)


def _head(deployment: Deployment, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-mock", "object": kind, "created": int(time.time()), "model": deployment.model}


def _usage(call: Call, value: Any) -> dict[str, int]:
    sent, made = input_tokens(call.body), text_tokens(len(str(value)))
    return {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}


def _embeddings(call: Call, deployment: Deployment, value: Any) -> EmbeddingResponse:
    if isinstance(value, Mapping):
        return EmbeddingResponse(dict(value))
    vector = list(value) if isinstance(value, list | tuple) else [0.0]
    given = call.body.get("input")
    count = len(given) if isinstance(given, list) and given and not isinstance(given[0], int) else 1
    sent = input_tokens(call.body)
    return EmbeddingResponse(
        {
            "object": "list",
            "model": deployment.model,
            "data": [{"object": "embedding", "index": index, "embedding": vector} for index in range(count)],
            "usage": {"prompt_tokens": sent, "total_tokens": sent},
        }
    )
