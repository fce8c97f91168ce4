"""Cohere's chat, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterable

from router_core.answering.answers import Answer, ChatCompletion
from router_core.dialects.cohere.answers import answer
from router_core.dialects.cohere.messages import messages
from router_core.dialects.cohere.settings import PARAMETERS, settings
from router_core.dialects.cohere.stream import ChatReader
from router_core.dialects.openai import shapes
from router_core.http.sse import Decoder
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire


class Chat:
    """Documents, citation_options, safety_mode and priority pass; citations are in `provider_specific_fields`."""

    parameters = PARAMETERS

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        body = {"model": model, "messages": messages(call.body.get("messages")), **settings(call.body)}
        return Wire("/chat", {**body, "stream": True} if call.stream else body)

    def decode(self, call: Call, model: str, reply: Reply) -> ChatCompletion:
        """See `Dialect.decode`."""
        return answer(reply.json(), model)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        yield shapes.chunk_of_whole(answer(reply.json(), model))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return Decoder()

    def reader(self, call: Call, model: str) -> ChatReader:
        """See `Dialect.reader`."""
        return ChatReader(model)
