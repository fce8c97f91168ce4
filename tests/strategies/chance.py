"""Is this chance? A chi-square test without scipy."""

from __future__ import annotations

import math
from collections.abc import Mapping

FLAKE = 1e-6  # a right distribution fails once in a million runs


def p_value(counts: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """Probability of counts at least this far from weights' shares (Pearson; Wilson and Hilferty's approximation)."""
    total, whole = sum(counts.values()), sum(weights.values())
    if set(counts) - {name for name, weight in weights.items() if weight > 0}:
        return 0.0
    expected = {name: total * weight / whole for name, weight in weights.items() if weight > 0}
    chi2 = sum((counts.get(name, 0) - mean) ** 2 / mean for name, mean in expected.items())
    freedom = len(expected) - 1
    spread = 2 / (9 * freedom)
    z = ((chi2 / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))


def wrong(weights: Mapping[str, float], name: str, factor: float = 1.1) -> dict[str, float]:
    """The weights with one of them off by a tenth."""
    return {**weights, name: weights[name] * factor}
