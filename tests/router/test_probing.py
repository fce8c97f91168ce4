"""Health checks: deployments that no call tells of are probed, and how that ends counts like a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from router_core import probing
from router_core.hooks import Probed
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from router_core.state.engines import MemoryEngine
from tests.router.rig import PROMPT, Seen, entry, state_of, until
from tests.state.kit import beat

CHECK = {"interval": 30, "timeout": 1}


class Fleet:
    """Routers of one pool in one memory, whose time is moved; they look again every few milliseconds.

    Time that is to pass for living workers `goes_by`: each sends its heartbeat and looks, however slow the machine is.
    """

    def __init__(self, pool: str) -> None:
        self._pool, self._offset, self.made = pool, 0, list[Router]()
        self._engine = MemoryEngine(lambda: time.time_ns() + self._offset)

    def move(self, seconds: float) -> None:
        self._offset += int(seconds * 1e9)

    async def goes_by(self, seconds: float) -> None:
        self.move(seconds)
        for router in self.made:
            await beat(router.store)
        for router in self.made:
            await asyncio.wrap_future(router.store.background.submit(router._probing.look()))

    async def router(self, *models: dict[str, Any], **arguments: Any) -> Router:
        """One that has joined."""
        router = Router(list(models), **{"redis_url": "memory://", "pool": self._pool, **arguments})
        router.store.engine = self._engine
        self.made.append(router)
        await router.snapshot()
        return router


@pytest.fixture
async def fleet(pool: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    monkeypatch.setattr(probing, "MOST", 0.02)
    monkeypatch.setattr(probing, "LEAST", 0.02)
    made = Fleet(pool)
    yield made
    for router in made.made:
        await router.aclose()


def probes_of(seen: Seen, count: int) -> Callable[[], bool]:
    return lambda: len(seen.of(Probed)) >= count


async def test_one_that_nobody_uses_is_probed_once_an_interval(fleet: Fleet, first: Upstream) -> None:
    seen = Seen()
    router = await fleet.router(entry(first, "one"), health_check=CHECK, hooks=[seen])
    await until(probes_of(seen, 1))
    await asyncio.sleep(0.2)
    fleet.move(31)
    await until(probes_of(seen, 2))
    assert [(one.group, one.deployment, one.kind) for one in seen.of(Probed)] == [("m", "one", "ok")] * 2
    now = await state_of(router, "one")
    assert (now.inflight, now.latency_ms, now.ok) == (0, None, 2)
    bodies = [visit.path for visit in first.log.visits()]
    assert len(bodies) == 2


async def test_a_probe_brings_it_back_before_its_cooldown_ends(fleet: Fleet, first: Upstream) -> None:
    router = await fleet.router(
        entry(first, "one"), health_check=CHECK, cooldown_time=200, allowed_fails=0, num_retries=0
    )
    await until(lambda: first.log.arrived == 1)
    first.fail(500)
    with pytest.raises(Exception, match="status 500"):
        await router.acompletion("m", PROMPT)
    assert (await state_of(router, "one")).health == "open"
    first.heal()
    fleet.move(31)
    async with asyncio.timeout(5):
        while (await state_of(router, "one")).health == "open":  # noqa: ASYNC110 - the pool has no event
            await asyncio.sleep(0.01)
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    assert "recovered" in [event.kind for event in await router.store.events()]


async def test_failures_of_probes_open_the_breaker_before_a_caller_meets_them(fleet: Fleet, first: Upstream) -> None:
    seen = Seen()
    first.fail(500)
    router = await fleet.router(entry(first, "one"), health_check=CHECK, allowed_fails=0, hooks=[seen])
    await until(probes_of(seen, 1))
    now = await state_of(router, "one")
    assert (now.health, now.reason) == ("open", "server")


async def test_a_deployment_that_hangs_fails_by_the_probe_s_own_timeout(fleet: Fleet, first: Upstream) -> None:
    seen = Seen()
    first.behaviour = Behaviour(latency=30)
    router = await fleet.router(entry(first, "one"), health_check={"timeout": 0.05}, hooks=[seen])
    await until(probes_of(seen, 1))
    assert seen.of(Probed)[0].kind == "timeout"
    now = await state_of(router, "one")
    assert (now.failed, now.inflight, now.latency_ms) == (1, 0, None)


async def test_a_path_is_asked_instead_of_the_model(fleet: Fleet, first: Upstream) -> None:
    seen = Seen()
    check = {"path": "/models"}
    router = await fleet.router(entry(first, "one", health_check=check), hooks=[seen])
    await until(probes_of(seen, 1))
    assert (await state_of(router, "one")).tokens == 0
    assert first.log.arrived == 0, "no model was called"
    assert seen.of(Probed)[0].kind == "ok"


async def test_a_path_is_asked_with_the_deployment_s_key(fleet: Fleet, first: Upstream) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    model = entry(first, "one", health_check={"path": "/models"})
    await fleet.router(model, transport=httpx.MockTransport(answer))
    await until(lambda: len(asked) == 1)
    assert (asked[0].method, str(asked[0].url)) == ("GET", f"{first.url}/models")
    assert asked[0].headers["authorization"] == "Bearer key-of-one"


async def test_only_one_worker_probes_and_the_next_takes_over_when_it_leaves(fleet: Fleet, first: Upstream) -> None:
    one, other = Seen(), Seen()
    leaving = await fleet.router(entry(first, "one"), health_check=CHECK, hooks=[one])
    await until(probes_of(one, 1))
    await fleet.router(entry(first, "one"), health_check=CHECK, hooks=[other])
    for number in range(2, 4):
        for _ in range(3):
            await fleet.goes_by(12)
        await until(probes_of(one, number))
    assert not other.of(Probed)
    await leaving.aclose()
    fleet.move(31)
    await until(probes_of(other, 1))


async def test_where_nobody_asked_for_it_nothing_happens(fleet: Fleet, first: Upstream) -> None:
    router = await fleet.router(entry(first, "one"))
    fleet.move(100)
    await asyncio.sleep(0.1)
    assert first.log.arrived == 0
    assert not router._probing._upkeep.running


async def test_metrics_count_probes(fleet: Fleet, first: Upstream) -> None:
    registry, seen = CollectorRegistry(), Seen()
    router = await fleet.router(entry(first, "one"), health_check=CHECK, metrics=registry, hooks=[seen])
    await until(probes_of(seen, 1))
    labels = {"pool": router.store.keys.pool, "group": "m", "deployment": "one", "outcome": "ok"}
    assert registry.get_sample_value("router_core_probes_total", labels) == 1


async def test_an_operator_asks_for_one(fleet: Fleet, first: Upstream) -> None:
    seen = Seen()
    router = await fleet.router(entry(first, "one"), health_check=CHECK, hooks=[seen])
    await until(probes_of(seen, 1))
    await router.store.probes.ask_for(["one"])
    await until(probes_of(seen, 2))


async def test_a_changed_list_is_what_is_probed_from_then_on(fleet: Fleet, first: Upstream, second: Upstream) -> None:
    seen = Seen()
    router = await fleet.router(entry(first, "one"), hooks=[seen], health_check=CHECK)
    await until(probes_of(seen, 1))
    router.set_model_list([entry(second, "two")])
    await router.snapshot()
    await until(lambda: [one.deployment for one in seen.of(Probed)] == ["one", "two"])
    router.set_model_list([entry(second, "two", health_check=False)])
    await router.snapshot()
    fleet.move(100)
    await asyncio.sleep(0.1)
    assert len(seen.of(Probed)) == 2


async def test_an_embedding_deployment_is_probed_by_an_embedding(fleet: Fleet, first: Upstream) -> None:
    seen = Seen()
    await fleet.router(entry(first, "one"), health_check={"mode": "embedding"}, hooks=[seen])
    await until(probes_of(seen, 1))
    assert seen.of(Probed)[0].kind == "ok"
    assert [visit.path for visit in first.log.visits()] == ["/v1/embeddings"]
