"""How long one attempt may take, and whose limit that is.

A deployment that is slower than its own limit has failed. One that is slower than a caller's shorter deadline has not:
one caller's impatience must not cool what serves everyone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from router_core.config import Deployment, Settings
from router_core.config.timeouts import PercentileTimeout, longest
from router_core.estimating.estimates import Estimates
from router_core.plan import Plan, Target
from router_core.state.records import OutcomeKind

CONNECT = 10.0  # seconds for name, TCP, proxy and TLS
LONGEST_LEASE = 600.0  # a call that may run longer renews its lease on the way


@dataclass(frozen=True, slots=True)
class Limit:
    """Seconds, and how an attempt ends that exceeds them: "timeout" is the deployment's fault, "caller" is not."""

    seconds: float
    kind: OutcomeKind
    name: str


class Timeouts:
    """The limits of each deployment, worked out once, but for those that go by percentiles."""

    def __init__(self, settings: Settings, deployments: Iterable[Deployment], estimates: Estimates) -> None:
        self._ttft, self._stall, self._estimates = settings.ttft_timeout, settings.stall_timeout, estimates
        self._total: dict[tuple[str, bool], float | PercentileTimeout] = {}
        self._leases: dict[tuple[str, bool], float] = {}
        for deployment in deployments:
            plain = deployment.timeout or settings.timeout
            stream = deployment.stream_timeout or settings.stream_timeout or plain
            for streams, seconds in ((False, plain), (True, stream)):
                self._total[deployment.id, streams] = seconds
                key = (deployment.model_name, streams)
                self._leases[key] = min(LONGEST_LEASE, max(self._leases.get(key, 0.0), longest(seconds)))

    def lease(self, group: str, stream: bool) -> float:
        """Seconds a lease of this group is asked for."""
        return self._leases[group, stream]

    def total(self, plan: Plan, target: Target, deployment: str) -> Limit:
        """The limit of the whole attempt."""
        own = self._seconds(self._total[deployment, target.call.stream], target, deployment, first=False)
        return _shorter(own, plan.left(), "timeout")

    def first(self, plan: Plan, target: Target, deployment: str, total: Limit) -> Limit:
        """The limit until the first content of a stream."""
        own = None if self._ttft is None else self._seconds(self._ttft, target, deployment, first=True)
        return _tighter(total, own, plan.options.ttft_timeout, "ttft_timeout")

    def silence(self, plan: Plan) -> Limit | None:
        """The limit between two chunks of a stream, if there is one."""
        own, callers = self._stall, plan.options.stall_timeout
        if own is None and callers is None:
            return None
        return _of_both(own, callers, "stall_timeout")

    def _seconds(self, timeout: float | PercentileTimeout, target: Target, deployment: str, first: bool) -> float:
        if not isinstance(timeout, PercentileTimeout):
            return timeout
        group = target.group
        usual = self._estimates.of_deployment(group.name, group.ids, deployment, first, timeout.percentile)
        if usual is None:
            return timeout.at_most
        return min(max(usual * timeout.times, timeout.at_least), timeout.at_most)


def _shorter(own: float, callers: float, name: str) -> Limit:
    return Limit(max(callers, 0.0), "caller", name) if callers < own else Limit(own, "timeout", name)


def _of_both(own: float | None, callers: float | None, name: str) -> Limit:
    return _shorter(math.inf if own is None else own, math.inf if callers is None else callers, name)


def _tighter(total: Limit, own: float | None, callers: float | None, name: str) -> Limit:
    if own is None and callers is None:
        return total
    part = _of_both(own, callers, name)
    return part if part.seconds < total.seconds else total
