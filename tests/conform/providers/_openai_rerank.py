"""Reranking, which openai's client lacks: it is Cohere's shape, so Cohere's client is the oracle."""

from __future__ import annotations

from typing import Any

import cohere
from openai import AsyncOpenAI

from tests.conform.kit import Seen, ranking

KIND, PATH = "rerank", "/rerank"


def arguments(request: dict[str, Any]) -> dict[str, Any]:
    return request


async def oracle(client: AsyncOpenAI, request: Any, stream: bool) -> Seen:
    theirs = cohere.AsyncClientV2(api_key="none", base_url=str(client.base_url).rstrip("/"))
    found = await theirs.rerank(model=request["model"], query=request["query"], documents=request["documents"])
    return Seen(data=ranking([(item.index, item.relevance_score) for item in found.results]))
