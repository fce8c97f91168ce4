"""Reading a stream, whatever its framing and its events, and everything that can go wrong in one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import httpx

from router_core.answering.answers import Answer
from router_core.errors import APIConnectionError
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.classify import Origin, failed_inside, malformed, unreachable
from router_core.providers.dialect import CutStream, Decoder, Dialect, Reader, Reply, UpstreamFailure

T = TypeVar("T")

UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError)


async def chunks(origin: Origin, dialect: Dialect, call: Call, response: httpx.Response) -> AsyncIterator[Answer]:
    """The chunks of a 2xx, as they arrive. Closes the response at the end.

    Raises the classified error for one inside the stream, APIConnectionError for a cut, MalformedAnswerError for what
    nobody can read.
    """
    model = call.model_of(origin.model)
    decoder, reader = dialect.framing(), dialect.reader(call, model)
    guarded = partial(_guarded, origin, response)
    try:
        if response.headers.get("content-type", "").startswith("application/json"):
            reply = Reply(response.headers, await response.aread())  # the server ignored `stream`
            for chunk in guarded(partial(dialect.whole, call, model, reply)):
                yield chunk
            return
        async for data in response.aiter_bytes():
            for event in guarded(partial(decoder.feed, data)):
                if reader.done:
                    return
                for chunk in guarded(partial(reader.read, event)):
                    yield chunk
        for chunk in guarded(partial(_rest, decoder, reader)):
            yield chunk
    except httpx.TransportError as exc:
        if not reader.done:
            raise unreachable(origin, exc) from exc
    except httpx.DecodingError as exc:
        raise malformed(origin, response, exc) from None
    finally:
        await response.aclose()


def _guarded(origin: Origin, response: httpx.Response, read: Callable[[], Iterable[T]]) -> list[T]:
    """What `read` gives, or the classified error for what went wrong there."""
    try:
        return list(read())
    except UpstreamFailure as exc:
        raise failed_inside(origin, exc.payload, response.headers) from None
    except CutStream as exc:
        raise _cut(origin, exc) from None
    except UNREADABLE as exc:
        raise malformed(origin, response, exc) from None  # the cause would quote the answer


def _rest(decoder: Decoder, reader: Reader) -> Iterator[Answer]:
    if not reader.done:
        for event in decoder.flush():
            if _is_complete(event):
                yield from reader.read(event)
    yield from reader.end()


def _is_complete(event: Event) -> bool:
    """An event without its end: whole, or was the stream cut within it?"""
    try:
        json.loads(event.data)
    except ValueError:
        return event.data == "[DONE]"
    return True


def _cut(origin: Origin, exc: CutStream) -> APIConnectionError:
    return APIConnectionError(
        str(exc),
        llm_provider=origin.provider,
        model=origin.model,
        deployment=origin.deployment,
        reason="cut_stream",
    )
