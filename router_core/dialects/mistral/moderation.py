"""Mistral's moderation: OpenAI's, but whether something is flagged is left to the reader."""

from __future__ import annotations

from router_core.answering.answers import Answer
from router_core.dialects.openai import moderation
from router_core.providers.base import Call
from router_core.providers.dialect import Reply


class Moderation(moderation.Moderation):
    """An input is flagged that falls into any category."""

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        answer = super().decode(call, model, reply)
        for result in answer["results"]:
            result.setdefault("flagged", any(result["categories"].values()))
        return answer
