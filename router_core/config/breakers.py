"""When an outcome cools a deployment: LiteLLM's rules as a Breaker for the shared state, where nobody says otherwise.

| outcome | without a policy | with allowed_fails or a policy |
|---|---|---|
| the caller's fault, cancelled | never | never |
| 429 | at once, unless the deployment is alone in its group | more than n a minute |
| 401, 402, 403, 404 | at once | more than n a minute |
| 5xx, timeout, no connection, unreadable, slow | 5 in a row, or most of a minute's, at least 5 | more than n a minute |

A lone deployment, with nothing to fail over to, cools only after a thousand such failures a minute. An upstream's
Retry-After counts in every case but the first, and where cooldowns are off.

What no wait mends (a bad key, no credit, no such model) cools for a minute at least, where others can serve and neither
the deployment nor its group has a cooldown_time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from router_core.config.breaker_rules import BreakerRules, GroupBreaker, Rule
from router_core.config.deployment import Deployment
from router_core.config.policies import SERVER_STATUSES
from router_core.config.settings import Settings
from router_core.state.records import Breaker, OutcomeKind

Verdict = OutcomeKind | Literal["slow"]

OFF = Breaker("never", 0.0, 0.0)
UNUSED = Breaker("never")  # a success opens nothing
_CALLERS = frozenset({"caller", "content_policy", "context_window", "cancelled"})
_NEUTRAL = _CALLERS | {"ok"}
_AT_ONCE = frozenset({"auth", "not_found"})
_LASTING = 60.0  # seconds
_LONE = "count:999"  # LiteLLM: a lone deployment needs a thousand requests in the minute
_IN_A_ROW = 5  # as Envoy's consecutive_5xx and gobreaker have it; a ratio alone waits until they outnumber the minute
_NOBODY = GroupBreaker()


class Breakers:
    """`breaker_for`, worked out once for each deployment and outcome."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[tuple[str, int, Verdict, int | None], Breaker] = {}

    def doubts(self, deployment: Deployment, group_size: int) -> bool:
        """Whether others of its group may be preferred to it: cooldowns are on, and it has others."""
        return group_size > 1 and self.of(deployment, group_size, "timeout").max_cooldown > 0

    def of(self, deployment: Deployment, group_size: int, kind: OutcomeKind, status: int | None = None) -> Breaker:
        key = (deployment.id, group_size, kind, status if status in SERVER_STATUSES else None)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = breaker_for(self._settings, deployment, group_size, kind, status)
        return found


def breaker_for(
    settings: Settings, deployment: Deployment, group_size: int, kind: Verdict, status: int | None = None
) -> Breaker:
    """The rule for one outcome of `deployment`, in a group of `group_size` deployments."""
    group = settings.model_group_breaker.get(deployment.group, _NOBODY)
    own = deployment.cooldown_time if deployment.cooldown_time is not None else group.cooldown_time
    base = settings.cooldown_time if own is None else own
    if settings.disable_cooldowns or base == 0:
        return UNUSED if kind == "ok" else OFF
    if kind in _AT_ONCE and group_size > 1 and own is None:
        base = max(base, _LASTING)
    longest = settings.longest_cooldown if group.max_cooldown_time is None else group.max_cooldown_time
    slow_ms = _said(settings, deployment, "slow_call_ms") if kind == "ok" else None
    trip = _trip(settings, deployment, group_size, "slow" if slow_ms else kind, status)
    return Breaker(
        trip,
        base,
        max(longest, base),
        slow_ms=slow_ms or 0.0,
        quorum=kind == "connect" and trip != "never" and _said(settings, deployment, "quorum", True),
        **_options(settings, deployment, trip, judges=trip != "never" or kind == "ok"),
    )


def health_words(settings: Settings, deployment: Deployment) -> str:
    """What of its health the deployment's group shares, for `Declared.health`."""
    words = []
    ramp = _said(settings, deployment, "slow_start")
    if ramp is not None:
        words.append(f"ramp={ramp * 1000:.0f}")
    panic = _said(settings, deployment, "panic_threshold")
    if panic is not None:
        words.append(f"panic={panic:.9g}")
    out = _said(settings, deployment, "outliers")
    if out is not None:
        rule = f"{out.stdev_factor:.9g},{out.minimum_hosts},{out.request_volume},{out.max_ejection_percent:.9g}"
        words.append(f"outliers={rule},{out.ejection_time * 1000:.0f}")
    return " ".join(words)


def _levels(settings: Settings, deployment: Deployment) -> tuple[BreakerRules | None, ...]:
    """Whoever may say something, the narrowest first."""
    return deployment.breaker, settings.model_group_breaker.get(deployment.group), settings.breaker


def _said(settings: Settings, deployment: Deployment, name: str, default: Any = None) -> Any:
    for level in _levels(settings, deployment):
        value = getattr(level, name, None)
        if value is not None:
            return value
    return default


def _options(settings: Settings, deployment: Deployment, trip: str, judges: bool) -> dict[str, Any]:
    said = {"ramp": _said(settings, deployment, "slow_start")}
    if judges:
        said |= {
            "ratio": _said(settings, deployment, "failure_ratio"),
            "least": _said(settings, deployment, "minimum_failures"),
            "row": _said(settings, deployment, "consecutive_failures", _IN_A_ROW if trip == "ratio" else None),
        }
    return {name: value for name, value in said.items() if value is not None}


def _trip(settings: Settings, deployment: Deployment, group_size: int, kind: Verdict, status: int | None) -> str:
    if kind in _NEUTRAL:
        return "never"
    rule = _written(settings, deployment, kind, status)
    if rule is not None:
        return f"count:{rule}" if isinstance(rule, int) else rule
    if kind in _AT_ONCE:
        return "now"
    if kind == "rate_limit":
        return "now" if group_size > 1 else "never"
    return "ratio" if group_size > 1 else _LONE


def _written(settings: Settings, deployment: Deployment, kind: Verdict, status: int | None) -> str | int | None:
    """The rule of a class of failure: the narrowest place that has one; there `rules` go before allowed fails."""
    group = settings.model_group_breaker.get(deployment.group, _NOBODY)
    litellms: OutcomeKind = "timeout" if kind == "slow" else kind
    for rules, allowed in ((deployment.breaker, deployment), (group, group), (settings.breaker, settings)):
        written: Mapping[Any, Rule] = rules.rules if rules is not None else {}
        rule = written.get(kind)
        if rule is None:
            rule = allowed.allowed_for(litellms, status)
        if rule is not None:
            return rule
    return None
