"""peak-ewma: the shortest wait, load included, with a memory that ages while nobody asks.

rank = max(ms x exp(-age / decay), penalty x average x exp(-t / decay)) x (in-flight + 1) / weight

`ms` is the time to the first token for streams, per output token otherwise, and that of the whole call where no output
is expected; the pool learns a slower sample at once (a timeout is one) and faster ones with weight 1 - exp(-dt / 10 s).
`age` is that of the last sample, and counts only while nothing is in flight: a slow one is asked again after
decay x ln(how many times slower it was), by one call at a time. `t` is the time since the last cooldown ended: a
failure has no latency, so it counts as a sample that is `penalty` times the average of the group.

Source: Finagle's PeakEwma and Linkerd's, whose constants are these (tau 10 s; there the penalty is 5 s, here it is a
multiple, because what is waited for may be a token). It differs from latency-based-routing, which never forgets but
explores at random: here exploration needs no dice, follows the load, and costs more where calls are rare.
"""

from __future__ import annotations

from pydantic import Field

from router_core.strategies.strategy import Arguments, Strategy, source


class PeakEwmaArguments(Arguments):
    """None: the default of the Lua file."""

    decay: float | None = Field(None, gt=0)  # seconds; 10
    penalty: float | None = Field(None, ge=0)  # times the group's average, right after a cooldown; 5; 0: none


PEAK_EWMA = Strategy("peak-ewma", source("waits", "peak_ewma"), PeakEwmaArguments)
