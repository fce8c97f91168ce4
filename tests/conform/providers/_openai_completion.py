"""Text completions with openai's client as the oracle."""

from __future__ import annotations

from typing import Any

from openai import AsyncOpenAI

from tests.conform import reading
from tests.conform.kit import Seen

KIND, PATH = "completion", "/completions"


def arguments(request: dict[str, Any]) -> dict[str, Any]:
    return request


async def oracle(client: AsyncOpenAI, request: Any, stream: bool) -> Seen:
    asked: Any = {"model": request["model"], "prompt": request["prompt"]}
    if not stream:
        return reading.seen("completion", [(await client.completions.create(**asked)).model_dump()])
    chunks = [chunk.model_dump() async for chunk in await client.completions.create(**asked, stream=True)]
    return reading.seen("completion", chunks, stream=True)
