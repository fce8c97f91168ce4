"""The Router: the story of a request.

call        one method a kind of call                                  calls.py, batches.py
plan        which group, which fallbacks, how long, how often          plan.py, fallbacks.py, retries.py
decide      who serves now, asked of the pool in one script call       choosing/decisions.py, choosing/candidates.py
            whether the fleet may make the call at all                 choosing/allowance.py
attempt     one upstream call, settled in every ending                 attempts.py, streaming.py, serving.py
hedge       another one, where the first takes unusually long          hedging.py, estimating/estimates.py
answer      OpenAI-shaped, with who gave it and what it took           answering/stamp.py, answering/answers.py

Beside it one worker of the fleet looks after deployments that no call tells of: probing.py.
The parts of it are made from the configuration in wiring.py; catalogue.py changes that while the router lives.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from os import PathLike
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx

from router_core import config, fallbacks
from router_core.answering.answers import Answer
from router_core.attempts import Attempt
from router_core.batches import Batches
from router_core.calls import Messages
from router_core.catalogue import Catalogue
from router_core.choosing.watch import Watch
from router_core.errors import RouterError
from router_core.estimating.estimates import Estimates
from router_core.estimating.fits import Fits
from router_core.estimating.tokens import OutputLengths
from router_core.hooks import Hook, RequestEnded, join
from router_core.http.transport import Transport
from router_core.membership import Membership
from router_core.mirror import Mirror
from router_core.plan import Plan, Target
from router_core.probing import Probing
from router_core.providers import ADAPTERS, Factory
from router_core.providers.base import Kind
from router_core.state.names import unescape
from router_core.state.records import Explanation, Rows, Snapshot
from router_core.state.store import Store
from router_core.strategies import Strategy, sources
from router_core.streaming import Stream, SyncStream
from router_core.wiring import Parts, Wiring, described, load, wire

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from router_core.metrics import Metrics


class Router(Catalogue, Batches):
    """Routes calls over deployments that a fleet of processes shares. LiteLLM's Router arguments, validated.

    Besides: `adapters` (providers of one's own), `strategies` (`Strategy.from_lua`), `hooks` (called with each event),
    `metrics` (a Prometheus registry, or True for the default one), `transport` (any httpx transport), `random`.
    Nothing is connected before the first call. Raises ConfigurationError with everything that is wrong.
    """

    def __init__(
        self,
        model_list: Sequence[Any] | None = None,
        *,
        adapters: Mapping[str, Factory] | None = None,
        strategies: Sequence[Strategy] = (),
        hooks: Sequence[Hook] = (),
        metrics: CollectorRegistry | Literal[True] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        random: Random | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(model_list or (), arguments)
        adapters = {**ADAPTERS, **(adapters or {})}
        settings, deployments = load(self._entries, arguments, adapters, strategies, stacklevel=3)
        ranks = sources(extra=strategies)
        self.store = Store(settings.store_url or "memory://", pool=settings.pool, ranks=ranks, client=settings.redis)
        self._background = self.store.background
        members, rows = described(settings, deployments)
        self._metrics = None if metrics is None else _metrics(metrics, self.store, deployments, rows)
        self._own_transport = transport is None
        self._parts = Parts(
            store=self.store,
            transport=transport or Transport(),
            watch=Watch(self.store, partial(_reweigh, weakref.ref(self))),
            lengths=OutputLengths(),
            fits=Fits(),
            estimates=Estimates(self.store),
            emit=join(hooks if self._metrics is None else (*hooks, self._metrics)),
            adapters=adapters,
            strategies=strategies,
            random=random or Random(),
        )
        self._mirror = Mirror(self._request)
        self._wiring = wire(settings, deployments, self._parts)
        self.store.on_fit = partial(_adopt, weakref.ref(self))
        self._probing = Probing(self.store, partial(_wiring_of, weakref.ref(self)), self._parts.random)
        self._member = Membership(self.store, members, rows, self._probing.start)

    @classmethod
    def from_yaml(cls, path: str | PathLike[str], **arguments: Any) -> Self:
        """A Router from LiteLLM's config.yaml; `arguments` go before what the file says."""
        return cls(**{**config.from_yaml(path, stacklevel=3), **arguments})

    async def _request(self, kind: Kind, model: str, arguments: dict[str, Any]) -> Answer | Stream:
        wiring = self._wiring
        plan = wiring.planner.plan(kind, model, arguments)
        try:
            if not self._member.joined:
                await self._member.join()
            answer = await fallbacks.run(wiring.planner, plan, partial(self._serve, wiring))
        except RouterError as error:
            error.attempts = tuple(plan.attempts)
            self._report(plan, kind, None, error)
            raise
        self._report(plan, kind, answer, None)
        return answer

    async def _serve(self, wiring: Wiring, plan: Plan, target: Target, may_wait: bool) -> Answer | Stream:
        """One group: an attempt, and others while the budget lasts."""

        async def once(tried: frozenset[str]) -> Answer | Stream:
            lease, decision, lesson = await wiring.decisions.acquire(plan, target, tried, may_wait)
            deployment = wiring.planner.deployments[lease.deployment]
            attempt = Attempt(wiring.upstream, plan, target, deployment, lease, lesson)
            if deployment.silent_model is not None and not (plan.options.mirrored or plan.attempts):
                self._mirror.copy(target.call, deployment.silent_model)
            return await wiring.hedging.serve(attempt, decision, tried)

        return await wiring.retries.run(plan, target, once)

    def _report(self, plan: Plan, kind: str, answer: Answer | Stream | None, error: RouterError | None) -> None:
        if self._parts.emit is not None:
            self._parts.emit(
                RequestEnded(
                    group=plan.target.group.name,
                    served_by=None if answer is None else answer.decision.group,
                    call=kind,
                    kind="ok" if error is None else error.kind,
                    error="" if error is None else type(error).__name__,
                    ms=plan.elapsed_ms(),
                    attempts=len(plan.attempts) + isinstance(answer, Stream),
                    fallbacks=plan.fallbacks,
                )
            )

    async def snapshot(self) -> Snapshot:
        """The pool now: deployments, health, limits, workers. Raises StateError."""
        if not self._member.joined:
            await self._member.join()
        return await self.store.snapshot()

    async def explain(self, model: str, messages: Messages = (), **parameters: Any) -> Explanation:
        """What would be decided for this call: candidates, ranks, refusals; without effect."""
        if not self._member.joined:
            await self._member.join()
        wiring = self._wiring
        return await wiring.decisions.explain(wiring.planner.plan("chat", model, {"messages": messages, **parameters}))

    async def aclose(self) -> None:
        """Send what is left to settle, leave the pool, close connections. Twice is harmless."""
        await self._mirror.aclose()
        self._parts.watch.close()
        self._probing.close()
        self._parts.estimates.close()
        if self._metrics is not None:
            self._metrics.close()
        if self._own_transport:
            await self._parts.transport.aclose()
        await self.store.aclose()

    def close(self) -> None:
        """`aclose` without an event loop."""
        asyncio.run(self.aclose())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _wait(self, coro: Coroutine[Any, Any, Any]) -> Any:
        answer = self._background.run(coro)
        return SyncStream(answer, self._background) if isinstance(answer, Stream) else answer


def _metrics(
    registry: CollectorRegistry | Literal[True],
    store: Store,
    deployments: Sequence[config.Deployment],
    rows: Sequence[Rows],
) -> Metrics:
    from router_core.metrics import Metrics  # prometheus_client is loaded by who wants it

    subjects = [unescape(one.subject) for one in rows if not one.subject.endswith(":*")]
    return Metrics(registry, store, [(one.model_name, one.id) for one in deployments], subjects)


def _adopt(
    router: weakref.ref[Router], deployment: str, ratio: float, plain: float | None, tools: float | None
) -> None:
    """The fleet learned how a deployment counts. Held weakly: a forgotten router ends at once."""
    alive = router()
    if alive is not None and (one := alive._wiring.planner.deployments.get(deployment)) is not None:
        alive._parts.fits.adopt(one.group, one.provider, deployment, ratio, plain, tools)


def _wiring_of(router: weakref.ref[Router]) -> Wiring | None:
    alive = router()
    return None if alive is None else alive._wiring


def _reweigh(router: weakref.ref[Router], snapshot: Snapshot) -> None:
    """Large groups are sampled by the weights in force. Held weakly: a forgotten router ends at once."""
    alive = router()
    if alive is not None:
        alive._wiring.planner.reweigh(snapshot)
