"""A deployment as LiteLLM lists it, without its credentials."""

from __future__ import annotations

from typing import Any

from router_core.config import Deployment

_PARAMS = (
    "api_base", "api_version", "organization", "region_name", "weight", "order", "timeout", "stream_timeout",
    "num_retries", "cooldown_time", "tags", "input_cost_per_token", "output_cost_per_token",
)  # fmt: skip


def describe(deployment: Deployment) -> dict[str, Any]:
    """`model_name`, `litellm_params` (what was set), `model_info` with the id, and the `limits` in our terms."""
    given = {name: getattr(deployment, name) for name in _PARAMS}
    return {
        "model_name": deployment.model_name,
        "litellm_params": {
            "model": f"{deployment.provider}/{deployment.model}",
            **{name: value for name, value in given.items() if value not in (None, ())},
        },
        "model_info": {**deployment.model_info, "id": deployment.id},
        "limits": dict(deployment.limits),
    }
