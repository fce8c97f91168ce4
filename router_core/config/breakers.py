"""When an outcome cools a deployment: LiteLLM's rules as a Breaker for the shared state.

| outcome | without a policy | with allowed_fails or a policy |
|---|---|---|
| the caller's fault, cancelled | never | never |
| 429 | at once, unless the deployment is alone in its group | more than n a minute |
| 401, 402, 403, 404 | at once | more than n a minute |
| 5xx, timeout, no connection, unreadable | more than half failing, at least 5 a minute | more than n a minute |

A lone deployment, with nothing to fail over to, cools only after a thousand such failures a minute. An upstream's
Retry-After counts in every case but the first, and where cooldowns are off.

What no wait mends (a bad key, no credit, no such model) cools for a minute at least, where others can serve and the
deployment has no cooldown_time of its own.
"""

from __future__ import annotations

from router_core.config.deployment import Deployment
from router_core.config.settings import Settings
from router_core.state.records import Breaker, OutcomeKind

OFF = Breaker("never", 0.0, 0.0)
_NEUTRAL = frozenset({"ok", "caller", "content_policy", "context_window", "cancelled"})
_AT_ONCE = frozenset({"auth", "not_found"})
_LASTING = 60.0  # seconds
_LONE = "count:999"  # LiteLLM: a lone deployment needs a thousand requests in the minute


def breaker_for(
    settings: Settings, deployment: Deployment, group_size: int, kind: OutcomeKind, status: int | None = None
) -> Breaker:
    """The rule for one outcome of `deployment`, in a group of `group_size` deployments."""
    base = settings.cooldown_time if deployment.cooldown_time is None else deployment.cooldown_time
    if settings.disable_cooldowns or base == 0:
        return OFF
    if kind in _AT_ONCE and group_size > 1 and deployment.cooldown_time is None:
        base = max(base, _LASTING)
    return Breaker(_trip(settings, deployment, group_size, kind, status), base, max(settings.longest_cooldown, base))


def _trip(settings: Settings, deployment: Deployment, group_size: int, kind: OutcomeKind, status: int | None) -> str:
    if kind in _NEUTRAL:
        return "never"
    allowed = _allowed(settings, deployment, kind, status)
    if allowed is not None:
        return f"count:{allowed}"
    if kind in _AT_ONCE:
        return "now"
    if kind == "rate_limit":
        return "now" if group_size > 1 else "never"
    return "ratio" if group_size > 1 else _LONE


def _allowed(settings: Settings, deployment: Deployment, kind: OutcomeKind, status: int | None) -> int | None:
    if deployment.allowed_fails is not None:
        return deployment.allowed_fails
    policy = settings.allowed_fails_policy
    of_class = policy.allowed_for(kind, status) if policy else None
    return settings.fails_allowed if of_class is None else of_class
