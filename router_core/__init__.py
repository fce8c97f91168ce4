"""A router for language model calls whose whole state is shared in Redis.

    Router                      the one object an application makes; `router.py` tells the story of a request
    errors                      RouterError and its tree, under the names of openai's errors
    Stream, SyncStream          what `stream=True` gives
    Strategy                    a rank of one's own, in Lua
    Provider, from_callable     a provider of one's own
    Event hooks                 `hooks.py`; Prometheus: `Router(metrics=True)`

The packages below: `config` (what may be written), `providers` (how they speak), `state` (what the fleet shares),
`strategies` (who is best), `simulator` (an upstream for tests), `cli` (`router-core`).
"""

from __future__ import annotations

from router_core.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    MalformedAnswerError,
    NoDeploymentAvailable,
    NotAllowed,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RetryBudgetExhausted,
    RouterError,
    ServiceUnavailableError,
    StateUnavailable,
    StreamInterrupted,
    Throttled,
    Timeout,
    UnprocessableEntityError,
    UnsupportedParamsError,
)
from router_core.providers import Provider, from_callable
from router_core.router import Router
from router_core.strategies import Strategy
from router_core.streaming import Stream, SyncStream

__all__ = [
    "APIConnectionError",
    "APIError",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "BudgetExceededError",
    "ConfigurationError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "InternalServerError",
    "MalformedAnswerError",
    "NoDeploymentAvailable",
    "NotAllowed",
    "NotFoundError",
    "PermissionDeniedError",
    "Provider",
    "RateLimitError",
    "RetryBudgetExhausted",
    "Router",
    "RouterError",
    "ServiceUnavailableError",
    "StateUnavailable",
    "Strategy",
    "Stream",
    "StreamInterrupted",
    "SyncStream",
    "Throttled",
    "Timeout",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
    "from_callable",
]
