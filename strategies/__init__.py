"""Strategies, one idea a file: a rank in Lua (lower is better) and its arguments in Python.

    find("least-busy").spec({})           what `Acquire.strategy` takes
    sources()                             what `Store(ranks=...)` takes
    Strategy.from_lua("mine", source)     a rank of one's own; goes into `extra=` of the others

A Lua file returns `rank[, prepare]`: `rank(candidate, request, now, random)` answers a number, and `prepare(candidates,
request, now, random, ranks, steady)` runs once before and may leave what it found in `request.prepared`; if it puts the
numbers of all candidates into the list `ranks` and returns true, none is asked for. `steady`: none of them is in slow
start.

    candidate   id, weight (in force, slow start included), order, inflight, state ("ramp" in slow start), trips
                (cooldowns in a row, 0: none ever), since_ms (last change of state), reason (of the last cooldown), and
                what the line `-- Facts: ...` names of latency_ms, ttft_ms, ms_per_token, sampled_ms, input_price and
                output_price (nano-dollars per million tokens), used (share of the tightest limit), input_in_flight and
                output_in_flight (estimated tokens of its calls in flight: counted for calls of strategies that name one
                of the two, others are taken for ones like this); nil where unknown
    request     stream, input_tokens, output_tokens, args, group, extra (nil but for a retry or a hedge)
    now         the pool's time in ms
    random()    uniform in (0, 1)

Weight 0 means: only where nobody else can serve. Valid in Lua 5.1 and 5.4, without globals; a file keeps nothing
from one decision for the next.
"""

from __future__ import annotations

from router_core.strategies.registry import find, names, sources
from router_core.strategies.strategy import Arguments, Strategy

__all__ = ["Arguments", "Strategy", "find", "names", "sources"]
