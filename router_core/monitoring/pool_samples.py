"""What a reading of a pool says, as rows of metrics; which library writes them is not known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from router_core.monitoring.pool_reading import PoolReading
from router_core.state.records import DeploymentState

HEALTH = ("closed", "ramp", "half-open", "open", "drained")
_DEPLOYMENT = ("pool", "group", "deployment")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. Two Routers on one pool say the same of it (`merge` max), but each counts its own work (sum)."""

    name: str
    help: str
    labels: tuple[str, ...]
    kind: Literal["gauge", "counter"] = "gauge"
    merge: Callable[[float, float], float] = max


def _add(a: float, b: float) -> float:
    return a + b


OPERATIONS = Family("router_core_store_operations", "Operations sent, by verb", ("pool", "verb"), "counter", _add)
CALLS = Family("router_core_store_calls", "Script calls that carried them", ("pool",), "counter", _add)
DEGRADED = Family("router_core_degraded", "1 while this worker cannot read the pool", ("pool",))
AGE = Family("router_core_pool_age_seconds", "Age of what router_core_pool_* says", ("pool",))
WORKERS = Family("router_core_pool_workers", "Live workers", ("pool",))
WAITING = Family("router_core_pool_waiting", "Calls of the fleet that wait for room", ("pool", "group"))
INFLIGHT = Family("router_core_pool_inflight", "Upstream calls of the fleet now", _DEPLOYMENT)
TOKENS = Family(
    "router_core_pool_tokens_in_flight",
    "Estimated tokens of those calls, where a strategy counts them",
    (*_DEPLOYMENT, "kind"),
)
WEIGHT = Family("router_core_pool_weight", "Weight in force", _DEPLOYMENT)
STATE = Family("router_core_pool_health", "1 for the state it is in", (*_DEPLOYMENT, "state"))
COOLING = Family("router_core_pool_cooling_seconds", "Seconds until it may be tried again", _DEPLOYMENT)
LIMIT = Family("router_core_pool_limit", "Limit in force: resource/window; cost in dollars", (*_DEPLOYMENT, "limit"))
USED = Family("router_core_pool_used", "Reserved or used in the window", (*_DEPLOYMENT, "limit"))
LEFT = Family("router_core_pool_left", "Room in the window, never below 0", (*_DEPLOYMENT, "limit"))
_SHARED = ("pool", "scope", "name", "limit")
SHARED_LIMIT = Family("router_core_pool_shared_limit", "Limit in force of those the configuration names", _SHARED)
SHARED_USED = Family("router_core_pool_shared_used", "Reserved or used in the window", _SHARED)
SHARED_LEFT = Family("router_core_pool_shared_left", "Room in the window, never below 0", _SHARED)
COOLDOWNS = Family("router_core_pool_cooldowns", "Cooldowns by reason", (*_DEPLOYMENT, "reason"), "counter")
TTFT = Family("router_core_pool_ttft_seconds", "Time to first content, by percentile", (*_DEPLOYMENT, "percentile"))
LATENCY = Family("router_core_pool_latency_seconds", "Duration of calls, by percentile", (*_DEPLOYMENT, "percentile"))
SHADOW = Family(
    "router_core_pool_shadow_decisions", "Decisions that the shadow strategy was asked about too",
    ("pool", "group", "strategy", "outcome"), "counter",
)  # fmt: skip

FAMILIES = (
    OPERATIONS, CALLS, DEGRADED, AGE, WORKERS, WAITING, INFLIGHT, TOKENS, WEIGHT, STATE, COOLING, LIMIT, USED, LEFT,
    SHARED_LIMIT, SHARED_USED, SHARED_LEFT, COOLDOWNS, SHADOW, TTFT, LATENCY,
)  # fmt: skip
_OF_DEPLOYMENT, _OF_SUBJECT = (LIMIT, USED, LEFT), (SHARED_LIMIT, SHARED_USED, SHARED_LEFT)


def merged(readings: Iterable[PoolReading]) -> dict[Family, dict[tuple[str, ...], float]]:
    """Label values and value of every sample, each once, however many Routers share a pool."""
    found: dict[Family, dict[tuple[str, ...], float]] = {family: {} for family in FAMILIES}
    for reading in readings:
        for family, labels, value in samples(reading):
            rows = found[family]
            rows[labels] = family.merge(rows[labels], value) if labels in rows else value
    return found


def samples(reading: PoolReading) -> Iterator[tuple[Family, tuple[str, ...], float]]:
    """Everything one reading says; without a snapshot only what needs none."""
    pool, snapshot = (reading.pool,), reading.snapshot
    operations, calls = reading.operations
    for verb, count in operations.items():
        yield OPERATIONS, (*pool, verb), count
    yield CALLS, pool, calls
    yield DEGRADED, pool, float(reading.degraded)
    if snapshot is None:
        return
    yield AGE, pool, reading.age
    yield WORKERS, pool, len(snapshot.workers)
    for group, tickets in snapshot.waiting.items():
        yield WAITING, (*pool, group), tickets
    for shadow in snapshot.shadows:
        differed = shadow.calls - shadow.agreed - shadow.refused
        for outcome, count in (("agreed", shadow.agreed), ("differed", differed), ("refused", shadow.refused)):
            yield SHADOW, (*pool, shadow.group, shadow.strategy, outcome), count
    for state in snapshot.deployments.values():
        yield from _of_deployment((*pool, state.group, state.id), state)
    for limit in reading.limits:
        scope, _, name = limit.subject.partition(":")
        yield from _room((*pool, scope, name), limit.name, limit.amount, limit.used, _OF_SUBJECT)
    for (deployment, reason), count in reading.cooldowns.items():
        known = snapshot.deployments.get(deployment)
        if known is not None:
            yield COOLDOWNS, (*pool, known.group, deployment, reason), count


def _of_deployment(names: tuple[str, ...], state: DeploymentState) -> Iterator[tuple[Family, tuple[str, ...], float]]:
    now = "drained" if state.drained else state.health
    yield INFLIGHT, names, state.inflight
    for kind, tokens in (("input", state.input_in_flight), ("output", state.output_in_flight)):
        if tokens is not None:
            yield TOKENS, (*names, kind), tokens
    yield WEIGHT, names, state.weight
    yield COOLING, names, state.cooling
    for health in HEALTH:
        yield STATE, (*names, health), float(now == health)
    for limit, amount in state.limits.items():
        yield from _room(names, limit, amount, state.used.get(limit, 0), _OF_DEPLOYMENT)
    if state.timings is not None:
        for family, found in ((TTFT, state.timings.ttft), (LATENCY, state.timings.latency)):
            for percent, ms in found.ms.items():
                yield family, (*names, f"p{percent}"), ms / 1000


def _room(
    names: tuple[str, ...], limit: str, amount: int, used: int | None, families: tuple[Family, Family, Family]
) -> Iterator[tuple[Family, tuple[str, ...], float]]:
    """A limit, what is used of it, and what is left; cost in dollars."""
    if used is None:
        return
    unit = 1e9 if limit.startswith("cost/") else 1
    for family, value in zip(families, (amount, used, max(0, amount - used)), strict=True):
        yield family, (*names, limit), value / unit
