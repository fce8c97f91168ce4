"""Prometheus metrics of a Router; the only file that knows prometheus_client.

    Router(model_list=..., metrics=registry)          metrics=True: prometheus_client.REGISTRY

`router_core_*` is what this worker did, counted from the router's events: sum it over workers. `router_core_pool_*` is
what the whole fleet shares, read from the pool: every worker tells the same, so take the maximum. Labels are bounded:
groups and deployments of the configuration (beyond `MOST`, and any other name: "other"), outcome classes, limits, and
whose limits the configuration names.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from router_core.choosing.limits import without_name
from router_core.errors import ConfigurationError
from router_core.hooks import (
    AttemptEnded,
    AttemptStarted,
    CallDenied,
    CustomFailed,
    Decided,
    Event,
    Hedged,
    Probed,
    RequestEnded,
)
from router_core.monitoring.pool_reading import PoolReading
from router_core.monitoring.pool_samples import FAMILIES, Family, merged
from router_core.state.store import Store

MOST = 500  # deployments, and groups, that have series of their own
OTHER = "other"

_CALL = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
_FIRST = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)
_DECISION = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1.0)
_WAIT = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_GROUP = ("pool", "group")
_DEPLOYMENT = ("pool", "group", "deployment")


class _Families:
    """One set of metrics per registry, shared by all Routers that were given it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pools = _Pools()
        registry.register(self.pools)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"router_core_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"router_core_{name}_seconds", text, labels, registry=registry, buckets=buckets)

        self.requests = counter("requests", "Requests by how they ended for the caller", *_GROUP, "call", "outcome")
        self.request_seconds = histogram(
            "request", "From the call to its answer (streams: first content) or error", _GROUP, _CALL
        )
        self.fallbacks = counter("fallbacks", "Groups that were tried after the one asked for", *_GROUP)
        self.attempts = counter("attempts", "Upstream calls by how they ended", *_DEPLOYMENT, "outcome")
        self.retries = counter("retries", "Upstream calls that were not the first of their request", *_GROUP)
        self.attempt_seconds = histogram("attempt", "Duration of upstream calls", _DEPLOYMENT, _CALL)
        self.first_token = histogram("ttft", "Time to the first content of streams", _DEPLOYMENT, _FIRST)
        self.tokens = counter("tokens", "Tokens as the upstreams counted them", *_DEPLOYMENT, "direction")
        self.spend = counter("spend_dollars", "Cost of calls whose price is known", *_DEPLOYMENT)
        self.decision = histogram("decision", "Time to choose, without waiting for room", _GROUP, _DECISION)
        self.wait = histogram("wait", "Time calls waited for room", _GROUP, _WAIT)
        self.refusals = counter("refusals", "Candidates that could not serve, where none could", *_GROUP, "reason")
        self.hedges = counter("hedges", "Calls so slow that another was made too, by how", *_GROUP, "outcome")
        self.denied = counter("denied", "Upstream calls that the fleet may not make, by why", *_GROUP, "reason")
        self.probes = counter("probes", "Probes by how they ended; they are attempts too", *_DEPLOYMENT, "outcome")
        self.custom = counter("routing_function_failures", "Routing functions that raised or named nothing", *_GROUP)
        self.inflight = Gauge(
            "router_core_inflight", "Upstream calls of this worker now", _DEPLOYMENT,
            registry=registry, multiprocess_mode="livesum",
        )  # fmt: skip


