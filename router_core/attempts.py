"""One upstream call: request, answer, and the settlement of its lease, however it ends.

Settling is never awaited by the caller, and happens exactly once: with an answer, an error, a timeout or a
cancellation; for a stream when it is exhausted, closed, cancelled or forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from router_core import mocks
from router_core.answering.answers import Answer
from router_core.choosing.question import Lesson
from router_core.config import Breakers, Deployment, Settings
from router_core.costs.prices import Prices
from router_core.endings import Ending
from router_core.errors import MalformedAnswerError, RouterError, Timeout
from router_core.estimating.bounds import Bounds
from router_core.estimating.fits import Fits
from router_core.estimating.tokens import OutputLengths
from router_core.hooks import AttemptStarted, Hook
from router_core.monitoring.observing import Observer
from router_core.plan import Plan, Target
from router_core.providers.base import Adapter, Call
from router_core.state.records import Heard, Lease, OutcomeKind, StateError
from router_core.state.store import Store
from router_core.timeouts import CONNECT, LONGEST_LEASE, Limit, Timeouts

_HTTP_TIMEOUT: Mapping[str, float | None] = {"connect": CONNECT}


@dataclass(frozen=True, slots=True)
class Upstream:
    """What attempts need of the router; the same for all of them."""

    store: Store
    transport: httpx.AsyncBaseTransport
    settings: Settings
    adapters: Mapping[str, Adapter]
    prices: Prices
    timeouts: Timeouts
    lengths: OutputLengths
    fits: Fits
    emit: Hook | None
    bounds: Bounds
    observer: Observer
    siblings: Mapping[str, tuple[str, ...]]
    breakers: Breakers
    measured: frozenset[str]  # groups of whose calls percentiles are counted


class Attempt:
    """From a lease to its settlement. `end` counts once; it may be called from any thread."""

    __slots__ = (
        "_ended", "_renewal", "cost_nano", "deployment", "headers", "heard", "is_copy", "lease", "lesson", "lost",
        "plan", "response", "sent", "started", "target", "total", "ttft_ms", "upstream",
    )  # fmt: skip

    teaches = True  # its time and its length are like those of others

    def __init__(
        self,
        upstream: Upstream,
        plan: Plan,
        target: Target,
        deployment: Deployment,
        lease: Lease,
        lesson: Lesson,
        is_copy: bool = False,
    ) -> None:
        """`is_copy`: of another attempt that takes long (hedging.py)."""
        self.upstream, self.plan, self.target = upstream, plan, target
        self.deployment, self.lease, self.lesson = deployment, lease, lesson
        self.total = upstream.timeouts.total(plan, target, deployment.id)
        self.ttft_ms: float | None = None
        self.cost_nano: int | None = None
        self.headers: httpx.Headers | None = None
        self.response: httpx.Response | None = None
        self.sent = False
        self.is_copy, self.lost = is_copy, False  # lost: of the attempt and its copy, the other one answered
        self._ended = False
        self.heard: tuple[Heard, ...] = ()  # of a 429
        self._renewal: asyncio.TimerHandle | None = None
        self.started = time.perf_counter()
        if self.teaches and upstream.breakers.doubts(deployment, len(target.group.ids)):
            upstream.store.listen(lease, target.call.stream)
        if upstream.emit is not None:
            upstream.emit(AttemptStarted(lease.group, deployment.id))

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000.0

    @property
    def adapter(self) -> Adapter:
        return self.upstream.adapters[self.deployment.id]

    def call(self) -> Call:
        """The call as it is made here."""
        call = self.upstream.bounds.limited(self.target.call, self.deployment.id)
        return Call(call.kind, call.body, call.stream, _HTTP_TIMEOUT, call.captured)

    def began(self) -> None:
        """See `Sender.began`."""
        self.sent = True

    async def send(self, request: httpx.Request) -> httpx.Response:
        """See `Sender.send`."""
        self.sent = True
        self.response = response = await self.upstream.transport.handle_async_request(request)
        self.headers = response.headers
        self._observe(response)
        return response

    def keep(self) -> None:
        """Renew the lease while a call runs that may outlive it."""
        if self.total.seconds > LONGEST_LEASE and not self._ended:
            loop = asyncio.get_running_loop()
            self._renewal = loop.call_later(LONGEST_LEASE / 2, lambda: self._renew(loop))

    def end(
        self,
        kind: OutcomeKind,
        answer: Mapping[str, Any] | None = None,
        error: RouterError | None = None,
        guess: int | None = None,
    ) -> None:
        """Settle. `answer`: whose usage counts; `guess`: output tokens where a whole answer has no usage."""
        if self._ended:
            return
        self._ended = True
        if self._renewal is not None:
            self._renewal.cancel()
        ending = Ending(self, kind, answer, error, guess)
        self.cost_nano = ending.cost_nano
        ending.settle()
        ending.report()
        ending.learn()

    def _observe(self, response: httpx.Response) -> None:
        """Tell the pool what the provider says of its limits; of a 429 together with its end."""
        observer, deployment = self.upstream.observer, self.deployment.id
        if response.status_code == 429:
            self.heard = observer.refused(deployment, response.headers)
        else:
            self.upstream.store.observe(self.lease, observer.answered(deployment, response.headers))

    def _renew(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._ended:
            loop.create_task(self._renewed())
            self.keep()

    async def _renewed(self) -> None:
        with suppress(StateError):  # the next renewal is in time, and the worker's heartbeat speaks for the lease
            await self.upstream.store.renew(self.lease, LONGEST_LEASE)


async def whole(attempt: Attempt) -> Answer:
    """Send, read and decode. Raises RouterError; the lease is settled in every ending."""
    limit = attempt.total
    try:
        attempt.keep()
        async with asyncio.timeout(limit.seconds):
            answer = await _exchange(attempt)
    except BaseException as exc:
        error = await failed(attempt, exc, limit)
        if error is exc:
            raise
        raise error from exc
    attempt.end("ok", answer)
    return answer


async def failed(attempt: Attempt, exc: BaseException, limit: Limit) -> BaseException:
    """Settle an attempt that ended with `exc`, and say what the caller is to see of it."""
    error = _ours(attempt, exc, limit)
    if isinstance(error, RouterError):
        attempt.end(error.kind, error=error)
    elif isinstance(exc, asyncio.CancelledError | GeneratorExit | KeyboardInterrupt | SystemExit):
        attempt.end("cancelled")
    else:
        attempt.end("malformed")
    if attempt.response is not None and not attempt.response.is_closed:
        await attempt.response.aclose()
    return error


async def _exchange(attempt: Attempt) -> Answer:
    mock = mocks.of(attempt.plan.options, attempt.deployment)
    if mock is not None:
        attempt.began()
        return mocks.answer(attempt.target.call, attempt.deployment, mock)
    return await attempt.adapter.answer(attempt.call(), attempt)


def _ours(attempt: Attempt, exc: BaseException, limit: Limit) -> BaseException:
    deployment = attempt.deployment
    facts: dict[str, Any] = {
        "llm_provider": deployment.provider, "model": deployment.model, "deployment": deployment.id,
    }  # fmt: skip
    if isinstance(exc, TimeoutError) and not isinstance(exc, RouterError):
        text = f"no answer within {limit.seconds:.3g} s ({limit.name})"
        return Timeout(text, kind=limit.kind, reason=limit.name, retryable=limit.kind == "timeout", **facts)
    if isinstance(exc, RouterError):
        if exc.deployment is None:
            exc.deployment, exc.llm_provider, exc.model = deployment.id, deployment.provider, deployment.model
        return exc
    if isinstance(exc, httpx.DecodingError | UnicodeDecodeError):
        return MalformedAnswerError(f"the answer cannot be decoded: {type(exc).__name__}", **facts)
    return exc
