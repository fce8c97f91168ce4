"""Embeddings at Vertex AI: predict for the older models, embedContent for Gemini's and for those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.gemini.embedding import TAKES, content, options, sent, texts, vectors
from router_core.dialects.gemini.models import GOOGLE, path
from router_core.dialects.unstreamed import Unstreamed
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_OF_A_TEXT = ("taskType", "title")  # in predict; the rest are parameters of the whole


@dataclass(frozen=True)
class VertexEmbedding(Unstreamed):
    """One text goes by embedContent, several by batchEmbedContents."""

    parameters: Parameters = TAKES

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        found, given = texts(call.body.get("input")), options(call.body)
        if "gemini" not in model and "maas" not in model:
            return Wire(path(model, "predict", GOOGLE), _prediction(found, given))
        config = {"embedContentConfig": given} if given else {}
        requests = [{"content": content(text), **config} for text in found]
        if len(requests) == 1:
            return Wire(path(model, "embedContent", GOOGLE), requests[0])
        return Wire(path(model, "batchEmbedContents", GOOGLE), {"requests": requests})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        answer = reply.json()
        if "predictions" in answer:
            found = [one["embeddings"] for one in answer["predictions"]]
            return vectors(call, model, [one["values"] for one in found], _counted(found))
        found = [answer["embedding"]] if "embedding" in answer else answer["embeddings"]
        return vectors(call, model, [one["values"] for one in found], sent(answer))


def _prediction(found: list[str], given: Mapping[str, Any]) -> dict[str, Any]:
    of_each = {"task_type" if name == "taskType" else name: given[name] for name in _OF_A_TEXT if name in given}
    parameters = {name: value for name, value in given.items() if name not in _OF_A_TEXT}
    body: dict[str, Any] = {"instances": [{"content": text, **of_each} for text in found]}
    return {**body, "parameters": parameters} if parameters else body


def _counted(found: list[Mapping[str, Any]]) -> int | None:
    counts = [(one.get("statistics") or {}).get("token_count") for one in found]
    return None if None in counts else int(sum(filter(None, counts)))
