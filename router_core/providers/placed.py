"""A dialect at other paths than its own, for providers that put the deployment or a version there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from router_core.answering.answers import Answer
from router_core.providers.base import Call
from router_core.providers.dialect import Decoder, Dialect, Reader, Reply, Wire
from router_core.providers.parameters import Parameters


@dataclass(frozen=True)
class Placed:
    """`dialect` with `prefix` before its paths, `query` behind them and further headers.

    `model`: what bodies call the model.
    """

    dialect: Dialect
    prefix: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None

    @property
    def parameters(self) -> Parameters:
        """See `Dialect.parameters`."""
        return self.dialect.parameters

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        wire = self.dialect.encode(call, self.model or model)
        query, headers = {**self.query, **wire.query}, {**self.headers, **wire.headers}
        return replace(wire, path=self.prefix + wire.path, query=query, headers=headers)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return self.dialect.decode(call, model, reply)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        return self.dialect.whole(call, model, reply)

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return self.dialect.framing()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return self.dialect.reader(call, model)
