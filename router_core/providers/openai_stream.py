"""The chunks of an OpenAI-shaped stream, and everything that can go wrong in one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx

from router_core.answers import ChatCompletionChunk
from router_core.errors import APIConnectionError
from router_core.providers import openai_shapes as shapes
from router_core.providers.classify import Origin, failed_inside, malformed, unreachable
from router_core.sse import Decoder, Event


async def chunks(origin: Origin, response: httpx.Response, *, usage_asked: bool) -> AsyncIterator[ChatCompletionChunk]:
    """See `Adapter.stream`. `usage_asked`: the caller expects OpenAI's last chunk, which has usage and no choices."""
    reader = _Reader(origin, response, usage_asked)
    try:
        if response.headers.get("content-type", "").startswith("application/json"):
            yield reader.whole(await response.aread())
            return
        decoder = Decoder()
        async for data in response.aiter_bytes():
            for event in decoder.feed(data):
                if reader.done:
                    return
                if chunk := reader.read(event):
                    yield chunk
        for event in () if reader.done else decoder.flush():
            if chunk := reader.last(event):
                yield chunk
        reader.check_end()
    except httpx.TransportError as exc:
        if not reader.done:
            raise unreachable(origin, exc) from exc
    except httpx.DecodingError as exc:
        raise malformed(origin, response, exc) from None
    finally:
        await response.aclose()


class _Reader:
    """One stream as far as it has been read."""

    def __init__(self, origin: Origin, response: httpx.Response, usage_asked: bool) -> None:
        self._origin, self._response, self._usage_asked = origin, response, usage_asked
        self._finished = False
        self.done = False

    def read(self, event: Event) -> ChatCompletionChunk | None:
        """The chunk in an event, None for `[DONE]`. Raises the error it holds, or MalformedAnswerError."""
        if event.data == "[DONE]":
            self.done = True
            return None
        try:
            payload = json.loads(event.data)
            if event.name == "error" or payload.get("error"):
                raise failed_inside(self._origin, payload, self._response.headers)
            return self._chunk(shapes.chunk(payload, self._origin.model))
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise malformed(self._origin, self._response, exc) from None

    def last(self, event: Event) -> ChatCompletionChunk | None:
        """An event without its end: a chunk if it is whole, else the stream was cut within it."""
        try:
            json.loads(event.data)
        except ValueError:
            return None if event.data != "[DONE]" else self.read(event)
        return self.read(event)

    def whole(self, body: bytes) -> ChatCompletionChunk:
        """The answer of a server that ignored `stream`."""
        try:
            payload = json.loads(body)
            if payload.get("error"):
                raise failed_inside(self._origin, payload, self._response.headers)
            return shapes.chunk_of_whole(shapes.chat(payload, self._origin.model))
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise malformed(self._origin, self._response, exc) from None

    def check_end(self) -> None:
        """Raises APIConnectionError if the connection closed before the answer was complete."""
        if not self.done and not self._finished:
            raise APIConnectionError(
                "the stream ended without [DONE] and without a finish_reason",
                llm_provider=self._origin.provider,
                model=self._origin.model,
                deployment=self._origin.deployment,
                reason="cut_stream",
            )

    def _chunk(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        if any(choice.finish_reason for choice in chunk.choices):
            self._finished = True
        if not chunk.choices and chunk.usage and not self._usage_asked:
            # Usage is always asked for; a caller who did not ask must not trip over `choices[0]`.
            empty = {"index": 0, "delta": {}, "finish_reason": None}
            return ChatCompletionChunk({**chunk, "choices": [empty]})
        return chunk
