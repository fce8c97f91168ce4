"""What the metrics say of the pool: read in the background, right on every engine, and never in a scrape's way."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from router_core import strategies
from router_core.metrics import Metrics
from router_core.monitoring.pool_reading import PoolReading
from router_core.state.records import Acquire, Declared, Outcome, Rows
from router_core.state.store import Store

DECLARED = (
    Declared("a", "chat", "openai", "acc", weight=2.0, limits={"requests/60": 10, "tokens/60": 1000, "concurrent": 4}),
    Declared("b", "chat", "openai", "acc"),
)
NAMED = ["account:acc", "team:r ed", "team:nobody"]
A = {"group": "chat", "deployment": "a"}


@pytest.fixture
async def store(any_engine: str, pool: str) -> AsyncIterator[Store]:
    made = Store(any_engine, pool=pool, ranks=strategies.sources())
    await made.register(DECLARED)
    yield made
    await made.aclose()


async def scraped(registry: CollectorRegistry, name: str, labels: dict[str, str], wanted: float | None) -> None:
    """Scrape until the metric has this value."""
    async with asyncio.timeout(5):
        while True:
            found = registry.get_sample_value(name, labels)
            if found == wanted:
                return
            await asyncio.sleep(0.02)


async def test_tokens_in_flight_where_a_strategy_counts_them(store: Store, pool: str) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a"), ("chat", "b")])
    for _ in range(2):
        await store.acquire(Acquire("chat", ("a",), "least-tokens", input_tokens=100, output_tokens=50))
    for kind, tokens in (("input", 200), ("output", 100)):
        await scraped(registry, "router_core_pool_tokens_in_flight", {"pool": pool, **A, "kind": kind}, tokens)
    metrics.close()


async def test_limits_used_and_left_inflight_health_and_weight(store: Store, pool: str) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a"), ("chat", "b")])
    await store.acquire(Acquire("chat", ("a",), input_tokens=100, output_tokens=50))
    labels, value = {"pool": pool, **A}, registry.get_sample_value
    await scraped(registry, "router_core_pool_inflight", labels, 1)
    assert value("router_core_pool_tokens_in_flight", {**labels, "kind": "input"}) is None, "nobody counts them"
    assert value("router_core_pool_weight", labels) == 2
    assert value("router_core_pool_health", {**labels, "state": "closed"}) == 1
    assert value("router_core_pool_health", {**labels, "state": "open"}) == 0
    for limit, amount, used in (("requests/60", 10, 1), ("tokens/60", 1000, 150), ("concurrent", 4, 1)):
        for name, expected in (("limit", amount), ("used", used), ("left", amount - used)):
            assert value(f"router_core_pool_{name}", {**labels, "limit": limit}) == expected
    assert value("router_core_pool_workers", {"pool": pool}) == 1
    assert value("router_core_pool_waiting", {"pool": pool, "group": "chat"}) == 0
    assert value("router_core_degraded", {"pool": pool}) == 0
    metrics.close()


async def test_limits_that_the_configuration_names_and_no_others(store: Store, pool: str) -> None:
    """Callers choose the names of users, so those with the limits of everyone are no labels. Money is in dollars."""
    rows = [
        Rows("account:acc", {"tokens/60": 400}),
        Rows("team:r%20ed", {"requests/day@UTC": 2}),
        Rows("user:*", {"requests/60": 9, "cost/3600": 5_000_000_000}),
    ]
    await store.register([replace(one, input_price=10**12, output_price=0, version=1) for one in DECLARED], rows)
    await store.set_limit("account:acc", "cost/3600", 5_000_000_000)
    registry = CollectorRegistry()
    metrics, value = Metrics(registry, store, [("chat", "a")], NAMED), registry.get_sample_value
    await store.acquire(Acquire("chat", ("a",), input_tokens=150, subjects=("team:r%20ed", "user:alice")))
    for scope, name, limit, amount, used in (
        ("account", "acc", "tokens/60", 400, 150),
        ("account", "acc", "cost/3600", 5, 0.15),
        ("team", "r ed", "requests/day@UTC", 2, 1),
    ):
        labels = {"pool": pool, "scope": scope, "name": name, "limit": limit}
        await scraped(registry, "router_core_pool_shared_limit", labels, amount)
        assert value("router_core_pool_shared_used", labels) == used
        assert value("router_core_pool_shared_left", labels) == amount - used
    assert 'scope="user"' not in generate_latest(registry).decode()
    metrics.close()


async def test_operations_and_script_calls_of_this_worker(store: Store, pool: str) -> None:
    """Two operations a request, in one call or more."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a"), ("chat", "b")])
    for _ in range(3):
        lease = await store.acquire(Acquire("chat", ("a", "b")))
        store.settle(lease, Outcome("ok", total_ms=10.0))
    await store.flush()
    renewed = await store.acquire(Acquire("chat", ("b",)))
    await store.renew(renewed, 60.0)
    store.cancel(renewed)
    await store.flush()
    for verb, count in {"acquire": 4, "settle": 3, "renew": 1, "cancel": 1}.items():
        labels = {"pool": pool, "verb": verb}
        assert registry.get_sample_value("router_core_store_operations_total", labels) == count
    calls = registry.get_sample_value("router_core_store_calls_total", {"pool": pool})
    assert calls is not None
    assert 1 <= calls <= 9
    metrics.close()