class _Pools(Collector):
    """What the pools say, at every scrape from memory: reading them is `PoolReading`'s, in the background."""

    def __init__(self) -> None:
        self.readings: weakref.WeakSet[PoolReading] = weakref.WeakSet()

    def describe(self) -> Iterable[Metric]:
        return [_empty(family) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        readings = list(self.readings)
        for reading in readings:
            reading.touch()
        for family, rows in merged(readings).items():
            metric = _empty(family)
            for labels, value in rows.items():
                metric.add_metric(labels, value)
            yield metric


def _empty(family: Family) -> CounterMetricFamily | GaugeMetricFamily:
    made = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    return made(family.name, family.help, labels=family.labels)


# Keyed by what the user injected, and weak: two Routers may share a registry, in which a name can stand but once.
_families: weakref.WeakKeyDictionary[CollectorRegistry, _Families] = weakref.WeakKeyDictionary()


class Metrics:
    """A hook that counts a Router's events, and the reading of its pool. `close` takes the pool's gauges out.

    `deployments`: (group, deployment) of the configuration; `subjects`: whose limits it names besides (`team:red`).
    Costs a few microseconds per event; never blocks.
    """

    def __init__(
        self,
        registry: CollectorRegistry | Literal[True],
        store: Store,
        deployments: Iterable[tuple[str, str]],
        subjects: Iterable[str] = (),
    ) -> None:
        if registry is not True and not isinstance(registry, CollectorRegistry):
            raise ConfigurationError("metrics: must be True or a CollectorRegistry of prometheus_client")
        known = list(deployments)
        ids = list(dict.fromkeys(id for _, id in known))[:MOST]
        self._groups = frozenset(list(dict.fromkeys(group for group, _ in known))[:MOST])
        self._ids, self._pool = frozenset(ids), store.keys.pool
        where = REGISTRY if registry is True else registry
        if where not in _families:
            _families[where] = _Families(where)
        self._to = _families[where]
        self._reading = PoolReading(store, ids, list(subjects)[:MOST])
        self._to.pools.readings.add(self._reading)

    def close(self) -> None:
        """The pool is read no more; what was counted stays."""
        self._to.pools.readings.discard(self._reading)
        self._reading.close()

    def __call__(self, event: Event, /) -> None:
        match event:
            case Decided():
                self._decided(event)
            case AttemptStarted():
                self._to.inflight.labels(*self._names(event.group, event.deployment)).inc()
            case AttemptEnded():
                self._attempt(event)
            case RequestEnded():
                self._request(event)
            case Hedged():
                self._to.hedges.labels(self._pool, self._group(event.group), event.outcome).inc()
            case CallDenied():
                self._to.denied.labels(self._pool, self._group(event.group), event.reason).inc()
            case Probed():
                self._to.probes.labels(*self._names(event.group, event.deployment), event.kind).inc()
            case CustomFailed():
                self._to.custom.labels(self._pool, self._group(event.group)).inc()

    def _decided(self, event: Decided) -> None:
        to, pool, group = self._to, self._pool, self._group(event.group)
        if event.deployment is not None:
            to.decision.labels(pool, group).observe(event.ms / 1000)
        if event.waited_ms > 0:
            to.wait.labels(pool, group).observe(event.waited_ms / 1000)
        for reason in event.reasons:
            to.refusals.labels(pool, group, without_name(reason)).inc()

    def _attempt(self, event: AttemptEnded) -> None:
        to, names = self._to, self._names(event.group, event.deployment)
        to.inflight.labels(*names).dec()
        to.attempts.labels(*names, event.kind).inc()
        to.attempt_seconds.labels(*names).observe(event.ms / 1000)
        if event.retry:
            to.retries.labels(names[0], names[1]).inc()
        if event.ttft_ms is not None:
            to.first_token.labels(*names).observe(event.ttft_ms / 1000)
        if event.input_tokens:
            to.tokens.labels(*names, "input").inc(event.input_tokens)
        if event.output_tokens:
            to.tokens.labels(*names, "output").inc(event.output_tokens)
        if event.cost_nano:
            to.spend.labels(*names).inc(event.cost_nano / 1e9)

    def _request(self, event: RequestEnded) -> None:
        to, pool, group = self._to, self._pool, self._group(event.group)
        to.requests.labels(pool, group, event.call, event.kind).inc()
        to.request_seconds.labels(pool, group).observe(event.ms / 1000)
        if event.fallbacks:
            to.fallbacks.labels(pool, group).inc(event.fallbacks)

    def _group(self, name: str) -> str:
        return name if name in self._groups else OTHER

    def _names(self, group: str, deployment: str) -> tuple[str, str, str]:
        return self._pool, self._group(group), deployment if deployment in self._ids else OTHER
