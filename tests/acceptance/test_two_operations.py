"""What a call costs in the shared state: two operations, and under load fewer script calls than operations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from router_core import Router
from router_core.choosing.custom import RouteRequest
from router_core.simulator import Behaviour, Lognormal, Upstream
from router_core.state.records import Acquire, Outcome, Snapshot
from tests.acceptance.rig import PROMPT, entry
from tests.servers import Server

CALLS = 200


def by_tier(request: RouteRequest, snapshot: Snapshot) -> str:
    return "one" if request.user == "vip" else "two"


@asynccontextmanager
async def routed(engine: Server, pool: str, **arguments: Any) -> AsyncIterator[Router]:
    """A router with two deployments whose limits make it reserve, after its first call."""
    async with Upstream(Behaviour(latency=Lognormal(0.01, 0.5))) as upstream:
        limits: dict[str, Any] = {"rpm": 100_000, "tpm": 100_000_000, "max_parallel_requests": 1000}
        models = [entry(upstream.url, id, **limits) for id in ("one", "two")]
        async with Router(model_list=models, redis_url=engine.url, pool=pool, **arguments) as router:
            await router.acompletion("m", PROMPT)
            await router.store.flush()
            yield router


async def plain(router: Router) -> None:
    await router.acompletion("m", PROMPT, user="vip")


async def streamed(router: Router) -> None:
    async for _ in await router.acompletion("m", PROMPT, stream=True):
        pass


async def embedded(router: Router) -> None:
    await router.aembedding("m", "hello")


def scripts_run(engine: Server) -> int:
    """Script calls the server has run, of whomever."""
    with engine.operator() as client:
        stats: Any = client.info("commandstats")
        return sum(int(stats[name]["calls"]) for name in ("cmdstat_evalsha", "cmdstat_fcall") if name in stats)


@pytest.mark.parametrize("call", [plain, streamed, embedded])
@pytest.mark.parametrize("strategy", ["latency-based-routing", by_tier])
async def test_a_call_costs_two_operations(engine: Server, pool: str, call: Any, strategy: Any) -> None:
    """One after the other, each operation is a script call of its own; the server's own count says so too."""
    async with routed(engine, pool, routing_strategy=strategy) as router:
        before, run_before = router.store.operations, scripts_run(engine)
        for _ in range(CALLS // 4):
            await call(router)
            await router.store.flush()
        operations, scripts = (now - then for now, then in zip(router.store.operations, before, strict=True))
        assert (operations, scripts) == (CALLS // 2, CALLS // 2)
        run = scripts_run(engine) - run_before
        background = 40  # snapshots for the routing function twice a second, heartbeats, other tests' workers
        assert scripts <= run <= scripts + background


async def test_under_load_operations_travel_together(engine: Server, pool: str) -> None:
    async with routed(engine, pool, routing_strategy=by_tier) as router:
        before = router.store.operations
        await asyncio.gather(*(call(router) for call in (plain, streamed, embedded) * (CALLS // 3)))
        await router.store.flush()
        operations, scripts = (now - then for now, then in zip(router.store.operations, before, strict=True))
        print(f"\n{operations} operations in {scripts} script calls")
        assert operations == 2 * 3 * (CALLS // 3)
        assert scripts < operations / 2


async def test_what_is_not_one_of_the_two_is_counted_apart(engine: Server, pool: str) -> None:
    """A retry asks and settles once more; cancels and renewals are verbs of their own, also in the metrics."""
    registry = CollectorRegistry()
    async with Upstream(Behaviour(latency=0.05)) as upstream:
        models = [entry(upstream.url, "one", max_parallel_requests=1)]
        arguments: dict[str, Any] = {
            "redis_url": engine.url,
            "pool": pool,
            "metrics": registry,
            "disable_cooldowns": True,
        }
        async with Router(model_list=models, **arguments) as router:
            upstream.fail(500, times=1)
            await router.acompletion("m", PROMPT)
            waiting = [asyncio.create_task(router.acompletion("m", PROMPT)) for _ in range(2)]
            await asyncio.sleep(0.03)
            for call in waiting:
                call.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            lease = await router.store.acquire(Acquire("m", ("one",), max_wait=2.0))
            await router.store.renew(lease, 60.0)
            router.store.settle(lease, Outcome("ok"))
            await router.store.flush()
            verbs = router.store.verbs
            assert verbs["settle"] == 4, "the failure, its retry, the call that was running when it was cancelled, ours"
            assert verbs["cancel"] == 1, "the call that was still waiting for room"
            assert (verbs["renew"], verbs["again"]) == (1, 0)
            assert router.store.operations[0] == verbs.total()  # type: ignore[attr-defined]
            generate_latest(registry)  # asks for a reading
            text = generate_latest(registry).decode()
            assert f'router_core_store_operations_total{{pool="{pool}",verb="renew"}} 1.0' in text
