"""Configuration of a router: what a user writes, validated before anything is connected.

`load` is the door; the rest is what it returns, and what the router asks of it while it runs.
"""

from __future__ import annotations

from router_core.config.breakers import Breakers, breaker_for, health_words
from router_core.config.deployment import Deployment
from router_core.config.limits_declared import declared_rows
from router_core.config.limits_rows import Row
from router_core.config.load import load
from router_core.config.policies import AllowedFailsPolicy, RetryPolicy
from router_core.config.problems import Problems
from router_core.config.resilience import AdaptiveConcurrency, AdaptiveThrottling, HealthCheck, RetryBudget
from router_core.config.settings import Routing, Settings
from router_core.config.targets import Target, name_of
from router_core.config.weights import weigh
from router_core.config.yaml import from_yaml

__all__ = [
    "AdaptiveConcurrency",
    "AdaptiveThrottling",
    "AllowedFailsPolicy",
    "Breakers",
    "Deployment",
    "HealthCheck",
    "Problems",
    "RetryBudget",
    "RetryPolicy",
    "Routing",
    "Row",
    "Settings",
    "Target",
    "breaker_for",
    "declared_rows",
    "from_yaml",
    "health_words",
    "load",
    "name_of",
    "weigh",
]
