"""OpenAI's embeddings."""

from __future__ import annotations

from dataclasses import dataclass

from router_core.answers import Answer
from router_core.dialects.openai import shapes
from router_core.dialects.unstreamed import Unstreamed
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("embedding")


@dataclass(frozen=True)
class Embedding(Unstreamed):
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return Wire("/embeddings", {**call.body, "model": model})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return shapes.embeddings(reply.json(), model)
