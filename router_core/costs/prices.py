"""What a call costs. Money is whole nano-dollars, each call rounded up.

The configuration's prices count before what the provider says a call costs, and that before a price list's.
"""

from __future__ import annotations

from collections.abc import Iterable

from router_core.config import Deployment
from router_core.costs import pricelist
from router_core.costs.usage import Usage


class Prices:
    """The rates of each deployment, found once."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._prices = {one.id: (one, one.written_rates(), one.listing()) for one in deployments}

    def cost_nano(self, deployment: str, usage: Usage, names: Iterable[str | None] = ()) -> int | None:
        """The cost of a call; None where the tokens, or the price of some of them, are unknown.

        `names`: what else the model was called: by its answer, by the caller who filled a wildcard. Behind a name like
        `deepseek-chat` or Azure's there is another model, which the answer names.
        """
        one, written, listed = self._prices[deployment]
        if written is not None:
            return written.cost_nano(usage)
        if usage.stated_nano is not None:
            return usage.stated_nano
        if not one.base_model:
            found = (pricelist.find(one.provider, name, one.api_base) for name in names if name)
            listed = next((known for known in found if known is not None), listed)
        return None if listed is None else listed.rates().cost_nano(usage)


def dollars(nano: int | None) -> float | None:
    """For LiteLLM's `response_cost`."""
    return None if nano is None else nano / 1e9
