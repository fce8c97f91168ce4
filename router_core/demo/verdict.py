"""What counts as a failure, judged from facts of the upstreams' logs and of Redis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from router_core.demo.fleet import Callers


@dataclass(frozen=True, slots=True)
class Served:
    """One deployment: its limits, its log, and what stands in Redis of it.

    Of the log: `served`, `share`, `p50`, `p99` (seconds), `arrived_…` in the worst 59 s, `at_once` at most, `refused`
    with 429, `cut` off, still `running`. Of Redis: `reserved_…` in the worst rolling minute, `cooldowns`.
    """

    name: str
    rpm: int
    tpm: int
    parallel: int | None
    served: int
    share: float
    p50: float | None
    p99: float | None
    reserved_requests: int
    reserved_tokens: int
    arrived_requests: int
    arrived_tokens: int
    at_once: int
    refused: int
    cut: int
    running: int
    cooldowns: int


@dataclass(frozen=True, slots=True)
class Facts:
    """A whole run. `leases` and `inflight`: left over in Redis. `scripts`: the server's script calls and their µs."""

    requests: int
    callers: Callers
    deployments: tuple[Served, ...]
    leases: int
    inflight: int
    scripts: tuple[int, int] | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` is empty if all went well."""

    ok: bool
    line: str
    problems: tuple[str, ...]


def judge(facts: Facts) -> Verdict:
    """The verdict; `line` is the last line of the demo."""
    problems = tuple(_problems(facts))
    if problems:
        return failed("; ".join(problems), problems)
    callers = facts.callers
    line = f"VERDICT: ok — {callers.answered:,} of {facts.requests:,} requests answered"
    if callers.no_room:
        line += f", {callers.no_room:,} found no room within their wait"
    return Verdict(True, f"{line}, no limit exceeded, nothing leaked", ())


def failed(why: str, problems: tuple[str, ...] = ()) -> Verdict:
    """A run that went wrong, or did not come to its end."""
    return Verdict(False, f"VERDICT: FAILED — {why}", problems or (why,))


def _problems(facts: Facts) -> Iterator[str]:
    for one in facts.deployments:
        yield from _exceeded(one)
    yield from _leaked(facts)
    yield from _avoidable(facts)
    if not facts.complete:
        yield "the run or its witnesses are incomplete"


def _exceeded(one: Served) -> Iterator[str]:
    limits = (
        ("requests reserved in a minute", one.reserved_requests, one.rpm),
        ("tokens reserved in a minute", one.reserved_tokens, one.tpm),
        ("requests arrived in 59 s", one.arrived_requests, one.rpm),
        ("tokens arrived in 59 s", one.arrived_tokens, one.tpm),
        ("requests at once", one.at_once, one.parallel),
    )
    for what, amount, limit in limits:
        if limit is not None and amount > limit:
            yield f"{one.name}: {amount:,} {what}, limit {limit:,}"
    if one.refused:
        yield f"{one.name}: refused {one.refused:,} requests over its limits"


def _leaked(facts: Facts) -> Iterator[str]:
    if facts.inflight:
        yield f"{facts.inflight:,} calls still in flight in Redis"
    if facts.leases:
        yield f"{facts.leases:,} leases left in Redis"
    for one in facts.deployments:
        if one.running:
            yield f"{one.name}: {one.running:,} requests never ended"


def _avoidable(facts: Facts) -> Iterator[str]:
    callers = facts.callers
    for name, count in callers.errors.most_common():
        yield f"{count:,} {name} reached callers"
    ended = callers.answered + callers.no_room + callers.errors.total()
    if ended != facts.requests:
        yield f"{facts.requests - ended:,} requests have no ending"
    served = sum(one.served for one in facts.deployments)
    if callers.answered > served:
        yield f"callers say {callers.answered:,} answers, the upstreams gave {served:,}"
