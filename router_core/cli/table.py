"""A snapshot as a table a person reads."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router_core.cli.screen import plain
from router_core.state.percentiles import SHOWN
from router_core.state.records import DeploymentState, Percentiles, Snapshot

COLUMNS = (
    "group", "deployment", "health", "weight", "in flight", "rpm", "tpm", "ok/failed", "latency", "ttft", "ms/token",
    "tokens", "spend",
)  # fmt: skip
TIMINGS = ("latency p50/p95/p99", "ttft p50/p95/p99")  # where they are counted
_COLOURS = {"closed": "green", "ramp": "yellow", "half-open": "yellow", "open": "red"}


def view(snapshot: Snapshot) -> RenderableType:
    """Head line, deployments by group and order, then workers."""
    states = sorted(snapshot.deployments.values(), key=lambda one: (one.group, one.order, one.id))
    head = f"pool {snapshot.pool} on {snapshot.engine}: {_count(len(states), 'deployment')}, "
    head += f"{_count(len(snapshot.workers), 'worker')}, {_waiting(snapshot)}"
    parts: list[RenderableType] = [Text(head)]
    if states:
        parts.append(_deployments(states))
    else:
        parts.append(Text("No deployment: no worker has joined this pool yet, or --pool is another one."))
    parts += [
        Text(f"worker {worker.id}: {_count(worker.leases, 'call')}, heard {worker.age:.0f} s ago")
        for worker in snapshot.workers
    ]
    if any(state.overrides for state in states):
        parts.append(Text("* changed by an operator; `router-core weight DEPLOYMENT default` takes a weight back"))
    return Group(*parts)


def _deployments(states: Iterable[DeploymentState]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold") if plain() else Table(header_style="bold")
    states = list(states)
    timed = any(state.timings for state in states)
    for name in (*COLUMNS, *TIMINGS) if timed else COLUMNS:
        left = name in COLUMNS[:3]
        table.add_column(name, justify="left" if left else "right", overflow="fold" if left else "ellipsis")
    for state in states:
        table.add_row(*_cells(state), *(_timings(state) if timed else ()))
    return table


def _cells(state: DeploymentState) -> tuple[RenderableType, ...]:
    changed = "*" if "weight" in state.overrides else ""
    return (
        Text(state.group),
        Text(state.id),
        Text(health(state), style="magenta" if state.drained else _COLOURS.get(state.health, "")),
        f"{state.weight:g}{changed}",
        _of(state.inflight, state.limits.get("concurrent"), "concurrent" in state.overrides),
        _limit(state, "requests/60"),
        _limit(state, "tokens/60"),
        f"{state.ok}/{state.failed}",
        _ms(state.latency_ms),
        _ms(state.ttft_ms),
        "-" if state.ms_per_token is None else f"{state.ms_per_token:.1f}",
        str(state.tokens),
        f"${state.spend_nano / 1e9:.4f}",
    )


def health(state: DeploymentState) -> str:
    """`open: rate_limit, 12 s`; a drain goes before everything else."""
    if state.drained:
        return "drained*"
    if state.health != "open":
        return state.health
    left = f"{state.cooling:.0f} s" if state.cooling > 0 else "next call probes"
    return f"open: {state.reason or 'unknown'}, {left}"


def _limit(state: DeploymentState, name: str) -> str:
    limit = state.limits.get(name)
    return "-" if limit is None else _of(state.used.get(name, 0), limit, name in state.overrides)


def _of(used: int, limit: int | None, changed: bool) -> str:
    return str(used) if limit is None else f"{used}/{limit}{'*' if changed else ''}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _timings(state: DeploymentState) -> tuple[str, str]:
    timings = state.timings
    return ("-", "-") if timings is None else (_percentiles(timings.latency), _percentiles(timings.ttft))


def _percentiles(found: Percentiles) -> str:
    return "/".join(f"{found.ms[percent]:.0f}" for percent in SHOWN) + " ms" if found.count else "-"


def _waiting(snapshot: Snapshot) -> str:
    queues = {group: tickets for group, tickets in snapshot.waiting.items() if tickets}
    return ", ".join(f"{tickets} waiting for {group}" for group, tickets in queues.items()) or "nobody waits"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
