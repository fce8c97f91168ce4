"""Measuring in turns: what is compared runs one after the other, again and again, so that noise meets all alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

Measure = Callable[[], Awaitable[float]]  # one figure, of one turn


@dataclass(frozen=True)
class Taken:
    """The figures of one way, one per round."""

    figures: tuple[float, ...]

    @property
    def usual(self) -> float:
        return median(self.figures)

    @property
    def least(self) -> float:
        """The quietest round."""
        return min(self.figures)

    def times(self, other: Taken) -> float:
        """How many times the other's: the median over the rounds, each compared within itself."""
        return median(a / b for a, b in zip(self.figures, other.figures, strict=True))


async def in_turns(measures: Mapping[str, Measure], rounds: int) -> dict[str, Taken]:
    """One unmeasured round, then `rounds` of them."""
    figures: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            figure = await measure()
            if number:
                figures[name].append(figure)
    return {name: Taken(tuple(listed)) for name, listed in figures.items()}
