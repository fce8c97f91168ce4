"""Our answers, and whatever else is OpenAI-shaped, as `Seen`.

Takes plain dicts as well (`model_dump()` of openai's objects), so that a file whose oracle is openai's client reads its
objects with it: `seen("chat", [answer.model_dump()])`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router_core.answering.collect import collector_for
from router_core.providers.base import Kind
from tests.conform.kit import Seen, ranking, vectors


def seen(kind: Kind, answers: Sequence[Any], stream: bool = False) -> Seen:
    """What an answer says: the one of a whole answer, or all chunks of a stream."""
    if not stream:
        return _READERS[kind](answers[0])
    collector = collector_for(kind)
    for chunk in answers:
        collector.add(chunk)
    return _READERS[kind](collector.answer())


def chat(answer: Any) -> Seen:
    """ChatCompletion."""
    choice, usage = answer["choices"][0], answer.get("usage")
    message = choice["message"]
    return Seen(
        text=message.get("content"),
        reasoning=message.get("reasoning_content") or message.get("reasoning"),
        tool_calls=[_called(call["function"]) for call in message.get("tool_calls") or ()],
        finish_reason=choice.get("finish_reason"),
        usage=usage_of(usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details"),
    )


def completion(answer: Any) -> Seen:
    """TextCompletion."""
    choice, usage = answer["choices"][0], answer.get("usage")
    return Seen(
        text=choice.get("text"),
        finish_reason=choice.get("finish_reason"),
        usage=usage_of(usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details"),
    )


def response(answer: Any) -> Seen:
    """Response."""
    items = answer["output"]
    said = [part for item in items if item["type"] == "message" for part in item["content"]]
    thought = [part for item in items if item["type"] == "reasoning" for part in _thoughts(item)]
    return Seen(
        text="".join(part["text"] for part in said if part["type"] == "output_text"),
        reasoning="".join(part["text"] for part in thought),
        tool_calls=[_called(item) for item in items if item["type"] == "function_call"],
        finish_reason=answer.get("status"),
        usage=usage_of(answer.get("usage"), "input_tokens", "output_tokens", "input_tokens_details"),
    )


def embedding(answer: Any) -> Seen:
    """EmbeddingResponse."""
    sent = (answer.get("usage") or {}).get("prompt_tokens")
    ordered = sorted(answer["data"], key=lambda item: int(item["index"]))
    return Seen(usage=(sent, None, None), data=vectors([item["embedding"] for item in ordered]))


def rerank(answer: Any) -> Seen:
    """RerankResponse."""
    return Seen(data=ranking([(item["index"], item["relevance_score"]) for item in answer["results"]]))


def images(answer: Any) -> Seen:
    """ImagesResponse: where each image is, or how it begins."""
    return Seen(data=[item.get("url") or (item.get("b64_json") or "")[:64] for item in answer["data"]])


def transcription(answer: Any) -> Seen:
    """Transcription."""
    return Seen(text=answer["text"])


def speech(answer: Any) -> Seen:
    """Speech: the digest of its bytes."""
    return Seen(data=hashlib.sha256(answer.content).hexdigest())


def moderation(answer: Any) -> Seen:
    """ModerationResponse: for each input whether it is flagged, and for what."""
    return Seen(
        data=[
            (item["flagged"], sorted(name for name, true in item["categories"].items() if true))
            for item in answer["results"]
        ]
    )


def message(answer: Any) -> Seen:
    """Anthropic's Message; its reason to stop stays Anthropic's."""
    blocks, usage = answer["content"], answer.get("usage") or {}
    return Seen(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        reasoning="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        tool_calls=[(block["name"], _parsed(block["input"])) for block in blocks if block["type"] == "tool_use"],
        finish_reason=answer.get("stop_reason"),
        usage=(usage.get("input_tokens"), usage.get("output_tokens"), usage.get("cache_read_input_tokens")),
    )


def usage_of(
    usage: Mapping[str, Any] | None, sent: str, made: str, details: str
) -> tuple[int | None, int | None, int | None]:
    """(sent, made, cached) tokens, each None where unknown."""
    usage = usage or {}
    return usage.get(sent), usage.get(made), (usage.get(details) or {}).get("cached_tokens")


def _called(function: Mapping[str, Any]) -> tuple[str, Any]:
    return function["name"], _parsed(function["arguments"] or "{}")


def _parsed(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments  # cut short by a length limit


def _thoughts(item: Mapping[str, Any]) -> Sequence[Any]:
    return [*(item.get("summary") or ()), *(item.get("content") or ())]


_READERS: Mapping[Kind, Callable[[Any], Seen]] = {
    "chat": chat,
    "completion": completion,
    "embedding": embedding,
    "responses": response,
    "messages": message,
    "image_generation": images,
    "image_edit": images,
    "transcription": transcription,
    "speech": speech,
    "moderation": moderation,
    "rerank": rerank,
}
