"""What a deployment charges, and what a call costs by it.

Rates are whole nano-dollars per million units, so that costs are sums of whole numbers; each call is rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router_core.costs.usage import INPUT, Unit, Usage

MILLION = 10**6

Table = Mapping[Unit, int]

# What is not priced apart is priced as what it is a kind of; input and output themselves must have a price.
_KIND_OF: Mapping[Unit, Unit] = {"cache_write_1h": "cache_write"}
_TOKENS = frozenset({"input", "output"})
_INSTEAD: tuple[Unit, ...] = ("images", "characters", "audio_ms")


@dataclass(frozen=True, slots=True)
class Rates:
    """`table`: the usual rates. `above`: whole tables that hold for calls with more input tokens, ascending.

    `tiers`: rates of a provider's service tiers (`flex`, `priority`), as answers name them.
    """

    table: Table
    above: tuple[tuple[int, Table], ...] = ()
    tiers: Mapping[str, Rates] = field(default_factory=dict)

    def cost_nano(self, usage: Usage) -> int | None:
        """Nano-dollars, rounded up; None where something priced was not counted, or something counted has no price."""
        if usage.service_tier is not None and usage.service_tier in self.tiers:
            return self.tiers[usage.service_tier].cost_nano(usage)
        table = self._table_for(usage.sent)
        tokens = _tokens(table, usage)
        if tokens is None:
            tokens = _instead(table, usage)
            if tokens is None:
                return None
        elif len(table) > 2:
            tokens += _instead(table, usage) or 0
        return -(-(tokens + _added(table, usage)) // MILLION)

    def _table_for(self, sent: int | None) -> Table:
        found = self.table
        if self.above and sent is not None:
            for start, table in self.above:
                if sent > start:
                    found = table
        return found


def _tokens(table: Table, usage: Usage) -> int | None:
    """Millionths of nano-dollars for all tokens."""
    sent, made = usage.billed or (usage.sent, usage.made)
    if sent is None or made is None or _TOKENS.isdisjoint(table):
        return None
    total = 0
    for unit, count in usage.parts.items():
        rate = table.get(unit) if unit in table else table.get(_KIND_OF.get(unit, unit))
        if rate is None:
            continue
        total += count * rate
        if unit in INPUT:
            sent -= count
        elif unit != "citations":  # they are counted beside the output
            made -= count
    sent, made = max(sent, 0), max(made, 0)
    if (sent and "input" not in table) or (made and "output" not in table):
        return None
    return total + sent * table.get("input", 0) + made * table.get("output", 0)


def _instead(table: Table, usage: Usage) -> int | None:
    """What is priced by something else than tokens; None where nothing such was counted."""
    counted = [usage.extras[unit] * table[unit] for unit in _INSTEAD if unit in table and unit in usage.extras]
    if counted or not _TOKENS.isdisjoint(table):
        return sum(counted) if counted else None
    only_added = "requests" in table or ("searches" in table and "searches" in usage.extras)
    return 0 if only_added else None


def _added(table: Table, usage: Usage) -> int:
    """What is charged besides: each request, and the searches that were reported."""
    return table.get("requests", 0) + table.get("searches", 0) * usage.extras.get("searches", 0)
