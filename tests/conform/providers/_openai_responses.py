"""The Responses API with openai's client as the oracle. A streamed one is read from its deltas, not its last event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from openai import AsyncOpenAI

from router_core.answering.answers import Answer
from tests.conform import reading
from tests.conform.kit import OurCall, Seen

KIND, PATH = "responses", "/responses"
_THOUGHTS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")


def arguments(request: dict[str, Any]) -> dict[str, Any]:
    return request


async def oracle(client: AsyncOpenAI, request: Any, stream: bool) -> Seen:
    asked: Any = {"model": request["model"], "input": request.get("input", "")}
    if not stream:
        return reading.seen("responses", [(await client.responses.create(**asked)).model_dump()])
    return _streamed([event async for event in await client.responses.create(**asked, stream=True)])


def seen(call: OurCall, answers: Sequence[Answer]) -> Seen:
    """Ours: the last event carries the whole."""
    return reading.seen("responses", [answers[-1].get("response") or answers[-1]])


def _streamed(events: Sequence[Any]) -> Seen:
    last = events[-1].response
    calls = [event.item for event in events if event.type == "response.output_item.done"]
    return Seen(
        text="".join(event.delta for event in events if event.type == "response.output_text.delta"),
        reasoning="".join(event.delta for event in events if event.type in _THOUGHTS),
        tool_calls=[(item.name, json.loads(item.arguments)) for item in calls if item.type == "function_call"],
        finish_reason=last.status,
        usage=(last.usage.input_tokens, last.usage.output_tokens, last.usage.input_tokens_details.cached_tokens),
    )
