"""Fifty Routers of one pool, as they are: their retries, waits and cooldowns, the scripts in a memory engine.

Only what is below them is replaced: time, the threads of their Stores, and the provider, which is an `Upstream`.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from router_core import Router
from router_core.answering.answers import Answer
from router_core.providers.base import Call, Kind, Sender
from router_core.simulator.traces import Arrival
from router_core.state.engines import MemoryEngine
from tests.sim.clock import Clock, adopt
from tests.sim.upstream import Upstream
from tests.sim.world import WORKERS, Deployment, Scenario

TTFT_TIMEOUT = 15.0
_PROMPT = "x" * 400_000  # four characters are a token
_MESSAGE = 4  # tokens that a message takes besides


@dataclass(frozen=True)
class Strategy:
    """`arguments`: what a Router is made with besides the deployments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class _Adapter:
    """Calls an Upstream; `sim` in the body is (number of the call, arrival)."""

    kinds: frozenset[Kind] = frozenset({"chat"})

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def answer(self, call: Call, sender: Sender) -> Answer:
        raise NotImplementedError("all calls here are streams")

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        sender.began()
        number, arrival = call.body["sim"]
        return self._chunks(number, arrival)

    async def _chunks(self, number: int, arrival: Arrival) -> AsyncIterator[Answer]:
        async for _ in self._upstream.stream(arrival, number):
            yield Answer({"choices": [{"index": 0, "delta": {"content": "x"}}]})
        usage = {"prompt_tokens": arrival.input_tokens, "completion_tokens": arrival.output_tokens}
        yield Answer({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})


class Fleet:
    """Fifty workers; `call` is a caller at one of them."""

    def __init__(self, strategy: Strategy, scenario: Scenario, upstreams: Mapping[str, Upstream], clock: Clock) -> None:
        engine = MemoryEngine(clock.time_ns)
        adapters = {"sim": lambda deployment: _Adapter(upstreams[deployment.id])}
        entries = [_entry(one) for one in scenario.deployments]
        self._routers = []
        for number in range(WORKERS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that memory:// is shared by no other process is the point here
                router = Router(
                    entries,
                    adapters=adapters,
                    transport=httpx.MockTransport(_nowhere),
                    random=Random(scenario.seed * WORKERS + number),
                    **{"ttft_timeout": TTFT_TIMEOUT, "pool": "sim", **strategy.arguments},
                )
            router.store.engine = engine
            adopt(router.store.background)
            _name(router, number, scenario.seed)
            self._routers.append(router)

    async def call(self, worker: int, number: int, arrival: Arrival) -> AsyncIterator[str]:
        """Yields who serves it when the first token is there; ends with the last. Raises RouterError."""
        prompt = _PROMPT[: 4 * max(0, arrival.input_tokens - _MESSAGE)]
        stream = await self._routers[worker].acompletion(
            "model", [{"role": "user", "content": prompt}], stream=True, sim=(number, arrival)
        )
        yield str(stream.deployment)
        async for _ in stream:
            pass


def _entry(one: Deployment) -> dict[str, Any]:
    return {
        "model_name": "model",
        "litellm_params": {
            "model": "sim/model",
            "rpm": one.rpm,
            "tpm": one.tpm,
            "input_cost_per_token": one.input_price / 1e6,
            "output_cost_per_token": one.output_price / 1e6,
        },
        "model_info": {"id": one.id, "account": one.id},
    }


def _name(router: Router, number: int, seed: int) -> None:
    """The same names and seeds in every run."""
    worker = router.store._process().worker
    worker.name, worker._prefix, worker.new_epoch = f"worker-{number}", f"0.{number:08x}.", f"{seed:016x}"
    worker._random = Random(seed * WORKERS + number)


def _nowhere(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"a simulated call went to {request.url.host}")
