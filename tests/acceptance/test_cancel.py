"""1,000 calls are cancelled at random points: nothing stays in flight, and only what was sent is charged."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from router_core import Router
from router_core.simulator import Behaviour, Lognormal, Upstream
from router_core.state.records import Acquire, Lease, Outcome
from tests.acceptance.rig import PROMPT, entry
from tests.servers import Server

CALLS = 1000
LONGEST = 0.3  # seconds until a call is cancelled, at most; about as long as one takes


class Book:
    """Notes which leases the router got, and how often each was settled or given back."""

    def __init__(self, router: Router) -> None:
        store = router.store
        self._acquire, self._settle, self._cancel = store.acquire, store.settle, store.cancel
        self.got: set[str] = set()
        self.settled, self.given_back = Counter[str](), Counter[str]()
        store.acquire, store.settle, store.cancel = self.acquire, self.settle, self.cancel  # type: ignore[method-assign]

    async def acquire(self, request: Acquire) -> Lease:
        lease = await self._acquire(request)
        self.got.add(lease.id)
        return lease

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        self.settled[lease.id] += 1
        self._settle(lease, outcome)

    def cancel(self, lease: Lease) -> None:
        self.given_back[lease.id] += 1
        self._cancel(lease)


async def _call(router: Router, number: int) -> None:
    if number % 2:
        await router.acompletion("m", PROMPT, max_tokens=20)
        return
    async with await router.acompletion("m", PROMPT, max_tokens=20, stream=True) as stream:
        async for _ in stream:
            pass


async def _cancelled(router: Router, number: int, random: Random) -> str:
    task = asyncio.create_task(_call(router, number))
    after = random.uniform(-0.02, LONGEST)
    if after > -0.01:  # else before it took its first step
        await asyncio.sleep(max(0.0, after))
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"
    return "served"


@pytest.mark.slow
async def test_a_thousand_calls_cancelled_at_random_points(engine: Server, pool: str) -> None:
    """Before the decision, while waiting for room, in the upstream call, in the middle of a stream."""
    random = Random(7)
    behaviour = Behaviour(latency=Lognormal(0.05, 0.8), ttft=Lognormal(0.05, 0.8), tokens_per_second=200)
    async with Upstream(behaviour) as upstream:
        models = [entry(upstream.url, "one", rpm=100_000, tpm=50_000_000, max_parallel_requests=60)]
        async with Router(model_list=models, redis_url=engine.url, pool=pool, max_wait=5) as router:
            await router.snapshot()
            book = Book(router)
            calls = []
            for number in range(CALLS):
                calls.append(asyncio.create_task(_cancelled(router, number, random)))
                await asyncio.sleep(random.expovariate(400))
            ends = Counter(await asyncio.gather(*calls))
            await _settled(router)
            print(f"\n{dict(ends)}, {len(book.settled)} settled, {len(book.given_back)} given back")
            assert ends["cancelled"] > CALLS / 2
            assert set(book.settled.values()) <= {1}
            assert set(book.given_back.values()) <= {1}
            assert book.settled.keys() | book.given_back.keys() == book.got
            assert not book.settled.keys() & book.given_back.keys()
            state = (await router.snapshot()).deployments["one"]
            assert state.inflight == 0
            assert state.used["requests/60"] == len(book.settled), "a request is charged only for what was sent"
            assert (state.failed, state.health, state.trips) == (0, "closed", 0)
        visits = upstream.log.visits()
        assert ends["served"] <= len(visits) <= len(book.settled)
        assert upstream.log.in_flight == 0
        _nothing_is_left(engine, pool)


async def _settled(router: Router) -> None:
    """Until the pool has heard of the end of everything, also of acquires whose callers had left."""
    async with asyncio.timeout(10):
        while True:
            await router.store.flush()
            snapshot = await router.snapshot()
            if snapshot.deployments["one"].inflight == 0 and not snapshot.waiting.get("m"):
                return
            await asyncio.sleep(0.05)


def _nothing_is_left(engine: Server, pool: str) -> None:
    with engine.operator() as client:
        assert set(client.hkeys(f"rc:{{{pool}}}:lease")) <= {"~", "~writes"}
        for column in ("held", "leases", "expired", "waiting:m"):
            assert set(client.zrange(f"rc:{{{pool}}}:{column}", 0, -1)) <= {"~"}, column
