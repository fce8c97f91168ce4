"""Embeddings by batchEmbedContents, and what AI Studio's have in common with Vertex AI's.

Parameters that OpenAI has no name for (`task_type`, `title`, …) go with each text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer, EmbeddingResponse
from router_core.dialects.gemini.config import camel
from router_core.dialects.gemini.models import path
from router_core.dialects.openai.vectors import packed
from router_core.dialects.unstreamed import Unstreamed
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

TAKES = Parameters.only("embedding", "input dimensions encoding_format")


@dataclass(frozen=True)
class Embedding(Unstreamed):
    """AI Studio's: any number of texts in one call."""

    parameters: Parameters = TAKES

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        named = model if "/" in model else f"models/{model}"
        given = options(call.body)
        requests = [{"model": named, "content": content(text), **given} for text in texts(call.body.get("input"))]
        return Wire(path(model, "batchEmbedContents"), {"requests": requests})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`. Older models do not count: usage is None then."""
        answer = reply.json()
        return vectors(call, model, [one["values"] for one in answer["embeddings"]], sent(answer))


def texts(given: Any) -> list[str]:
    """`input` as a list. Raises UnsupportedParamsError for tokens, which mean something else to every model."""
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, Sequence) or not all(isinstance(text, str) for text in found):
        raise UnsupportedParamsError(
            "input must be a text or a list of texts: Google takes no tokens", params=["input"]
        )
    return list(found)


def content(text: str) -> dict[str, Any]:
    """A text as Google's content."""
    return {"parts": [{"text": text}]}


def options(body: Mapping[str, Any]) -> dict[str, Any]:
    """What applies to each text, in Google's words."""
    given = {
        name: value for name, value in body.items() if value is not None and name not in ("input", "encoding_format")
    }
    dimensions = given.pop("dimensions", None)
    own = {camel(name): value for name, value in given.items()}
    return own if dimensions is None else {**own, "outputDimensionality": dimensions}


def sent(answer: Mapping[str, Any]) -> int | None:
    """Tokens of the texts; None where Google did not count."""
    return (answer.get("usageMetadata") or {}).get("promptTokenCount")


def vectors(call: Call, model: str, found: Sequence[Sequence[float]], tokens: int | None) -> EmbeddingResponse:
    """The answer, in the order of the texts and in the `encoding_format` that was asked for."""
    encode = packed if call.body.get("encoding_format") == "base64" else list
    return EmbeddingResponse(
        object="list",
        model=model,
        data=[{"object": "embedding", "index": index, "embedding": encode(one)} for index, one in enumerate(found)],
        usage=None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens},
    )
