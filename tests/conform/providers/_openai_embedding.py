"""Embeddings with openai's client as the oracle, which asks for base64 and gives numbers."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from openai import AsyncOpenAI

from router_core.answering.answers import Answer
from tests.conform import reading
from tests.conform.kit import OurCall, Seen

KIND, PATH = "embedding", "/embeddings"


def arguments(request: dict[str, Any]) -> dict[str, Any]:
    return request


async def oracle(client: AsyncOpenAI, request: Any, stream: bool) -> Seen:
    answer = await client.embeddings.create(model=request["model"], input=request["input"])
    return reading.seen("embedding", [answer.model_dump()])


def seen(call: OurCall, answers: Sequence[Answer]) -> Seen:
    """Base64 is what the caller gets who asked for it."""
    answer = answers[0].model_dump()
    if call.arguments.get("encoding_format") == "base64":
        for item in answer["data"]:
            item["embedding"] = numbers(item["embedding"], "f")
    return reading.seen("embedding", [answer])


def numbers(text: str, code: str) -> list[float]:
    """A vector in base64; `code` as struct has it."""
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))
