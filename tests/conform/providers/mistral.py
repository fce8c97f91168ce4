"""Mistral's recordings, and what `mistralai` makes of their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mistralai.client import Mistral
from mistralai.client.models import ChatCompletionResponse

from tests.conform.kit import NotOurs, OurCall, Recording, Seen, vectors

SDK = "mistralai"
_RENAMED = {"max_tokens": "max_completion_tokens", "random_seed": "seed", "output_dimension": "dimensions"}


def call_of(recording: Recording) -> OurCall:
    arguments = {_RENAMED.get(name, name): value for name, value in recording.request.items()}
    params = {"model": f"mistral/{arguments.pop('model')}"}
    if recording.path == "/v1/chat/completions":
        return OurCall("chat", arguments, params)
    if recording.path == "/v1/embeddings":
        return OurCall("embedding", arguments, params)
    raise NotOurs(recording.path)


async def oracle(recording: Recording, url: str) -> Seen:
    asked = recording.request
    async with Mistral(api_key="none", server_url=url) as client:
        if recording.path == "/v1/embeddings":
            found = await client.embeddings.create_async(model=asked["model"], inputs=asked["input"])
            data = vectors([item.embedding or [] for item in found.data])
            return Seen(usage=(found.usage.prompt_tokens, None, None), data=data)
        return _seen(await client.chat.complete_async(model=asked["model"], messages=asked["messages"]))


def significant(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if not (name == "stream" and value is False)}


def _seen(answer: ChatCompletionResponse) -> Seen:
    choice = answer.choices[0]
    message = choice.message
    assert message is not None
    assert isinstance(message.content, str)
    return Seen(
        text=message.content,
        tool_calls=[(call.function.name, _arguments(call.function.arguments)) for call in message.tool_calls or ()],
        finish_reason=choice.finish_reason,
        usage=(answer.usage.prompt_tokens, answer.usage.completion_tokens, _cached(answer.usage.additional_properties)),
    )


def _arguments(arguments: Mapping[str, Any] | str) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def _cached(more: Mapping[str, Any]) -> int | None:
    cached: int | None = (more.get("prompt_tokens_details") or {}).get("cached_tokens")
    return cached
