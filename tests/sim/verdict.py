"""Which strategy to use when, from the figures and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean

from tests.sim.figures import Figures
from tests.sim.lineup import PLAYERS
from tests.sim.tournament import Results

Measure = Callable[[Figures], float]

# Each tells how many times worse one is than the best; one error in a thousand calls counts like twice as long.
MEASURES: dict[str, Measure] = {
    "p95 TTFT": lambda f: f.ttft[1],
    "p99 TTFT": lambda f: f.ttft[2],
    "p95 duration": lambda f: f.duration[1],
    "cost": lambda f: f.cost,
    "errors": lambda f: 1 + 1000 * f.errors / f.calls,
}
BOUND = 2.0  # of p95 TTFT, times the fastest: within it a cheaper one is still as good for a person who waits


def own(results: Results) -> list[str]:
    """Our strategies that played."""
    return [one.name for one in PLAYERS if one.own and one.name in results.players]


def worse(results: Results, player: str, measures: Sequence[Measure] = tuple(MEASURES.values())) -> float:
    """How many times worse than the best of ours: the geometric mean over scenarios and measures."""
    logs = []
    for scenario in results.scenarios:
        for measure in measures:
            best = min(measure(results.of(scenario.name, name)) for name in own(results))
            logs.append(math.log(measure(results.of(scenario.name, player)) / best))
    return math.exp(mean(logs))


def best_by(results: Results, *names: str) -> str:
    """Ours that is the best by these measures over all scenarios."""
    return min(own(results), key=lambda name: worse(results, name, [MEASURES[one] for one in names]))


def cheapest_within_bound(results: Results) -> str | None:
    """The cheapest of ours that is nowhere slower than BOUND times the fastest in p95 TTFT."""
    able = [
        name
        for name in own(results)
        if all(
            results.of(one.name, name).ttft[1] <= BOUND * min(results.of(one.name, x).ttft[1] for x in own(results))
            for one in results.scenarios
        )
    ]
    return min(able, key=lambda name: worse(results, name, [MEASURES["cost"]]), default=None)


def default(results: Results) -> str:
    """The best by all measures together."""
    return best_by(results, *MEASURES)
