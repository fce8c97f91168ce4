"""Cohere's embeddings, of texts and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.answering.answers import Answer, EmbeddingResponse
from router_core.dialects.unstreamed import Unstreamed
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_IMAGE = "data:image/"
_OURS = ("input", "dimensions", "encoding_format", "embedding_types")


class Embedding(Unstreamed):
    """An input is a text, or an image as a data: URL. Cohere's `input_type` is search_document unless given.

    With several `embedding_types` the first is the embedding, the others are in its `provider_specific_fields`.
    """

    parameters = Parameters.only("embedding", "input dimensions encoding_format")

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        given = {name: value for name, value in call.body.items() if value is not None}
        body: dict[str, Any] = {"model": model, "input_type": "search_document", "embedding_types": _types(given)}
        if "dimensions" in given:
            body["output_dimension"] = given["dimensions"]
        passed = {name: value for name, value in given.items() if name not in _OURS}
        return Wire("/embed", {**body, **_inputs(given), **passed})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        body = reply.json()
        found = body["embeddings"]
        by_type: Mapping[str, list[Any]] = {"float": found} if isinstance(found, list) else found
        first, *others = [name for name in _types(call.body) if by_type.get(name)] or [*by_type]
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(by_type[first])]
        for name in others:
            for item, vector in zip(data, by_type[name], strict=True):
                item.setdefault("provider_specific_fields", {})[name] = vector
        usage = _usage(body.get("meta") or {})
        return EmbeddingResponse({"object": "list", "model": model, "id": body.get("id"), "data": data, "usage": usage})


def _types(given: Mapping[str, Any]) -> list[str]:
    return list(given.get("embedding_types") or [given.get("encoding_format") or "float"])


def _inputs(given: Mapping[str, Any]) -> dict[str, Any]:
    """Texts, images, or both. Cohere's own `inputs`, `texts` and `images` pass."""
    if "input" not in given:
        if not given.keys() & {"inputs", "texts", "images"}:
            raise BadRequestError("input is missing")
        return {}
    listed = [given["input"]] if isinstance(given["input"], str) else list(given["input"])
    if not all(isinstance(one, str) for one in listed):
        raise UnsupportedParamsError("Cohere takes no tokens as input, only texts", params=["input"])
    images = [one.startswith(_IMAGE) for one in listed]
    if not any(images):
        return {"texts": listed}
    if all(images):
        return {"images": listed, "input_type": "image"}
    return {"inputs": [{"content": [_part(one)]} for one in listed]}


def _part(one: str) -> dict[str, Any]:
    if one.startswith(_IMAGE):
        return {"type": "image_url", "image_url": {"url": one}}
    return {"type": "text", "text": one}


def _usage(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    billed = meta.get("billed_units") or meta.get("tokens") or {}
    counted = [billed[name] for name in ("input_tokens", "image_tokens") if billed.get(name) is not None]
    sent = int(sum(counted))
    return {"prompt_tokens": sent, "total_tokens": sent, "billed_units": billed} if counted else None
