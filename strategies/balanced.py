"""balanced: latency, load, headroom and price at once; a good default where nothing is known of what matters most.

rank = ms x (in-flight + 1) / weight x (price / cheapest)^price / (1 - u)^headroom

`ms` is how long this call would take there: ms per token x expected output tokens, for streams the time to the first
token besides (where no output is expected, that of a whole call). `u` is the share of the tightest limit in use. With
the defaults (both exponents 0.5) one that is four times as dear has to be twice as fast, and one with a quarter of its
limit left counts as twice as slow. As in peak-ewma an idle one's memory ages (10 s), so that it is asked again.

Source: the factors are those of peak EWMA (Finagle), SMG's barrier and OpenRouter's price weighting; the product and
its exponents are ours, judged by tests/sim/RESULTS.md.
"""

from __future__ import annotations

from pydantic import Field

from router_core.strategies.strategy import Arguments, Strategy, source


class BalancedArguments(Arguments):
    """None: the default of the Lua file."""

    price: float | None = Field(None, ge=0, le=4)  # exponent; 0.5; 0: prices do not matter
    headroom: float | None = Field(None, ge=0, le=4)  # exponent; 0.5; 0: limits matter only where they are full


BALANCED = Strategy("balanced", source("waits", "balanced"), BalancedArguments)
