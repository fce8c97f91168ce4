"""Reranking by invoke, with Cohere's and Amazon's models: one format, but for Cohere's version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects import rerank
from router_core.dialects.bedrock.models import model_id, path
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_TAKES = Parameters.only("rerank", "query documents top_n")


@dataclass(frozen=True)
class Rerank(rerank.Rerank):
    """Documents are texts."""

    parameters: Parameters = _TAKES

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Raises UnsupportedParamsError for documents that are no texts."""
        body = {name: value for name, value in call.body.items() if value is not None and name != "top_n"}
        body["documents"] = [_text(one, f"documents[{at}]") for at, one in enumerate(body.get("documents") or ())]
        if "amazon" not in model_id(model):
            body = {"api_version": 2, **body}
        return Wire(path(model, "invoke"), body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`. The best `top_n` are chosen here: not all models can be told."""
        answer = super().decode(call, model, reply)
        answer["results"] = answer["results"][: call.body.get("top_n")]
        return answer


def _text(document: Any, where: str) -> str:
    text = document.get("text") if isinstance(document, Mapping) else document
    if not isinstance(text, str):
        raise UnsupportedParamsError(f"bedrock takes texts, not {where}", params=[where], llm_provider="bedrock")
    return text
