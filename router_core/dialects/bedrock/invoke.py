"""A vendor's own format through Bedrock's invoke: the same body at another path, its stream in AWS's frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router_core.answering.answers import Answer
from router_core.dialects.bedrock.converse import STREAM, Converse
from router_core.dialects.bedrock.frames import InvokeFrames
from router_core.dialects.bedrock.models import model_id, path
from router_core.dialects.bedrock.reader import ConverseReader
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import Decoder, Dialect, Reader, Reply, Wire
from router_core.providers.parameters import Parameters


def invoked(call: Call, model: str, body: Mapping[str, Any]) -> Wire:
    """The request of an invoke, whole or streamed."""
    if call.stream:
        return Wire(path(model, "invoke-with-response-stream"), body, headers={"Accept": STREAM})
    return Wire(path(model, "invoke"), body)


@dataclass(frozen=True)
class ByInvoke:
    """`inner`: the vendor's dialect, whose requests go through invoke."""

    inner: Dialect

    @property
    def parameters(self) -> Parameters:
        """See `Dialect.parameters`."""
        return self.inner.parameters

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        wire = self.inner.encode(call, model_id(model))
        there = invoked(call, model, wire.body)
        return replace(wire, path=there.path, headers={**wire.headers, **there.headers})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return self.inner.decode(call, model_id(model), reply)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        return self.inner.whole(call, model_id(model), reply)

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return InvokeFrames()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return self.inner.reader(call, model_id(model))


@dataclass(frozen=True)
class Nova(Converse):
    """Amazon's Nova models, whose own format is nearly that of Converse."""

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        body = dict(super().encode(call, model).body)
        further = dict(body.pop("additionalModelRequestFields", {}))
        inference = {**body.pop("inferenceConfig", {}), **further.pop("inferenceConfig", {})}
        config = {"inferenceConfig": inference} if inference else {}
        return invoked(call, model, {"schemaVersion": "messages-v1", **body, **config, **further})

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return InvokeFrames()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return NovaReader(model_id(model))


class NovaReader(ConverseReader):
    """Each event is an object with one field, named as Converse names the event."""

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        if event.name == "error":
            yield from super().read(event)
        else:
            for name, payload in json.loads(event.data).items():
                yield from super().read(Event(name, json.dumps(payload)))
