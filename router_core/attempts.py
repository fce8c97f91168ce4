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
from router_core.costs.usage import Usage, usage_of
from router_core.errors import AttemptRecord, ContextWindowExceededError, MalformedAnswerError, RouterError, Timeout
from router_core.estimating.bounds import Bounds
from router_core.estimating.estimates import sample
from router_core.estimating.fits import Fits
from router_core.estimating.tokens import OutputLengths
from router_core.hooks import AttemptEnded, AttemptStarted, Hook
from router_core.monitoring.observing import Observer
from router_core.plan import Plan, Target
from router_core.providers.base import Adapter, Call
from router_core.state.records import Heard, Lease, Outcome, OutcomeKind, StateError
from router_core.state.store import Store
from router_core.timeouts import CONNECT, LONGEST_LEASE, Limit, Timeouts

_HTTP_TIMEOUT: Mapping[str, float | None] = {"connect": CONNECT}

_FREE = frozenset({"rate_limit", "auth", "not_found", "connect", "context_window"})  # nobody is billed for those


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
        "_ended", "_heard", "_lesson", "_renewal", "cost_nano", "deployment", "headers", "is_copy", "lease", "lost",
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
        self.deployment, self.lease, self._lesson = deployment, lease, lesson
        self.total = upstream.timeouts.total(plan, target, deployment.id)
        self.ttft_ms: float | None = None
        self.cost_nano: int | None = None
        self.headers: httpx.Headers | None = None
        self.response: httpx.Response | None = None
        self.sent = False
        self.is_copy, self.lost = is_copy, False  # lost: of the attempt and its copy, the other one answered
        self._ended = False
        self._heard: tuple[Heard, ...] = ()  # of a 429
        self._renewal: asyncio.TimerHandle | None = None
        self.started = time.perf_counter()
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
        ms, group = self.elapsed_ms(), self.target.group
        usage = usage_of(answer, self.target.call)
        sent, made = usage.sent, usage.made
        if self._heard and kind == "rate_limit":
            sent = made = 0  # what a 429 has counted its headers say
        made = guess if made is None and kind == "ok" else made
        self.cost_nano = self._cost(answer, usage) if kind == "ok" else None
        status = None if error is None else error.status_code
        outcome = Outcome(
            kind=kind,
            total_ms=ms if self.teaches else None,
            ttft_ms=self.ttft_ms,
            input_tokens=sent,
            output_tokens=made,
            cost_nano=0 if kind in _FREE else self.cost_nano,
            retry_after=None if error is None else error.retry_after,
            stream=self.target.call.stream,
            breaker=self.upstream.breakers.of(self.deployment, len(group.ids), kind, status),
            learn=self._lesson.latency,
            context_tokens=self._window(error),
            adaptive=self.deployment.adaptive_concurrency is not None,
            guess=self._taught(kind, sent),
            tools=self._lesson.tools,
            throttled=self.upstream.settings.adaptive_throttling is not None,
            sample=self._sample(kind, ms),
        )
        if self.sent:
            self.plan.sent = (*self.plan.sent, group.name)
            self.upstream.store.settle(self.lease, outcome)
            self.upstream.store.observe(self.lease, self._heard, refused=True)
            if kind == "rate_limit" and outcome.retry_after and outcome.breaker.max_cooldown:
                siblings = self.upstream.siblings.get(self.deployment.id, ())
                self.upstream.store.pause(siblings, outcome.retry_after, outcome.breaker.max_cooldown)
        else:  # nothing went upstream, so all that was reserved comes back
            self.upstream.store.cancel(self.lease)
        reason = "hedge_lost" if self.lost and kind == "cancelled" else "" if error is None else error.reason
        self._report(kind, status, ms, sent, made, reason)
        self._learn(usage, error)
        if kind == "ok" and made is not None and self.teaches:
            self.upstream.lengths.learn(group.name, made)

    def _sample(self, kind: OutcomeKind, ms: float) -> tuple[float | None, float | None] | None:
        hedge = self.plan.options.hedge
        measured = self.target.group.name in self.upstream.measured or bool(hedge and hedge.percent)
        if not (measured and self.teaches):
            return None
        gave_up = self.lost and not self.is_copy  # a copy that lost did not take long
        return sample(kind, self.target.call.stream, self.ttft_ms, ms, gave_up)

    def _observe(self, response: httpx.Response) -> None:
        """Tell the pool what the provider says of its limits; of a 429 together with its end."""
        observer, deployment = self.upstream.observer, self.deployment.id
        if response.status_code == 429:
            self._heard = observer.refused(deployment, response.headers)
        else:
            self.upstream.store.observe(self.lease, observer.answered(deployment, response.headers))

    def _window(self, error: RouterError | None) -> int | None:
        """The deployment's context window as its error tells it; a wildcard has many models."""
        return error.window if isinstance(error, ContextWindowExceededError) and not self.target.call.captured else None

    def _taught(self, kind: OutcomeKind, sent: int | None) -> int | None:
        """The estimate, where its miss is worth telling the fleet."""
        lesson, fits = self._lesson, self.upstream.fits
        if kind != "ok" or not sent or not lesson.guess:
            return None
        return lesson.guess if fits.teaches(self.deployment.id, lesson.guess, lesson.tools, sent) else None

    def _cost(self, answer: Mapping[str, Any] | None, usage: Usage) -> int | None:
        captured = self.target.call.model_of(self.deployment.model) if self.target.call.captured else None
        names = (None if answer is None else answer.get("model"), captured)
        return self.upstream.prices.cost_nano(self.deployment.id, usage, names)

    def _learn(self, usage: Usage, error: RouterError | None) -> None:
        """What this call teaches of the deployment's window."""
        deployment, group = self.deployment, self.target.group
        if isinstance(error, ContextWindowExceededError):
            if error.window is not None or error.reason == "too_long":  # else it is a limit of tokens a minute
                least = group.overflowed(deployment.id, self._window(error))
                self.plan.least_input = max(self.plan.least_input, least, error.requested or 0)
        elif usage.sent:
            group.took(deployment.id, usage.sent)

    def _report(
        self, kind: OutcomeKind, status: int | None, ms: float, sent: int | None, made: int | None, reason: str
    ) -> None:
        deployment, attempts, emit = self.deployment, self.plan.attempts, self.upstream.emit
        attempts.append(AttemptRecord(deployment.id, kind, 200 if kind == "ok" else status, ms, reason))
        if emit is not None:
            emit(AttemptEnded(
                self.lease.group, deployment.id, deployment.provider, kind, status, ms, self.ttft_ms,
                self.target.call.stream, sent, made, self.cost_nano, retry=len(attempts) > 1 + self.plan.hedges,
            ))  # fmt: skip

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
