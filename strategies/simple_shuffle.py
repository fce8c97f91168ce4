"""simple-shuffle: at random, by weight.

rank = -ln(u) / weight with u uniform in (0, 1); the lowest wins, with probability weight / sum of weights (Efraimidis
and Spirakis 2006, "Weighted random sampling with a reservoir"). Weight 0: only where nobody else can serve. Exact among
those with room, because every decision draws anew. provider-budget-routing is the same: a shuffle among those within
budget.
"""

from __future__ import annotations

from router_core.strategies.strategy import Strategy, source

SIMPLE_SHUFFLE = Strategy("simple-shuffle", source("simple_shuffle"), sampled_by_weight=True)
