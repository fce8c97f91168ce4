"""Attempts that were refused before any work was done, and so do not count as one of the call's retries.

After gRPC's transparent retries (proposal A6): what never reached the server's application is made again elsewhere
whatever the number of retries. When half of a group goes down, the first calls meet one dead deployment after the other
until the fleet knows them; refusals take no time and cost nothing, so only their number speaks against going on.

Of a number that somebody gave, what had no connection is spared: no upstream saw it, so it counts for none. Where
nobody gave one, what the upstream itself refused (429, 503, 529) is spared too. 0 retries are none. What may be the
request's own fault (500), may have done something (a broken connection) or took long (a timeout) counts always.

Bounded: such an attempt goes to a deployment that the call has not tried, at most MOST of them, within the deadline and
the fleet's retry budget.
"""

from __future__ import annotations

from router_core.errors import RouterError
from router_core.plan import Allowed

MOST = 4  # of one call: seven dead ones in a row of a group that is half down meet one call in 128
_UNREACHED = frozenset({"no_connection", "connect_timeout"})
_REFUSALS = frozenset({429, 503, 529})


def is_spared(error: RouterError, allowed: Allowed) -> bool:
    """Whether the attempt that ended so does not count as one of the retries."""
    if allowed.retries == 0:
        return False
    return error.reason in _UNREACHED or (not allowed.given and error.status_code in _REFUSALS)
