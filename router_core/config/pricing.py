"""Prices as they are written: LiteLLM's keys, in `litellm_params` or `model_info`, in dollars per token, second, …

    input_cost_per_token, cache_read_input_token_cost_above_200k_tokens, output_cost_per_token_priority, …

What is written stands alone: nothing is added to it from a price list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from router_core.config.facts import Facts
from router_core.config.problems import Problems, join
from router_core.costs.rates import MILLION, Rates, Table
from router_core.costs.usage import Unit

_NANO = 10**9

# LiteLLM's name -> unit, and how many of them the price is for. Of two names for one unit the first counts.
_NAMES: Mapping[str, tuple[Unit, int]] = {
    "input_cost_per_token": ("input", 1),
    "output_cost_per_token": ("output", 1),
    "cache_read_input_token_cost": ("cached", 1),
    "cache_creation_input_token_cost": ("cache_write", 1),
    "cache_creation_input_token_cost_above_1hr": ("cache_write_1h", 1),
    "input_cost_per_audio_token": ("input_audio", 1),
    "input_cost_per_image_token": ("input_image", 1),
    "output_cost_per_reasoning_token": ("reasoning", 1),
    "output_cost_per_audio_token": ("output_audio", 1),
    "output_cost_per_image_token": ("output_image", 1),
    "citation_cost_per_token": ("citations", 1),
    "input_cost_per_request": ("requests", 1),
    "input_cost_per_query": ("searches", 1),
    "output_cost_per_image": ("images", 1),
    "input_cost_per_image": ("images", 1),
    "input_cost_per_character": ("characters", 1),
    "input_cost_per_second": ("audio_ms", 1000),
    "input_cost_per_audio_per_second": ("audio_ms", 1000),
    "output_cost_per_second": ("audio_ms", 1000),
}
_ABOVE = re.compile(r"_above_(\d+)k_tokens")
_TIER = re.compile(r"_(priority|flex)$")
_PRICE = re.compile(r"(?!.*_batches$)(.*(cost_per_|_token_cost)|tiered_pricing$)")


class _Price(NamedTuple):
    unit: Unit
    per: int
    above: int  # input tokens from which on it holds; 0: always
    tier: str  # of service; "": the usual


def is_price(name: str) -> bool:
    """Whether a key of `litellm_params` or `model_info` is the price of a call, known here or not."""
    return bool(_PRICE.match(name))


def basic(facts: Facts) -> dict[str, float]:
    """The two prices that may stand beside the sections too."""
    two = {name: getattr(facts, name) for name in ("input_cost_per_token", "output_cost_per_token")}
    return {name: amount for name, amount in two.items() if amount is not None}


def read(places: Sequence[tuple[str, Mapping[str, Any]]], problems: Problems) -> dict[str, float]:
    """All prices written in `places` (path, keys); what disagrees or is no amount is a problem."""
    found: dict[str, float] = {}
    for path, keys in places:
        for name, value in keys.items():
            if value is None or not is_price(name):
                continue
            if _meaning(name) is None:
                problems.note(f"{name} has no effect here: nothing is priced by it")
            elif (amount := _amount(value)) is None:
                problems.error(join(path, name), "must be an amount of dollars, at least 0")
            elif found.setdefault(name, amount) != amount:
                problems.error(join(path, name), "differs from what is written in another place; give it once")
    return found


def rates(written: Mapping[str, float]) -> Rates | None:
    """The rates that are written; None where none is."""
    if not written:
        return None
    prices = [(price, _nano(written[name], price.per)) for name in _order(written) if (price := _meaning(name))]
    usual = _tables(prices, "")
    tiers = {price.tier for price, _ in prices if price.tier}
    return Rates(usual[0][1], tuple(usual[1:]), {tier: _tiered(prices, tier) for tier in sorted(tiers)})


def _tiered(prices: Sequence[tuple[_Price, int]], tier: str) -> Rates:
    tables = _tables(prices, tier)
    return Rates(tables[0][1], tuple(tables[1:]))


def _tables(prices: Sequence[tuple[_Price, int]], tier: str) -> list[tuple[int, Table]]:
    """(from so many input tokens on, whole table), ascending. A table has what it does not name from the ones below."""
    tables: list[tuple[int, Table]] = []
    for start in sorted({0, *(price.above for price, _ in prices)}):
        table: dict[Unit, int] = dict(tables[-1][1]) if tables else {}
        for wanted in ("", tier):
            own = {price.unit: nano for price, nano in reversed(prices) if (price.above, price.tier) == (start, wanted)}
            table.update(own)
        tables.append((start, table))
    return tables


def _meaning(name: str) -> _Price | None:
    tier = _TIER.search(name)
    name = name[: tier.start()] if tier else name
    above = _ABOVE.search(name)
    known = _NAMES.get(name.replace(above[0], "") if above else name)
    if known is None:
        return None
    return _Price(*known, int(above[1]) * 1000 if above else 0, tier[1] if tier else "")


def _order(written: Mapping[str, float]) -> list[str]:
    ranks = {name: index for index, name in enumerate(_NAMES)}
    return sorted(written, key=lambda name: ranks.get(name, len(ranks)))


def _amount(value: Any) -> float | None:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        return None
    return amount if 0 <= amount < float("inf") and not isinstance(value, bool) else None


def _nano(dollars: float, per: int) -> int:
    return int((Decimal(repr(dollars)) * _NANO * MILLION / per).to_integral_value())
