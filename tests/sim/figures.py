"""What came of a run, as numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from tests.sim.play import Log
from tests.sim.world import Fault

WINDOW = 3.0  # seconds over which a deployment's share of the visits is taken
LEAVES, RETURNS = 0.25, 0.5  # of its share before: it counts as left, as back
NOTICEABLE = 0.5  # visits a second, below which nobody can tell


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds; `cost`: dollars per 1,000 served calls. `load`: visits per call; `storm`: the same among calls that came
    during outages (down, hang). `errors`: callers', and by kind. `used`: share of all slots in use; `fullest`: of the
    most loaded one. `detect`, `recover`: mean over faults, None where no fault could be told; `missed`: faults whose
    deployment was never left, `lost`: whose was not back before the end."""

    calls: int
    errors: int
    kinds: dict[str, int]
    ttft: tuple[float, float, float]
    duration: tuple[float, float, float]
    cost: float
    load: float
    storm: float
    refused: int
    used: float
    fullest: float
    detect: float | None
    recover: float | None
    missed: int
    lost: int


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95, p99; nan of nothing."""
    ordered = sorted(values)
    if not ordered:
        return (math.nan,) * 3
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99))
    return p50, p95, p99


def figures(log: Log) -> Figures:
    """All of one run."""
    scenario = log.scenario
    served = [call for call in log.calls if not call.error]
    facts = {one.id: one for one in scenario.deployments}
    kinds = Counter(call.error for call in log.calls if call.error)
    cost = sum(scenario.cost(facts[call.deployment], scenario.arrivals[call.number]) for call in served)
    busy = {id: seconds / scenario.seconds / facts[id].slots for id, seconds in log.busy.items()}
    found = [(fault, *_reaction(log, fault)) for fault in scenario.faults]
    told = [(fault, detect, recover) for fault, detect, recover in found if detect is not None]
    detected = [detect for _, detect, _ in told if detect < math.inf]
    recovered = [recover for _, _, recover in told if recover is not None and recover < math.inf]
    return Figures(
        calls=len(log.calls),
        errors=len(log.calls) - len(served),
        kinds=dict(kinds),
        ttft=quantiles([call.ttft for call in served]),
        duration=quantiles([call.duration for call in served]),
        cost=1000 * cost / max(1, len(served)),
        load=len(log.visits) / len(log.calls),
        storm=_storm(log),
        refused=sum(visit.kind == "rate_limit" for visit in log.visits),
        used=sum(log.busy.values()) / scenario.seconds / sum(one.slots for one in facts.values()),
        fullest=max(busy.values()),
        detect=mean(detected) if detected else None,
        recover=mean(recovered) if recovered else None,
        missed=sum(detect == math.inf for _, detect, _ in told),
        lost=sum(recover == math.inf for _, _, recover in told),
    )


def _storm(log: Log) -> float:
    """Visits per call of those that came while somebody was down or hanging."""
    spans = [(one.begin, one.end) for one in log.scenario.faults if one.kind in ("down", "hang")]
    hit = {n for n, x in enumerate(log.scenario.arrivals) if any(begin <= x.at < end for begin, end in spans)}
    return sum(visit.call in hit for visit in log.visits) / len(hit) if hit else 1.0


def _reaction(log: Log, fault: Fault) -> tuple[float | None, float | None]:
    """Seconds from its begin until the deployment gets less than LEAVES of its visits before, and from its end until it
    gets more than RETURNS of them; inf where that never happens, None where it had too few visits to tell."""
    times = [visit.at for visit in log.visits if visit.deployment == fault.deployment]
    everything = [visit.at for visit in log.visits]
    before = _share(times, everything, max(0.0, fault.begin - 20), fault.begin)
    if before * _rate(everything, fault.begin - 20, fault.begin) < NOTICEABLE:
        return None, None

    def first(begin: float, end: float, below: bool) -> float:
        at = begin
        while at + WINDOW <= end:
            share = _share(times, everything, at, at + WINDOW) / before
            if share < LEAVES if below else share > RETURNS:
                return at - begin
            at += 0.5
        return math.inf

    detect = first(fault.begin, fault.end, below=True)
    if detect == math.inf:
        return detect, None
    return detect, first(fault.end, log.scenario.seconds, below=False)


def _rate(times: Sequence[float], begin: float, end: float) -> float:
    return sum(begin <= at < end for at in times) / (end - begin)


def _share(times: Sequence[float], everything: Sequence[float], begin: float, end: float) -> float:
    whole = sum(begin <= at < end for at in everything)
    return sum(begin <= at < end for at in times) / whole if whole else 0.0
