"""From the scripts' lines to records a person or a strategy reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from router_core.state.names import unescape
from router_core.state.records import (
    Candidate,
    DeploymentState,
    Event,
    Explanation,
    LimitState,
    Observed,
    Refusal,
    ShadowState,
    Timings,
    WorkerState,
)


def measure(text: str) -> float | None:
    """A number, None for `-`."""
    return None if text == "-" else float(text)


def _whole(text: str) -> int | None:
    return None if text == "-" else int(text)


def _pairs(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def _amounts(text: str) -> MappingProxyType[str, int]:
    return MappingProxyType({name: int(float(value.partition(",")[0])) for name, value in _pairs(text).items()})


def _observed(text: str) -> Observed:
    limit, _, foreign = text.partition(":")
    return Observed(int(limit), int(foreign))


def deployment_state(line: str, now_ms: float, timings: Mapping[str, Timings]) -> DeploymentState | None:
    """One line of snapshot.lua; None for a garbled deployment. `timings`: of deployments, where there are any."""
    fields = line.split("\t")
    if len(fields) != 20:
        return None
    settings, _, limits = fields[14].partition("|")
    head = _pairs(settings)
    until_ms = float(fields[4])
    sent, made = fields[19].split()
    return DeploymentState(
        id=unescape(fields[0]),
        group=unescape(head.get("group", "")),
        provider=unescape(head.get("provider", "")),
        account=unescape(head.get("account", "")),
        weight=float(head["weight"]),
        order=int(float(head["order"])),
        drained=settings.startswith("drained"),
        health=fields[1],
        reason="" if fields[5] == "-" or fields[1] == "closed" else fields[5],
        cooling=max(0.0, (until_ms - now_ms) / 1000) if fields[1] == "open" else 0.0,
        trips=int(fields[3]),
        inflight=int(fields[6]),
        ok=int(fields[7]),
        failed=int(fields[8]),
        latency_ms=measure(fields[9]),
        ttft_ms=measure(fields[10]),
        ms_per_token=measure(fields[11]),
        tokens=int(fields[12]),
        spend_nano=int(fields[13]),
        limits=_amounts(limits),
        used=_amounts(fields[16]),
        input_price=_whole(head.get("in", "-")),
        output_price=_whole(head.get("out", "-")),
        overrides=MappingProxyType(_pairs(fields[15])),
        context_tokens=_whole(fields[18]),
        timings=_counted(timings.get(fields[0])),
        input_in_flight=_whole(sent),
        output_in_flight=_whole(made),
        observed=MappingProxyType({name: _observed(text) for name, text in _pairs(fields[17]).items()}),
    )


def _counted(timings: Timings | None) -> Timings | None:
    return timings if timings is not None and (timings.ttft.count or timings.latency.count) else None


def limit_states(text: str, now_ms: float) -> Iterator[LimitState]:
    """The lines of meters.lua; garbled ones are left out."""
    for line in text.split("\n") if text else ():
        whose, name, *rest = line.split("\t")
        if len(rest) == 6:
            amount, flags, used, due, exceeded, worst = rest
            yield LimitState(
                subject=unescape(whose),
                name=name,
                amount=int(amount),
                used=_whole(used),
                ready=None if due == "-" else max(0.0, (int(due) - now_ms) / 1000),
                reserve_max=",max" in flags,
                enforced=",shadow" not in flags,
                learned=",adaptive" in flags,
                exceeded=int(exceeded) if exceeded.isdigit() else 0,
                worst=_whole(worst),
            )


def workers_and_queues(text: str) -> tuple[tuple[WorkerState, ...], dict[str, int]]:
    """The reply of `workers`: who lives, and the tickets that wait per group."""
    words = text.split()
    end = words.index("/")
    workers = tuple(
        WorkerState(unescape(words[i]), int(words[i + 1]) / 1000, int(words[i + 2])) for i in range(0, end, 3)
    )
    queues = {unescape(words[i]): int(words[i + 1]) for i in range(end + 1, len(words), 2)}
    return workers, queues


def shadows(text: str) -> Iterator[ShadowState]:
    """The reply of `shadows`."""
    words = text.split()
    for name, *counts in sorted(zip(*(words[i::4] for i in range(4)), strict=True)):
        group, _, strategy = name.partition("|")
        calls, agreed, refused = map(int, counts)
        yield ShadowState(unescape(group), strategy, calls, agreed, refused)


def refusals(words: list[str]) -> tuple[Refusal, ...]:
    """Triples of id, reason, time. A reason may say of its limit how much it is and how much is used:
    `cost/86400=1000:998`."""
    return tuple(_refusal(*words[i : i + 3]) for i in range(0, len(words) - 2, 3))


def _refusal(id: str, reason: str, ready: str) -> Refusal:
    name, _, amounts = reason.partition("=")
    amount, _, used = amounts.partition(":")
    return Refusal(unescape(id), name, measure(ready), int(amount) if amount else None, int(used) if used else None)


def explanation(text: str, group: str, strategy: str, now_ms: float) -> Explanation:
    """The reply of a dry acquire."""
    words = text.split(" ")
    earliest = measure(words[2])
    candidates = []
    for i in range(5, len(words) - 4, 5):
        name = unescape(words[i])
        refusal = None if words[i + 3] == "-" else _refusal(words[i], words[i + 3], words[i + 4])
        candidates.append(Candidate(name, measure(words[i + 2]), int(float(words[i + 1])), refusal))
    return Explanation(
        group=group,
        strategy=strategy,
        chosen=None if words[1] == "-" else unescape(words[1]),
        candidates=tuple(candidates),
        earliest=None if earliest is None else max(0.0, (earliest - now_ms) / 1000),
        place=int(words[3]),
        waiting=int(words[4]),
    )


def events(text: str) -> Iterable[Event]:
    """The reply of `diary`, newest first."""
    for line in text.split("\n") if text else ():
        entry, at_ms, kind, deployment, detail = line.split("\t", 4)
        yield Event(entry, float(at_ms or 0), kind, unescape(deployment), detail)
