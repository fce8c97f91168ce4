"""What a call used, and what that costs. Money is whole nano-dollars, each call rounded up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router_core.config import Deployment

_MILLION = 10**6


class Prices:
    """Nano-dollars per million tokens of each deployment, read once."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        declared = [deployment.declared() for deployment in deployments]
        self._prices = {one.id: (one.input_price, one.output_price) for one in declared}

    def cost_nano(self, deployment: str, sent: int | None, made: int | None) -> int | None:
        """The cost of so many tokens; None where the tokens, or the price of some of them, are unknown."""
        input_price, output_price = self._prices[deployment]
        if sent is None or made is None or (sent and input_price is None) or (made and output_price is None):
            return None
        return -(-(sent * (input_price or 0) + made * (output_price or 0)) // _MILLION)


def dollars(nano: int | None) -> float | None:
    """For LiteLLM's `response_cost`."""
    return None if nano is None else nano / 1e9


def usage_of(answer: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Input and output tokens as the provider counted them; None where it did not. An embedding has no output."""
    usage = None if answer is None else answer.get("usage")
    if not usage:
        return None, None
    sent, made = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    return _count(sent), _count(made)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
