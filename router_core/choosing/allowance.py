"""Whether an upstream call may be made at all, whoever has room: the fleet's retry budget, and adaptive throttling.

A call's first upstream call in a group is a request of that group; any further one is a retry, for which the budget has
to have room. A call that found nobody with room at one deployment and goes to another has made none yet.
"""

from __future__ import annotations

from router_core.config import Settings
from router_core.errors import NotAllowed, RetryBudgetExhausted, Throttled
from router_core.plan import Plan, Target
from router_core.state.records import Denied, Extra


class Allowance:
    """What one configuration allows. `counted`: there is a budget, so requests have to be counted; `throttle`: as of
    `Acquire`."""

    def __init__(self, settings: Settings) -> None:
        budget, throttling = settings.retry_budget, settings.adaptive_throttling
        self.throttle = throttling.k if throttling else 0.0
        self._retry, self._fallbacks = None, False
        if budget is not None:
            self._retry, self._fallbacks = Extra("retry", budget.ratio, budget.min_per_second), budget.fallbacks
        self.counted = self._retry is not None

    def extra(self, plan: Plan, target: Target) -> Extra | None:
        """What the call's next upstream call has to have room in; None where it is a request of its own."""
        if plan.sent and (self._fallbacks or target.group.name in plan.sent):
            return self._retry
        return None

    def error(self, denied: Denied) -> NotAllowed:
        """What a caller sees of a call that was denied."""
        group = denied.group
        if denied.share is not None:
            text = f"too many calls of {group!r} fail: {denied.share:.0%} of them are refused until it recovers"
            return Throttled(f"{text} (adaptive_throttling)", model=group)
        budget = self._retry or Extra("retry", 0.0)
        amount = f"{budget.ratio:.0%} of its requests and {budget.per_second:g} a second"
        return RetryBudgetExhausted(f"the fleet's retry budget of {group!r} is used up ({amount})", model=group)
