"""What prompt-cache affinity makes of a recorded trace of conversations, against a shuffle: in virtual time, with the
real scripts.

The trace (Mooncake, https://github.com/kvcache-ai/Mooncake) says which blocks of 512 tokens the prompts share, by
`hash_ids`. The first block is the same in all of them.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from router_core.router import Router
from router_core.state.records import Lease, Outcome
from tests.state.kit import Place

TRACE = Path(__file__).parents[3] / "shared/data/traces/mooncake/conversation_trace.jsonl"
BLOCK = 512  # tokens
CHARACTERS = 4  # a token
DEPLOYMENTS = 8
KEPT = 5000  # blocks that a deployment's cache holds
PREFILL, DECODE = 8000.0, 33.0  # tokens a second
CALLS = 5000

pytestmark = pytest.mark.skipif(not TRACE.is_file(), reason=f"there is no trace at {TRACE}")


@dataclass
class Cache:
    """The prefix cache of one deployment: the blocks that were used last."""

    blocks: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def hits(self, ids: list[int]) -> int:
        """How many blocks of a prompt's beginning are there; then all of them are."""
        known = next((i for i, id in enumerate(ids) if id not in self.blocks), len(ids))
        for id in ids:
            self.blocks[id] = None
            self.blocks.move_to_end(id)
        while len(self.blocks) > KEPT:
            self.blocks.popitem(last=False)
        return known


def calls() -> Iterator[dict[str, Any]]:
    with TRACE.open() as lines:
        yield from map(json.loads, islice(lines, CALLS))


def prompt(call: dict[str, Any]) -> list[dict[str, str]]:
    """A text in which the same blocks are the same characters."""
    text = "".join(f"{id:<{BLOCK * CHARACTERS}}" for id in call["hash_ids"][:40])
    return [{"role": "user", "content": text[: call["input_length"] * CHARACTERS]}]


class Fleet:
    """Two workers before eight deployments, whose time is the trace's."""

    def __init__(self, place: Place, **arguments: Any) -> None:
        self.place = place
        models = [
            {
                "model_name": "m",
                "litellm_params": {"model": "openai/sim", "api_key": "k", "api_base": f"http://127.0.0.1:{9 + i}"},
                "model_info": {"id": f"d{i}"},
            }
            for i in range(DEPLOYMENTS)
        ]
        self.routers = [
            Router(model_list=models, redis_url="memory://", pool=place.pool, random=Random(i), **arguments)
            for i in range(2)
        ]
        for router in self.routers:
            router.store.engine = place.engine()
        self.caches = [Cache() for _ in range(DEPLOYMENTS)]
        self.blocks, self.hit, self.now = 0, 0, 0
        self.served: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.running: list[tuple[float, int, Router, Lease]] = []
        self.number = count()

    async def replay(self) -> None:
        for router in self.routers:
            await router._member.join()
        for number, call in enumerate(calls()):
            await self.move(call["timestamp"])
            await self.serve(self.routers[number % 2], call)

    async def move(self, now: int) -> None:
        while self.running and self.running[0][0] <= now:
            _, _, router, lease = heapq.heappop(self.running)
            router.store.settle(lease, Outcome("ok", 100.0))
        for router in self.routers:
            await router.store.flush()
        if now > self.now:
            self.place.move(now - self.now)
            self.now = now

    async def serve(self, router: Router, call: dict[str, Any]) -> None:
        wiring = router._wiring
        plan = wiring.planner.plan("chat", "m", {"messages": prompt(call)})
        lease, _, _ = await wiring.decisions.acquire(plan, plan.target, (), False)
        hits = self.caches[int(lease.deployment[1:])].hits(call["hash_ids"])
        self.hit += hits
        self.blocks += len(call["hash_ids"])
        self.served[lease.deployment] += 1
        self.tokens[lease.deployment] += call["input_length"] + call["output_length"]
        computed = max(0, call["input_length"] - hits * BLOCK)
        ms = (computed / PREFILL + call["output_length"] / DECODE) * 1000
        heapq.heappush(self.running, (self.now + ms, next(self.number), router, lease))

    async def aclose(self) -> None:
        for router in self.routers:
            await router.aclose()


@pytest.fixture
async def places() -> AsyncIterator[list[Place]]:
    made = [Place("memory://", f"trace-{i}") for i in range(2)]
    for place in made:
        place.freeze()
    yield made
    for place in made:
        await place.aclose()


def above_mean(loads: Counter[str]) -> float:
    return max(loads.values()) * DEPLOYMENTS / sum(loads.values())


async def test_affinity_at_least_doubles_the_hit_rate_and_keeps_the_load_even(places: list[Place]) -> None:
    rates, peaks = [], []
    for place, arguments in zip(places, [{}, {"optional_pre_call_checks": ["prompt_caching"]}], strict=True):
        fleet = Fleet(place, **arguments)
        await fleet.replay()
        rates.append(fleet.hit / fleet.blocks)
        peaks.append((above_mean(fleet.served), above_mean(fleet.tokens)))
        await fleet.aclose()
    (shuffled, affine), (calls, tokens) = rates, peaks[1]
    print(f"prefix cache hits: {shuffled:.3f} shuffled, {affine:.3f} with affinity ({affine / shuffled:.2f} times)")
    print(f"most loaded of {DEPLOYMENTS}: {calls:.3f} x the mean in calls, {tokens:.3f} x in tokens")
    assert affine > 2 * shuffled
    assert max(calls, tokens) < 1.25
