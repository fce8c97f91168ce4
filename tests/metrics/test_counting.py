"""What a worker counts of its own events: names, labels, bounds."""

from __future__ import annotations

import ast
import asyncio
import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import router_core
from router_core import metrics as module
from router_core.hooks import AttemptEnded, AttemptStarted, CustomFailed, Decided, RequestEnded
from router_core.metrics import Metrics
from router_core.state.records import OutcomeKind
from router_core.state.store import Store

ENDED = AttemptEnded(
    group="chat", deployment="a", provider="openai", kind="ok", status_code=200, ms=1500.0, ttft_ms=200.0, stream=True,
    input_tokens=10, output_tokens=30, cost_nano=2_000_000, retry=False,
)  # fmt: skip


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry, pool: str) -> Iterator[Metrics]:
    store = Store("memory://", pool="p")
    made = Metrics(registry, store, [("chat", "a"), ("chat", "b"), ("embed", "c")])
    yield made
    made.close()
    asyncio.run(store.aclose())


def attempt(kind: OutcomeKind = "ok", deployment: str = "a", group: str = "chat", retry: bool = False) -> AttemptEnded:
    return AttemptEnded(group, deployment, "openai", kind, None, 1500.0, None, False, None, None, None, retry)


def request(group: str = "chat", kind: OutcomeKind = "ok", fallbacks: int = 0) -> RequestEnded:
    return RequestEnded(group, group, "chat", kind, "", 700.0, 1, fallbacks)


def test_an_attempt_is_counted_with_its_outcome_duration_tokens_and_cost(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    labels = {"pool": "p", "group": "chat", "deployment": "a"}
    metrics(AttemptStarted("chat", "a"))
    assert registry.get_sample_value("router_core_inflight", labels) == 1
    metrics(ENDED)
    value = registry.get_sample_value
    assert value("router_core_inflight", labels) == 0
    assert value("router_core_attempts_total", {**labels, "outcome": "ok"}) == 1
    assert value("router_core_attempt_seconds_sum", labels) == 1.5
    assert value("router_core_ttft_seconds_sum", labels) == 0.2
    assert value("router_core_tokens_total", {**labels, "direction": "input"}) == 10
    assert value("router_core_tokens_total", {**labels, "direction": "output"}) == 30
    assert value("router_core_spend_dollars_total", labels) == 0.002
    assert value("router_core_retries_total", {"pool": "p", "group": "chat"}) is None


def test_retries_fallbacks_refusals_and_failed_functions_are_counted_apart(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics(AttemptStarted("chat", "b"))
    metrics(attempt("server", "b", retry=True))
    metrics(request(fallbacks=2, kind="server"))
    metrics(Decided("chat", "simple-shuffle", None, 0.0, reasons=("cooling", "requests/60", "cooling")))
    metrics(CustomFailed("chat", "ValueError"))
    labels, value = {"pool": "p", "group": "chat"}, registry.get_sample_value
    assert value("router_core_retries_total", labels) == 1
    assert value("router_core_fallbacks_total", labels) == 2
    assert value("router_core_requests_total", {**labels, "call": "chat", "outcome": "server"}) == 1
    assert value("router_core_refusals_total", {**labels, "reason": "cooling"}) == 2
    assert value("router_core_refusals_total", {**labels, "reason": "requests/60"}) == 1
    assert value("router_core_routing_function_failures_total", labels) == 1


def test_decision_time_and_waiting_are_apart(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics(Decided("chat", "simple-shuffle", "a", 2.0, waited_ms=500.0))
    metrics(Decided("chat", "simple-shuffle", "a", 1.0))
    labels, value = {"pool": "p", "group": "chat"}, registry.get_sample_value
    assert value("router_core_decision_seconds_sum", labels) == 0.003
    assert value("router_core_wait_seconds_count", labels) == 1
    assert value("router_core_wait_seconds_sum", labels) == 0.5


def test_names_that_are_not_configured_do_not_become_labels(registry: CollectorRegistry, metrics: Metrics) -> None:
    """A thousand made-up groups and deployments are one series."""
    for number in range(1000):
        metrics(request(group=f"made-up-{number}"))
        metrics(attempt(group=f"made-up-{number}", deployment=f"made-up-{number}"))
    text = generate_latest(registry).decode()
    assert "made-up" not in text
    labels = {"pool": "p", "group": "other", "call": "chat", "outcome": "ok"}
    assert registry.get_sample_value("router_core_requests_total", labels) == 1000


def test_deployments_beyond_the_bound_share_one_series(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    metrics = Metrics(registry, Store("memory://", pool="p"), [("chat", f"d{n}") for n in range(10)])
    for number in range(10):
        metrics(attempt(deployment=f"d{number}"))
    found = {
        sample.labels["deployment"]
        for metric in registry.collect()
        for sample in metric.samples
        if "deployment" in sample.labels
    }
    assert found == {"d0", "d1", "d2", "other"}
    metrics.close()


def test_two_routers_share_a_registry_and_keep_their_pools_apart(registry: CollectorRegistry) -> None:
    first = Metrics(registry, Store("memory://", pool="one"), [("chat", "a")])
    second = Metrics(registry, Store("memory://", pool="two"), [("chat", "a")])
    first(request())
    second(request())
    second(request())
    for name, count in (("one", 1), ("two", 2)):
        labels = {"pool": name, "group": "chat", "call": "chat", "outcome": "ok"}
        assert registry.get_sample_value("router_core_requests_total", labels) == count
    first.close()
    second.close()


def test_two_routers_on_one_pool_write_each_sample_once(registry: CollectorRegistry) -> None:
    made = [Metrics(registry, Store("memory://", pool="p"), [("chat", "a")]) for _ in range(2)]
    text = generate_latest(registry).decode()
    assert text.count('router_core_store_calls_total{pool="p"}') == 1
    for one in made:
        one.close()


def test_the_registry_keeps_no_router_alive(registry: CollectorRegistry) -> None:
    metrics: Metrics | None = Metrics(registry, Store("memory://", pool="p"), [("chat", "a")])
    gone = weakref.ref(metrics)
    del metrics
    gc.collect()
    assert gone() is None
    assert 'pool="p"' not in generate_latest(registry).decode()


@pytest.mark.slow
def test_one_file_alone_imports_the_library_and_only_who_wants_metrics_loads_it() -> None:
    root = Path(router_core.__file__).parent
    found = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if _imports(ast.parse(path.read_text()))}
    assert found == {"metrics.py"}
    script = "import sys, router_core.router; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def _imports(node: ast.AST) -> bool:
    """Whether it imports prometheus_client when it runs; type checkers may."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return False
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    if any(name.partition(".")[0] == "prometheus_client" for name in names):
        return True
    return any(_imports(child) for child in ast.iter_child_nodes(node))
