"""cost-based-routing: the cheapest for this request, and among equally cheap ones the least in flight for its weight.

rank = floor(input price x input tokens + output price x expected output tokens, in nano-dollars) + l / (1 + l) with
l = in-flight / weight: the load is below 1, so it decides only where the price is the same to the nano-dollar. An
unknown price comes after all known ones (LiteLLM takes 5 dollars a token, to the same end). Limits bound what the
cheapest one gets: what it has no room for goes to the next.
"""

from __future__ import annotations

from router_core.strategies.strategy import Strategy, source

COST_BASED_ROUTING = Strategy("cost-based-routing", source("cost_based_routing"))
