"""A dialect chosen by the model of each call, for deployments whose name is a wildcard: it leaves open whose it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from router_core.answering.answers import Answer
from router_core.errors import BadRequestError
from router_core.http.sse import Decoder as ServerSentEvents
from router_core.providers.base import Call, Kind
from router_core.providers.dialect import Decoder, Dialect, Reader, Reply, Wire
from router_core.providers.parameters import Parameters


@dataclass(frozen=True)
class ByModel:
    """`choose`: the dialects of a model, all of which stream by server-sent events."""

    kind: Kind
    choose: Callable[[str], Mapping[Kind, Dialect]]

    @property
    def parameters(self) -> Parameters:
        """See `Dialect.parameters`: all, because only `encode` knows the model."""
        return Parameters.all_but(self.kind)

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Raises UnsupportedParamsError for what the model's dialect lacks."""
        dialect = self._of(model)
        return dialect.encode(replace(call, body=dialect.parameters.select(call.body, "")), model)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return self._of(model).decode(call, model, reply)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        return self._of(model).whole(call, model, reply)

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return ServerSentEvents()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return self._of(model).reader(call, model)

    def _of(self, model: str) -> Dialect:
        dialect = self.choose(model).get(self.kind)
        if dialect is None:
            raise BadRequestError(f"{model} has no {self.kind} calls here", retryable=True)
        return dialect
