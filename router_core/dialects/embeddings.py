"""OpenAI's embedding calls taken apart and answered, for dialects that say the same in other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router_core.answering.answers import EmbeddingResponse
from router_core.dialects.openai.vectors import packed
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call


def texts(call: Call, provider: str) -> list[str]:
    """`input` as a list. Raises UnsupportedParamsError for tokens, which mean something else to every model."""
    given: Any = call.body.get("input")
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, Sequence) or not found or not all(isinstance(text, str) for text in found):
        message = f"input must be a text or a list of texts: {provider} takes no tokens"
        raise UnsupportedParamsError(message, params=["input"], llm_provider=provider)
    return list(found)


def vectors(call: Call, model: str, found: Sequence[Sequence[float]], tokens: int | None) -> EmbeddingResponse:
    """The answer, in the order of the texts and in the `encoding_format` that was asked for.

    `tokens`: None where nobody counted them.
    """
    encode = packed if call.body.get("encoding_format") == "base64" else list
    data = [{"object": "embedding", "index": index, "embedding": encode(one)} for index, one in enumerate(found)]
    counted = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
    return EmbeddingResponse({"object": "list", "model": model, "data": data, "usage": counted})
