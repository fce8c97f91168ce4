"""The end of a run, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from router_core.demo.verdict import Facts, Served, Verdict
from router_core.demo.witness import quantile

_TRAFFIC = ("served", "share", "p50", "p99", "at once", "cut off", "429", "cooldowns")
_LIMITS = ("rpm limit", "reserved", "arrived", "tpm limit", "reserved", "arrived")


def text(facts: Facts) -> str:
    """What the upstreams logged, what their limits were, what callers saw, what it cost Redis."""
    lines = [
        "Traffic, from the upstreams' own logs (cooldowns from Redis):",
        *columns([("deployment", *_TRAFFIC), *map(_traffic, facts.deployments)]),
        "",
        "Limits, and the worst minute: reserved, by Redis, in any 60 s; arrived, by the upstreams' logs, in any 59 s:",
        *columns([("deployment", *_LIMITS), *map(_limits, facts.deployments)]),
        "",
        *_callers(facts),
        *_redis(facts),
    ]
    return "\n".join(lines)


def as_json(facts: Facts, verdict: Verdict) -> dict[str, Any]:
    """Every figure; of the callers' times only quantiles (ms)."""
    callers = asdict(facts.callers)
    for name in ("ms", "waited_ms"):
        ordered = sorted(callers.pop(name))
        callers[name] = {"p50": quantile(ordered, 0.5), "p99": quantile(ordered, 0.99)}
    scripts = None if facts.scripts is None else {"calls": facts.scripts[0], "usec": facts.scripts[1]}
    return {
        "ok": verdict.ok,
        "verdict": verdict.line,
        "problems": verdict.problems,
        "requests": facts.requests,
        "callers": callers,
        "deployments": [asdict(one) for one in facts.deployments],
        "redis": {"leases_left": facts.leases, "inflight_left": facts.inflight, "scripts": scripts},
    }


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((f"  {first.ljust(widths[0])}", *cells)).rstrip()


def ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _traffic(one: Served) -> tuple[str, ...]:
    at_once = str(one.at_once) if one.parallel is None else f"{one.at_once} of {one.parallel}"
    counts = (str(one.cut), str(one.refused), str(one.cooldowns))
    return (one.name, f"{one.served:,}", f"{one.share:.0%}", ms(one.p50), ms(one.p99), at_once, *counts)


def _limits(one: Served) -> tuple[str, ...]:
    requests = (one.rpm, one.reserved_requests, one.arrived_requests)
    tokens = (one.tpm, one.reserved_tokens, one.arrived_tokens)
    return (one.name, *(f"{number:,}" for number in (*requests, *tokens)))


def _callers(facts: Facts) -> Iterator[str]:
    callers = facts.callers
    errors = ", ".join(f"{count:,} {name}" for name, count in callers.errors.most_common()) or "none"
    yield f"Callers: {callers.answered:,} of {facts.requests:,} requests answered, {callers.retried:,} of them after a"
    yield "  failed attempt that the caller did not see. Errors that callers saw:"
    yield f"  {callers.no_room:,} without room within the wait; others: {errors}."
    if callers.ms:
        taken, waited = sorted(callers.ms), [one for one in callers.waited_ms if one > 0]
        line = f"  An answer took {taken[len(taken) // 2]:,.0f} ms (p50), {quantile(taken, 0.99):,.0f} ms (p99)"
        yield line + (f"; {len(waited):,} waited for room, up to {max(waited) / 1000:.1f} s." if waited else ".")


def _redis(facts: Facts) -> Iterator[str]:
    callers, requests = facts.callers, max(1, facts.requests)
    yield (
        f"Redis: {callers.operations / requests:.2f} operations a request in {callers.scripts / requests:.2f} script "
        "calls."
    )
    if facts.scripts is not None:
        calls, usec = facts.scripts
        yield (
            f"  The server counted {calls:,} script calls, heartbeats and the reading for this table included, "
            f"{usec / requests:.0f} µs a request."
        )
    yield f"  Left over: {facts.inflight} in flight, {facts.leases} leases."
