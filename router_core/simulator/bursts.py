"""Arrivals made up: as bursty as the Azure 2023 code trace, for where no trace is at hand."""

from __future__ import annotations

import math
import random

from router_core.simulator.traces import Arrival

# Of the code trace: median, spread, and the most, of tokens in and out.
_INPUT = (1469.0, 0.98, 7437)
_OUTPUT = (13.0, 1.18, 1899)
# A gamma of this shape for the rate of a second has the trace's variance (at 20×: mean 50, variance 5,158 per second).
_SHAPE = 0.5


def bursty(seconds: float = 172.0, rate: float = 51.3, *, peak: float = 9.0, seed: int = 0) -> list[Arrival]:
    """Poisson arrivals, `rate` a second in the mean, whose intensity is drawn anew each second.

    Most seconds are nearly silent, and one, the worst, expects `peak` × `rate` arrivals. The defaults are the code
    trace at 20×: about 8,800 arrivals in 172 s. Equal seeds give equal arrivals. Raises ValueError.
    """
    if not (seconds > 0 and rate > 0 and peak >= 1):
        raise ValueError("seconds and rate have to be above 0, and peak at least 1")
    rng = random.Random(seed)
    arrivals = []
    for second, share in enumerate(_intensities(math.ceil(seconds), peak, rng)):
        at = float(second)
        while (at := at + rng.expovariate(share * rate)) < min(second + 1, seconds):
            arrivals.append(Arrival(at, _tokens(_INPUT, rng), _tokens(_OUTPUT, rng)))
    return arrivals


def _intensities(count: int, peak: float, rng: random.Random) -> list[float]:
    """One share of the mean rate for each second: mean 1, the largest exactly `peak` where there is room for it."""
    drawn = [rng.gammavariate(_SHAPE, 1.0 / _SHAPE) + 1e-9 for _ in range(count)]
    if count <= peak:
        return [1.0] * count
    worst = drawn.index(max(drawn))
    rest = sum(drawn) - drawn[worst]
    return [peak if index == worst else share * (count - peak) / rest for index, share in enumerate(drawn)]


def _tokens(spread: tuple[float, float, int], rng: random.Random) -> int:
    median, sigma, most = spread
    return max(1, min(most, round(rng.lognormvariate(math.log(median), sigma))))
