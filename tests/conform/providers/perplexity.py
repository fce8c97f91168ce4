"""Perplexity's recordings. Its embeddings are signed bytes in base64, which openai's client leaves as they are."""

from __future__ import annotations

from openai import AsyncOpenAI

from tests.conform import reading
from tests.conform.kit import Recording, Seen
from tests.conform.providers import _openai
from tests.conform.providers._openai_embedding import numbers

SDK = _openai.SDK
call_of = _openai.calls("perplexity")
significant = _openai.significant
seen = _openai.seen


async def oracle(recording: Recording, url: str) -> Seen:
    if not recording.path.endswith("/embeddings"):
        return await _openai.oracle(recording, url)
    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        asked = recording.request
        found = await client.embeddings.create(model=asked["model"], input=asked["input"], encoding_format="float")
    answer = found.model_dump()
    for item in answer["data"]:
        item["embedding"] = numbers(item["embedding"], "b")
    return reading.seen("embedding", [answer])
