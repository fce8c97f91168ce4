"""Reranking as Jina, Voyage, OpenRouter, Together, vLLM and llama.cpp have it: Cohere's first shape, more or less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import RerankResponse
from router_core.dialects.openai import bodies
from router_core.dialects.unstreamed import Unstreamed
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_COMMON = Parameters.only("rerank", "query documents top_n return_documents")


@dataclass(frozen=True)
class Rerank(Unstreamed):
    """`top`: what the server calls `top_n` (Voyage: top_k). `path` comes after the base URL."""

    parameters: Parameters = _COMMON
    path: str = "/rerank"
    top: str = "top_n"

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        said = bodies.parameters(call, model)
        return Wire(self.path, {self.top if name == "top_n" else name: value for name, value in said.items()})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        body = reply.json()
        results = [_ranked(item) for item in body.pop("data" if "results" not in body else "results")]
        results.sort(key=lambda item: item["relevance_score"], reverse=True)
        return RerankResponse({**body, "results": results, "usage": _usage(body.get("usage"))})


def _ranked(item: dict[str, Any]) -> dict[str, Any]:
    ranked = {"index": item["index"], "relevance_score": float(item["relevance_score"])}
    document = item.get("document")
    if document is not None:
        ranked["document"] = {"text": document} if isinstance(document, str) else document
    return ranked


def _usage(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """Nothing is generated, so that all tokens are the prompt's."""
    if not usage or usage.get("total_tokens") is None:
        return usage
    return {"prompt_tokens": usage["total_tokens"], **usage}
