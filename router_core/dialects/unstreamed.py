"""What kinds of call that nobody streams have in common."""

from __future__ import annotations

from collections.abc import Iterable

from router_core.answering.answers import Answer
from router_core.errors import BadRequestError
from router_core.http.sse import Decoder as ServerSentEvents
from router_core.providers.base import Call
from router_core.providers.dialect import Decoder, Reader, Reply


class Unstreamed:
    """A base for dialects without streams: asking for one is the caller's error."""

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        raise self._refusal(call)

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return ServerSentEvents()

    def reader(self, call: Call, model: str) -> Reader:
        """Raises BadRequestError."""
        raise self._refusal(call)

    @staticmethod
    def _refusal(call: Call) -> BadRequestError:
        return BadRequestError(f"{call.kind} calls cannot be streamed; leave out stream")
