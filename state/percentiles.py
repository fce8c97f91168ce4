"""How long calls take, as the fleet measured it: the quantiles of the deployments' sketches (lua/sketch.lua)."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from router_core.state.operations import FleetOp
from router_core.state.records import Percentiles, Timings

SHOWN = (50, 95, 99)  # percents of snapshots


def question(ids: Sequence[str], percents: Sequence[int] = SHOWN, age: float = 0.0) -> FleetOp:
    """Of these deployments (escaped) at ascending percents; the answer may be `age` seconds old."""
    return FleetOp(f"percentiles {','.join(map(str, percents))} {age * 1000:.0f}", " ".join(ids))


def timings(answer: str, percents: Sequence[int] = SHOWN) -> list[Timings]:
    """The answer: of all deployments together, then of each in the order of the question."""
    return [_timings(line.split(" "), percents) for line in answer.split("\n")]


def _timings(words: Sequence[str], percents: Sequence[int]) -> Timings:
    middle = len(percents) + 1
    return Timings(_percentiles(words[:middle], percents), _percentiles(words[middle:], percents))


def _percentiles(words: Sequence[str], percents: Sequence[int]) -> Percentiles:
    found = {percent: float(text) for percent, text in zip(percents, words[1:], strict=True) if text != "-"}
    return Percentiles(int(words[0]), MappingProxyType(found))
