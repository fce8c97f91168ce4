"""least-busy: the fewest calls in flight, over the whole fleet, for its weight.

rank = in-flight / weight; idle ones come first, in a weighted random order, so a quiet fleet spreads its calls by
weight and a deployment in slow start is spared. Ties at random. In-flight counts leases, so it does not drift.
"""

from __future__ import annotations

from router_core.strategies.strategy import Strategy, source

LEAST_BUSY = Strategy("least-busy", source("least_busy"))
