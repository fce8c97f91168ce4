"""The metrics show the fleet's percentiles, in seconds."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from router_core import strategies
from router_core.metrics import Metrics
from router_core.state.records import Acquire, Declared, Outcome
from router_core.state.store import Store
from tests.router.rig import until


async def test_percentiles_of_first_content_and_of_calls(any_engine: str, pool: str) -> None:
    store, registry = Store(any_engine, pool=pool, ranks=strategies.sources()), CollectorRegistry()
    await store.register([Declared("a", "chat", "openai", "acc")])
    for ms in (100.0, 2000.0):
        lease = await store.acquire(Acquire("chat", ("a",), stream=True))
        store.settle(lease, Outcome("ok", total_ms=ms, ttft_ms=50.0, stream=True, sample=(50.0, ms)))
    await store.flush()
    metrics = Metrics(registry, store, [("chat", "a")])

    def value(name: str, percentile: str) -> float | None:
        labels = {"pool": pool, "group": "chat", "deployment": "a", "percentile": percentile}
        return registry.get_sample_value(f"router_core_pool_{name}_seconds", labels)

    await until(lambda: value("ttft", "p50") is not None)
    assert value("ttft", "p99") == pytest.approx(0.05, rel=0.05)
    assert value("latency", "p50") == pytest.approx(0.1, rel=0.05)
    assert value("latency", "p95") == pytest.approx(2.0, rel=0.05)
    metrics.close()
    await store.aclose()
