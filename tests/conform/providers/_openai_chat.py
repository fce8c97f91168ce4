"""Chats with openai's client as the oracle."""

from __future__ import annotations

from typing import Any

from openai import AsyncOpenAI

from tests.conform import reading
from tests.conform.kit import Seen

KIND, PATH = "chat", "/chat/completions"


def arguments(request: dict[str, Any]) -> dict[str, Any]:
    request["messages"] = [_message(message) for message in request["messages"]]
    return request


async def oracle(client: AsyncOpenAI, request: Any, stream: bool) -> Seen:
    asked: Any = {"model": request["model"], "messages": request["messages"]}
    if not stream:
        answer = (await client.chat.completions.create(**asked)).model_dump()
        for call in answer["choices"][0]["message"]["tool_calls"] or ():
            call["function"].setdefault("arguments", "{}")  # OpenRouter leaves out what is empty
        return reading.seen("chat", [answer])
    chunks = [chunk.model_dump() async for chunk in await client.chat.completions.create(**asked, stream=True)]
    for chunk in chunks:
        chunk["usage"] = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")  # Groq counts there
    return reading.seen("chat", chunks, stream=True)


def significant_message(message: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing, and the reasoning under one name where it is under two."""
    if message.get("reasoning") == message.get("reasoning_content"):
        message.pop("reasoning_content", None)
    return {
        name: value for name, value in message.items() if value is not None and (name, value) != ("annotations", [])
    }


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """As our answers have it: reasoning under one name."""
    if "reasoning" in message:
        message["reasoning_content"] = message.pop("reasoning")
    return message
