"""OpenAI's images, made from a text or from other images, whole and streamed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from router_core.answering.answers import Answer
from router_core.answering.other_answers import ImageEvent, ImagesResponse
from router_core.dialects.openai import bodies
from router_core.dialects.openai.events import TypedReader
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("image_generation")
_ALL_EDITS = Parameters.all_but("image_edit")


@dataclass(frozen=True)
class ImageGeneration:
    """`parameters`: what a compatible server takes of OpenAI's."""

    parameters: Parameters = _ALL

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return Wire("/images/generations", bodies.parameters(call, model))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        body = reply.json()
        if not all(image.get("url") or image.get("b64_json") for image in body["data"]):
            raise KeyError("b64_json")
        body.setdefault("created", int(time.time()))
        return ImagesResponse(body)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        answer = self.decode(call, model, reply)
        for image in answer["data"]:
            yield ImageEvent({**image, "type": f"{call.kind}.completed", "usage": answer["usage"]})

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> TypedReader:
        """See `Dialect.reader`."""
        return TypedReader(ImageEvent)


@dataclass(frozen=True)
class ImageEdit(ImageGeneration):
    """The same, from images: `image` is one or a list, `mask` says what may change."""

    parameters: Parameters = _ALL_EDITS

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        return bodies.form("/images/edits", call, model, "image", "mask", "markup")
