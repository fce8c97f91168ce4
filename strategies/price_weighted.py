"""price-weighted: at random, the cheaper the more often; those with an outage a moment ago only where no other can.

rank = -ln(u) x price^power / weight, u uniform in (0, 1): each is chosen with probability proportional to
weight / price^power, among those without an outage in the last `outage` seconds (cooldowns for 429 are none). The price
is that of this request: input tokens x input price + expected output tokens x output price. Of unknown price: last.

Source: OpenRouter's default load balancing, "weighted by inverse square of the price", stable providers first; the draw
as in simple-shuffle. Three times as dear is a ninth of the calls, unlike cost-based-routing, where it is none until
the cheap one is full.
"""

from __future__ import annotations

from pydantic import Field

from router_core.strategies.strategy import Arguments, Strategy, source


class PriceWeightedArguments(Arguments):
    """None: the default of the Lua file."""

    power: float | None = Field(None, ge=0, le=4)  # 2; 0: prices do not matter
    outage: float | None = Field(None, ge=0)  # seconds after a recovery in which others go first; 30


PRICE_WEIGHTED = Strategy("price-weighted", source("price_weighted"), PriceWeightedArguments)
