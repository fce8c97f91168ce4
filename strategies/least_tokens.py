"""least-tokens: the least work ahead, and away from limits that get tight.

rank = (work in flight + work of this call) x ms per token / 1000 / weight + barrier x u / (1 - u)      in seconds
work = output tokens + 0.03 x input tokens + 400 for each call

`u` is the share of the tightest limit in use (reservations included), so the second part is nothing on an empty one,
`barrier` at half, and without bound at the limit: traffic leaves before calls are refused. Work is counted in the time
that a token of output takes, by the estimates that calls were granted with: the output is the caller's max_tokens or
what the group's answers were like. Input is read many tokens at a time, so it weighs little; and a call that runs slows
the others down whatever its tokens. So a long prompt goes to the fastest, and the short ones not behind it. Calls in
flight that another strategy granted are taken for ones like this. Where no output is expected (embeddings), the time of
a whole call takes the place of ms per token x work.

Source: SMG's least_load, (queued + in-flight tokens) / throughput + 0.15 s x u / (1 - u). There all tokens weigh alike,
and a call nothing; in our simulation (tests/sim) that helps where prompts are ten times as long as usual, and makes p95
of the time to the first token longer everywhere else. These weights are judged by the same simulation. As in peak-ewma,
an idle one's memory ages (10 s), so that it is asked again.
"""

from __future__ import annotations

from pydantic import Field

from router_core.strategies.strategy import Arguments, Strategy, source


class LeastTokensArguments(Arguments):
    """None: the default of the Lua file."""

    barrier: float | None = Field(None, ge=0)  # seconds that half a limit in use weighs; 0.15; 0: limits do not matter


LEAST_TOKENS = Strategy("least-tokens", source("waits", "least_tokens"), LeastTokensArguments)
