"""Streams: opening one, and what the caller holds.

A stream is handed to the caller when its first content is there. Until then a failure is like that of any call: the
next deployment is tried, and of the failed one the caller sees nothing. After it nothing can be taken back, so a
failure is a StreamInterrupted that carries what was received.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from router_core import mocks
from router_core.answering.answers import Answer
from router_core.answering.collect import Collector, collector_for
from router_core.attempts import Attempt, failed
from router_core.choosing import pins
from router_core.costs.prices import dollars
from router_core.errors import APIConnectionError, AttemptRecord, RouterError, StreamInterrupted
from router_core.estimating.tokens import text_tokens
from router_core.state.background import Background
from router_core.timeouts import Limit


async def opened(attempt: Attempt) -> Stream:
    """Send, and read up to the first content. Raises RouterError; then the lease is settled."""
    plan, target, id = attempt.plan, attempt.target, attempt.deployment.id
    limit = attempt.upstream.timeouts.first(plan, target, id, attempt.total)
    collector, head = collector_for(attempt.target.call.kind), deque[Answer]()
    chunks: AsyncIterator[Answer] | None = None
    try:
        attempt.keep()
        async with asyncio.timeout(limit.seconds):
            chunks = await _chunks(attempt)
            async for chunk in chunks:
                head.append(chunk)
                if collector.add(chunk):
                    break
            else:
                raise APIConnectionError("the stream ended before any content", reason="cut_stream")
    except BaseException as exc:
        error = await failed(attempt, exc, limit)
        if chunks is not None:
            await _aclose(chunks)
        if error is exc:
            raise
        raise error from exc
    attempt.ttft_ms = attempt.elapsed_ms()
    attempt.upstream.store.heard_of(attempt.lease)
    return Stream(attempt, chunks, head, collector)


class Stream:
    """An async iterator of OpenAI-shaped chunks. Close it (`aclose`, `async with`) or read it to its end.

    Whichever way it ends, also by being forgotten, its lease is settled. It has `deployment`, `model_used`, `attempts`,
    `decision`, `_response_ms` (until the first content) and `_hidden_params`, like an answer.
    """

    deployment: str | None = None
    model_used: str | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    decision: Any = None
    _response_ms: float | None = None

    def __init__(
        self, attempt: Attempt, chunks: AsyncIterator[Answer], head: deque[Answer], collector: Collector
    ) -> None:
        self._attempt, self._chunks, self._head, self._collector = attempt, chunks, head, collector
        self._silence = attempt.upstream.timeouts.silence(attempt.plan)
        self._ends_at = time.monotonic() + attempt.total.seconds - attempt.elapsed_ms() / 1000.0
        self._over = False
        self._hidden_params: dict[str, Any] = {}
        self._stamp: dict[str, Any] = {}
        self._forgotten = weakref.finalize(self, _forget, attempt, chunks, asyncio.get_running_loop())

    def stamp(self, fields: dict[str, Any]) -> None:
        """Facts about the call, for the stream and each of its chunks."""
        self.__dict__.update(fields)
        self._stamp = fields

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Answer:
        if self._head:
            return self._give(self._head.popleft())
        if self._over:
            raise StopAsyncIteration
        limit = self._limit()
        try:
            async with asyncio.timeout(limit.seconds):
                chunk = await anext(self._chunks)
        except StopAsyncIteration:
            collected = self._collector
            self._end()
            said = {**collected.head, "usage": collected.usage}
            self._attempt.end("ok", said, guess=text_tokens(collected.characters))
            self._hidden_params["response_cost"] = dollars(self._attempt.cost_nano)
            raise
        except BaseException as exc:
            self._end()
            error = await failed(self._attempt, exc, limit)
            await _aclose(self._chunks)
            if isinstance(error, RouterError):
                raise self._interrupted(error) from exc
            raise
        self._collector.add(chunk)
        return self._give(chunk)

    async def aclose(self) -> None:
        """End it now; what was reserved for it stays charged. Twice is harmless."""
        self._head.clear()
        if not self._over:
            self._end()
            self._attempt.end("cancelled")
            await _aclose(self._chunks)
            if self._attempt.response is not None:
                await self._attempt.response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def _give(self, chunk: Answer) -> Answer:
        chunk.__dict__.update(self._stamp)
        if self._attempt.target.call.kind == "responses":
            pins.pin(chunk, self._attempt.deployment.id)
        return chunk

    def _limit(self) -> Limit:
        total, left = self._attempt.total, self._ends_at - time.monotonic()
        if self._silence is not None and self._silence.seconds < left:
            return self._silence
        return Limit(max(left, 0.0), total.kind, total.name)

    def _end(self) -> None:
        self._over = True
        self._forgotten.detach()

    def _interrupted(self, error: RouterError) -> StreamInterrupted:
        return StreamInterrupted(
            f"the stream broke off: {error.message}",
            received=self._collector.answer(),
            status_code=error.status_code,
            llm_provider=error.llm_provider,
            model=error.model,
            deployment=error.deployment,
            response=error.response,
            retry_after=error.retry_after,
            kind=error.kind,
            reason=error.reason,
            attempts=self._attempt.plan.attempts,
        )


class SyncStream:
    """The same for callers without an event loop: an iterator, closed with `close` or `with`."""

    def __init__(self, stream: Stream, background: Background) -> None:
        self._stream, self._background = stream, background

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[Answer]:
        return self

    def __next__(self) -> Answer:
        chunk = self._background.run(_next(self._stream))
        if chunk is None:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """See `Stream.aclose`."""
        self._background.run(self._stream.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def _chunks(attempt: Attempt) -> AsyncIterator[Answer]:
    mock = mocks.of(attempt.plan.options, attempt.deployment)
    if mock is not None:
        attempt.began()
        return mocks.chunks(attempt.target.call, attempt.deployment, mock)
    return await attempt.adapter.chunks(attempt.call(), attempt)


async def _next(stream: Stream) -> Answer | None:
    return await anext(stream, None)


async def _aclose(chunks: AsyncIterator[Answer]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        with suppress(RuntimeError):  # it is already running its end
            await close()


def _forget(attempt: Attempt, chunks: AsyncIterator[Answer], loop: asyncio.AbstractEventLoop) -> None:
    """A stream nobody holds any more: settle at once, and let its loop close the connection."""
    attempt.end("cancelled")
    if not loop.is_closed():
        with suppress(RuntimeError):  # closed in the meantime
            loop.call_soon_threadsafe(_close_later, attempt, chunks, loop)


def _close_later(attempt: Attempt, chunks: AsyncIterator[Answer], loop: asyncio.AbstractEventLoop) -> None:
    async def close() -> None:
        await _aclose(chunks)
        if attempt.response is not None:
            await attempt.response.aclose()

    task = loop.create_task(close())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
