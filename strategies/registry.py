"""Strategies by name. There is nothing to register at: a user's own are handed over with each question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from router_core.strategies.balanced import BALANCED
from router_core.strategies.cost_based_routing import COST_BASED_ROUTING
from router_core.strategies.custom import CUSTOM
from router_core.strategies.latency_based_routing import LATENCY_BASED_ROUTING
from router_core.strategies.least_busy import LEAST_BUSY
from router_core.strategies.least_tokens import LEAST_TOKENS
from router_core.strategies.peak_ewma import PEAK_EWMA
from router_core.strategies.price_weighted import PRICE_WEIGHTED
from router_core.strategies.simple_shuffle import SIMPLE_SHUFFLE
from router_core.strategies.strategy import Strategy, did_you_mean
from router_core.strategies.usage_based_routing import USAGE_BASED_ROUTING

_BUILT_IN: Mapping[str, Strategy] = MappingProxyType(
    {
        "simple-shuffle": SIMPLE_SHUFFLE,
        "least-busy": LEAST_BUSY,
        "latency-based-routing": LATENCY_BASED_ROUTING,
        "cost-based-routing": COST_BASED_ROUTING,
        "usage-based-routing": USAGE_BASED_ROUTING,
        "usage-based-routing-v2": USAGE_BASED_ROUTING,
        "provider-budget-routing": SIMPLE_SHUFFLE,
        "peak-ewma": PEAK_EWMA,
        "least-tokens": LEAST_TOKENS,
        "price-weighted": PRICE_WEIGHTED,
        "balanced": BALANCED,
        "custom": CUSTOM,
    }
)


def names(extra: Iterable[Strategy] = ()) -> tuple[str, ...]:
    """All good names: the built-in ones, then those of `extra`."""
    return (*_BUILT_IN, *(strategy.name for strategy in extra))


def find(name: str, extra: Iterable[Strategy] = ()) -> Strategy:
    """The strategy of that name; `extra` are the user's own. ValueError, with the good names, for any other.

    Of an alias the `name` of the answer is the one the scripts know.
    """
    own = {strategy.name: strategy for strategy in extra}
    taken = [one for one in own if one in _BUILT_IN]
    if taken:
        raise ValueError(f"a strategy of one's own needs a name of its own: {', '.join(taken)} is built in")
    found = own.get(name) or _BUILT_IN.get(name)
    if found is None:
        good = [*_BUILT_IN, *own]
        raise ValueError(f"no strategy {name!r}{did_you_mean(name, good)}; there are {', '.join(good)}")
    return found


def sources(wanted: Iterable[str] | None = None, extra: Iterable[Strategy] = ()) -> dict[str, str]:
    """Name in the scripts -> Lua source: for `Store(ranks=...)`. None: all, `extra` too. ValueError as `find`."""
    extra = tuple(extra)
    found = (find(name, extra) for name in (names(extra) if wanted is None else wanted))
    return {strategy.name: strategy.lua for strategy in found}
