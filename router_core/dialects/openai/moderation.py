"""OpenAI's moderation."""

from __future__ import annotations

from dataclasses import dataclass

from router_core.answering.answers import Answer
from router_core.answering.other_answers import ModerationResponse
from router_core.dialects.openai import bodies
from router_core.dialects.unstreamed import Unstreamed
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("moderation")


@dataclass(frozen=True)
class Moderation(Unstreamed):
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return Wire("/moderations", bodies.parameters(call, model))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        body = reply.json()
        if not all("categories" in result for result in body["results"]):
            raise KeyError("categories")
        return ModerationResponse({"id": "modr-unknown", "model": model, **body})
