"""What the router tells about a call, on its answer: LiteLLM's attributes and ours."""

from __future__ import annotations

from typing import Any

import httpx

from router_core.attempts import Attempt
from router_core.choosing.decisions import Decision
from router_core.costs.prices import dollars

_KEPT = (b"x-request-id", b"request-id", b"retry-after")
_RATE = b"x-ratelimit-"


def facts(attempt: Attempt, decision: Decision) -> dict[str, Any]:
    """The attributes; `attempts` is a live list, which for a stream gets its last record at the end."""
    deployment, plan = attempt.deployment, attempt.plan
    return {
        "model_used": attempt.target.call.model_of(deployment.model),
        "deployment": deployment.id,
        "attempts": plan.attempts,
        "decision": decision,
        "_response_ms": plan.elapsed_ms(),
        "_hidden_params": {
            "model_id": deployment.id,
            "api_base": deployment.api_base,
            "custom_llm_provider": deployment.provider,
            "response_cost": dollars(attempt.cost_nano),
            "additional_headers": _headers(attempt.headers),
            "attempted_retries": plan.retries,
            "attempted_fallbacks": plan.fallbacks,
            "hedged": plan.hedges > 0,
            "hedge_won": attempt.is_copy,
        },
    }


def _headers(headers: httpx.Headers | None) -> dict[str, str]:
    """The provider's headers about limits and the call's id; never cookies or the rest."""
    if headers is None:
        return {}
    named = ((name.lower(), value) for name, value in headers.raw)
    return {
        name.decode("ascii"): value.decode("latin-1")
        for name, value in named
        if name in _KEPT or name.startswith(_RATE)
    }
