"""Mistral's completions in the middle of a text: asked like OpenAI's text completions, answered like chats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.openai import completion, shapes
from router_core.dialects.openai.renames import Rename, rename
from router_core.dialects.openai.stream import TextReader
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_PARAMETERS = Parameters.only("completion", "prompt max_tokens seed stop stream_options suffix temperature top_p")
_SEED = Rename("seed", "random_seed")


@dataclass(frozen=True)
class Completion(completion.Completion):
    """The prompt is one text, with `suffix` what comes after the gap."""

    parameters: Parameters = _PARAMETERS
    path: str = "/fim/completions"

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        wire = super().encode(call, model)
        body = {name: value for name, value in wire.body.items() if name != "stream_options"}
        rename(body, model, (_SEED,))
        return replace(wire, body=body)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return shapes.text(_texts(reply.json()), model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield self.decode(call, model, reply)

    def reader(self, call: Call, model: str) -> TextReader:
        """See `Dialect.reader`."""
        return _Reader(call, model)


class _Reader(TextReader):
    def __init__(self, call: Call, model: str) -> None:
        super().__init__(call, model)
        make = self._make
        self._make = lambda payload: make(_texts(payload))


def _texts(body: dict[str, Any]) -> dict[str, Any]:
    for choice in body["choices"]:
        said = choice.pop("message", None) or choice.pop("delta", None) or {}
        choice.setdefault("text", said.get("content") or "")
    return body
