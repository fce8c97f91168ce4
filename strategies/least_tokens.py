"""least-tokens: the least work ahead, and away from limits that get tight.

rank = (in-flight + 1) x (input + output tokens) x ms per token / 1000 / weight + barrier x u / (1 - u)      in seconds

`u` is the share of the tightest limit in use (reservations included), so the second part is nothing on an empty one,
`barrier` at half, and without bound at the limit: traffic leaves before calls are refused. Output tokens are the
caller's max_tokens or what the group's answers were like. Tokens in flight are calls in flight times the tokens of this
one, as the pool counts calls. Where no output is expected (embeddings) it is the time of a whole call.

Source: SMG's least_load, (queued + in-flight tokens) / throughput + 0.15 s x u / (1 - u). As in peak-ewma, an idle
one's memory ages (10 s), so that it is asked again.
"""

from __future__ import annotations

from pydantic import Field

from router_core.strategies.strategy import Arguments, Strategy, source


class LeastTokensArguments(Arguments):
    """None: the default of the Lua file."""

    barrier: float | None = Field(None, ge=0)  # seconds that half a limit in use weighs; 0.15; 0: limits do not matter


LEAST_TOKENS = Strategy("least-tokens", source("waits", "least_tokens"), LeastTokensArguments)
