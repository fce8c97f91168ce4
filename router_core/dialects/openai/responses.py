"""OpenAI's Responses API, as it is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import Response, ResponseEvent
from router_core.dialects.openai import bodies
from router_core.dialects.openai.events import TypedReader
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("responses")
_SNAPSHOTS = frozenset(f"response.{at}" for at in ("created", "queued", "in_progress", "completed", "incomplete"))


@dataclass(frozen=True)
class Responses:
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return Wire("/responses", bodies.parameters(call, model))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return Response(completed(reply.json(), model))

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`: the last event alone, which carries the whole answer."""
        body = completed(reply.json(), model)
        kind = "response.incomplete" if body.get("status") == "incomplete" else "response.completed"
        yield ResponseEvent({"type": kind, "sequence_number": 0, "response": body})

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> TypedReader:
        """See `Dialect.reader`."""

        def event(payload: dict[str, Any]) -> ResponseEvent:
            if payload["type"] in _SNAPSHOTS:
                snapshot = payload["response"]
                payload["response"] = completed({**snapshot, "output": snapshot.get("output") or []}, model)
            return ResponseEvent(payload)

        return TypedReader(event)


def completed(body: dict[str, Any], model: str) -> dict[str, Any]:
    """A Response with what openai's types require and compatible servers leave out. KeyError where it is none."""
    if not isinstance(body["output"], list):
        raise TypeError("output")
    required = {
        "id": "resp_unknown",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    body |= {name: value for name, value in required.items() if body.get(name) is None}
    body["usage"] = usage(body.get("usage"))
    return body


def usage(counted: dict[str, Any] | None) -> dict[str, Any] | None:
    """Usage in openai's shape; None where the provider did not count both sides. What details leave out is 0."""
    sent, made = (counted or {}).get("input_tokens"), (counted or {}).get("output_tokens")
    if counted is None or sent is None or made is None:
        return None
    return {
        **counted,
        "total_tokens": counted.get("total_tokens") or sent + made,
        "input_tokens_details": _details(counted.get("input_tokens_details"), "cached_tokens", "cache_write_tokens"),
        "output_tokens_details": _details(counted.get("output_tokens_details"), "reasoning_tokens"),
    }


def _details(given: dict[str, Any] | None, *required: str) -> dict[str, Any]:
    return {**dict.fromkeys(required, 0), **{name: n for name, n in (given or {}).items() if n is not None}}