async def test_cooldowns_count_from_the_first_reading_on_each_once(store: Store) -> None:
    """The diary is read, so a cooldown that began and ended between two readings counts too."""
    await store.control("cool", "a", ms=1)
    reading = PoolReading(store, ["a", "b"])
    await reading.read()
    assert not reading.cooldowns
    await store.control("cool", "a", ms=1)
    await store.control("cool", "b", ms=60_000)
    await reading.read()
    await reading.read()
    assert reading.cooldowns == {("a", "operator"): 1, ("b", "operator"): 1}


async def test_a_drained_deployment_is_neither_closed_nor_open(store: Store, pool: str) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a")])
    await store.control("drain", "a")
    await scraped(registry, "router_core_pool_health", {"pool": pool, **A, "state": "drained"}, 1)
    assert registry.get_sample_value("router_core_pool_health", {"pool": pool, **A, "state": "closed"}) == 0
    metrics.close()


async def test_close_takes_the_pools_gauges_out(store: Store, pool: str) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a")])
    await scraped(registry, "router_core_pool_inflight", {"pool": pool, **A}, 0)
    metrics.close()
    assert registry.get_sample_value("router_core_pool_inflight", {"pool": pool, **A}) is None


async def test_a_scrape_does_not_wait_for_a_silent_server_and_says_degraded(pool: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"redis://user:verysecret@127.0.0.1:{silent.getsockname()[1]}/0", pool=pool, timeout=0.2)
        registry = CollectorRegistry()
        metrics = Metrics(registry, store, [("chat", "a")])
        started = time.perf_counter()
        text = generate_latest(registry).decode()
        assert time.perf_counter() - started < 0.15
        await scraped(registry, "router_core_degraded", {"pool": pool}, 1)
        assert "verysecret" not in text
        assert registry.get_sample_value("router_core_pool_inflight", {"pool": pool, **A}) is None
        metrics.close()
        await store.aclose()


async def test_scrapes_in_a_row_read_the_pool_once(pool: str) -> None:
    """However often somebody scrapes, the pool is read every few seconds at most."""
    read = 0

    class Counting(Store):
        async def events(self, count: int = 100) -> list[object]:  # type: ignore[override]
            nonlocal read
            read += 1
            return []

    store = Counting("memory://", pool=pool)
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a")])
    await scraped(registry, "router_core_pool_workers", {"pool": pool}, 0)
    for _ in range(200):
        generate_latest(registry)
    assert read == 1
    metrics.close()
    await store.aclose()


async def test_a_closed_store_does_not_break_the_scrape(pool: str) -> None:
    store = Store("memory://", pool=pool)
    registry = CollectorRegistry()
    metrics = Metrics(registry, store, [("chat", "a")])
    await store.aclose()
    assert registry.get_sample_value("router_core_store_calls_total", {"pool": pool}) == 0
    metrics.close()
