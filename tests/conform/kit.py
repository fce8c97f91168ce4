"""What a provider's file is made of.

    SDK = "anthropic"                                          # the oracle

    def call_of(recording: Recording) -> OurCall: …            # raises NotOurs("count_tokens")
    async def oracle(recording: Recording, url: str) -> Seen: …
    def significant(body: dict[str, Any]) -> dict[str, Any]: …

and, where the defaults do not hold (see cases.py):

    CASSETTES = ("gemini", "vertex")                           # else the folder of the file's own name
    def error_of(recording: Recording) -> str | None: …        # the error's class; also for one inside a 200
    def path_of(recording: Recording) -> str: …                # the path our request must have
    def significant_query(query: dict[str, str]) -> dict[str, str]: …
    def seen(call: OurCall, answers: Sequence[Answer]) -> Seen: …   # ours, where an answer's kind needs own reading
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router_core.providers.base import Kind
from tests.conform.recordings import Recording


class NotOurs(Exception):
    """A recording of something this library does not call: its reason is counted in the table."""


@dataclass(frozen=True)
class OurCall:
    """The OpenAI-shaped equivalent of a recorded request.

    `arguments`: as a caller gives them to the router; `stream` may be left out, the recording tells.
    `params`: litellm_params: `model` with its prefix, and what else the deployment needs. Without an api_key there is a
    made-up one, without an api_base the provider's own address.
    """

    kind: Kind
    arguments: Mapping[str, Any] = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Seen:
    """What somebody made of an answer; equal for ours and the SDK's.

    `tool_calls`: (name, arguments as an object). `finish_reason`: OpenAI's word. `usage`: (sent, made, cached) tokens.
    `data`: what is no chat: `vectors(…)`, `ranking(…)`, images, a text. Where an answer has several choices, the
    first; the others may be in `data`.
    """

    text: str | None = None
    reasoning: str | None = None
    tool_calls: Sequence[tuple[str, Any]] = ()
    finish_reason: str | None = None
    usage: tuple[int | None, int | None, int | None] | None = None
    data: Any = None

    def plain(self) -> dict[str, Any]:
        """For comparison: nothing said is the same however it is said, and so is nothing cached."""
        sent, made, cached = self.usage or (None, None, None)
        return {
            "text": self.text or None,
            "reasoning": self.reasoning or None,
            "tool_calls": [tuple(call) for call in self.tool_calls],
            "finish_reason": self.finish_reason,
            "usage": (sent, made, cached or None),
            "data": self.data,
        }


def vectors(found: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Embeddings for `Seen.data`: their number, their length and how each begins."""
    return {
        "count": len(found),
        "dimension": len(found[0]) if found else 0,
        "first": [[round(float(number), 9) for number in vector[:8]] for vector in found],
    }


def ranking(found: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """(index, score) of ranked documents for `Seen.data`, best first."""
    return [(index, round(score, 9)) for index, score in found]


__all__ = ["NotOurs", "OurCall", "Recording", "Seen", "ranking", "vectors"]
