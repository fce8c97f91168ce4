"""usage-based-routing (and -v2): the most headroom.

rank = used / limit of the tightest limit (requests, tokens, in-flight; rolling windows), reservations included. Without
limits the share is 0, so such deployments come first; among equals the least in flight for its weight.
"""

from __future__ import annotations

from router_core.strategies.strategy import Strategy, source

USAGE_BASED_ROUTING = Strategy("usage-based-routing", source("usage_based_routing"))
