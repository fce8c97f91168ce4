"""Embeddings by invoke, in the formats of Titan, Nova and Cohere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.bedrock.models import model_id, path
from router_core.dialects.embeddings import texts, vectors
from router_core.dialects.unstreamed import Unstreamed
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_TAKES = Parameters.only("embedding", "input dimensions encoding_format")


@dataclass(frozen=True)
class Titan(Unstreamed):
    """Amazon's Titan, and by its name Nova: one text a call."""

    parameters: Parameters = _TAKES

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Raises UnsupportedParamsError for several texts and for tokens."""
        given, one = _further(call), texts(call, "bedrock")
        if len(one) != 1:
            message = f"input: {model_id(model)} takes one text a call"
            raise UnsupportedParamsError(message, params=["input"], llm_provider="bedrock")
        dimensions = call.body.get("dimensions")
        if "nova" in model:
            return Wire(path(model, "invoke"), _nova(one[0], dimensions, given))
        named = {} if dimensions is None else {"dimensions": dimensions}
        return Wire(path(model, "invoke"), {"inputText": one[0], **named, **given})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        body = reply.json()
        vector = body["embedding"] if "embedding" in body else body["embeddings"][0]["embedding"]
        return vectors(call, model_id(model), [vector], body.get("inputTextTokenCount") or _counted(reply))


@dataclass(frozen=True)
class Cohere(Unstreamed):
    """Cohere's Embed 3 and 4. `input_type` is search_document unless the caller says another."""

    parameters: Parameters = _TAKES

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Raises UnsupportedParamsError for tokens."""
        dimensions = call.body.get("dimensions")
        named = {} if dimensions is None else {"output_dimension": dimensions}
        body = {"texts": texts(call, "bedrock"), "input_type": "search_document", **named, **_further(call)}
        return Wire(path(model, "invoke"), body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`. Where `embedding_types` asked for several, the first of them."""
        found = reply.json()["embeddings"]
        if isinstance(found, Mapping):
            found = found["float"] if "float" in found else next(iter(found.values()))
        return vectors(call, model_id(model), found, _counted(reply))


def _nova(text: str, dimensions: int | None, given: Mapping[str, Any]) -> dict[str, Any]:
    single: dict[str, Any] = {"embeddingPurpose": "GENERIC_INDEX", "text": {"truncationMode": "END", "value": text}}
    if dimensions is not None:
        single["embeddingDimension"] = dimensions
    told = given.get("singleEmbeddingParams") or {}
    return {"taskType": "SINGLE_EMBEDDING", **given, "singleEmbeddingParams": {**single, **told}}


def _further(call: Call) -> dict[str, Any]:
    """What only the provider has a name for."""
    known = ("input", "dimensions", "encoding_format")
    return {name: value for name, value in call.body.items() if name not in known and value is not None}


def _counted(reply: Reply) -> int | None:
    count = reply.headers.get("x-amzn-bedrock-input-token-count")
    return int(count) if count else None
