"""A deployment as LiteLLM lists it, without its credentials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router_core.config import Deployment

_PARAMS = (
    "api_base", "api_version", "organization", "region_name", "weight", "order", "timeout", "stream_timeout",
    "num_retries", "cooldown_time", "tags",
)  # fmt: skip


def describe(deployment: Deployment) -> dict[str, Any]:
    """`model_name`, `litellm_params` (what was set), `model_info` with the id, and the `limits` in our terms."""
    given = {name: getattr(deployment, name) for name in _PARAMS}
    return {
        "model_name": deployment.model_name,
        "litellm_params": {
            "model": f"{deployment.provider}/{deployment.model}",
            **{name: value for name, value in given.items() if value not in (None, ())},
            **deployment.prices,
        },
        "model_info": {**deployment.model_info, "id": deployment.id},
        "limits": dict(deployment.limits),
    }


def describe_group(name: str, members: Sequence[Deployment]) -> dict[str, Any]:
    """A group as LiteLLM tells it: limits are sums (None where a member has none), context and prices the highest."""

    def summed(limit: str) -> int | None:
        amounts = [one.limits.get(limit) for one in members]
        return None if None in amounts else sum(amount for amount in amounts if amount is not None)

    def highest(field: str) -> Any:
        return max((value for one in members if (value := getattr(one, field)) is not None), default=None)

    return {
        "model_group": name,
        "providers": sorted({one.provider for one in members}),
        "rpm": summed("requests/60"),
        "tpm": summed("tokens/60"),
        "max_parallel_requests": summed("concurrent"),
        "max_input_tokens": highest("max_input_tokens"),
        "input_cost_per_token": highest("input_cost_per_token"),
        "output_cost_per_token": highest("output_cost_per_token"),
    }
