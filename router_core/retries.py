"""Trying again within a group: another deployment first, the same one only where there is no other.

tenacity drives the loop, from the first failure on: a call that succeeds at once never enters it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from router_core import refused
from router_core.config import Settings
from router_core.errors import NoDeploymentAvailable, NotAllowed, RouterError, UnsupportedParamsError
from router_core.plan import Plan, Planner, Target

T = TypeVar("T")

BASE = 0.5  # seconds; full jitter: a random part of base × 2^n, at most LONGEST
LONGEST = 8.0
# What a deployment says once it says again.
_KINDS_AGAIN = frozenset({"auth", "not_found", "context_window"})
_REASONS_AGAIN = frozenset({"unsupported_here", "no_item"})

Once = Callable[[frozenset[str]], Awaitable[T]]  # one attempt; the argument: deployments that failed here before


class Retries:
    """Decides after each failure whether the call may try again in this group, and when."""

    def __init__(self, settings: Settings, planner: Planner, random: Random) -> None:
        self._settings, self._planner, self._random = settings, planner, random

    async def run(self, plan: Plan, target: Target, once: Once[T]) -> T:
        """`once` until it succeeds or trying again makes no sense.

        Raises the upstream's last error, also where the pool then had nobody left: that is the reason of the failure,
        and `retry_after` says when the first has room.
        """
        try:
            return await once(frozenset())
        except RouterError as error:
            self.spare(plan, target, error)
            tried = _spoken_for(target, error)
            if not self.wanted(plan, target, error, tried):
                raise
            return await _Again(self, plan, target, once, error).run()

    def wanted(self, plan: Plan, target: Target, error: RouterError, tried: frozenset[str]) -> bool:
        """Whether another attempt is allowed by the budget and may help."""
        if error.deployment is None or error.kind == "cancelled":
            return False  # not an upstream's error: there was no attempt that could be repeated
        others = _others(target, tried)
        allowed = self._planner.retries_allowed(plan, target, error)
        if plan.retries >= allowed.retries and not (plan.retries < allowed.retries + plan.spared and others):
            return False
        if error.kind == "context_window" and _fits_another(plan, target, error, tried):
            return True
        if not (error.retryable or allowed.named):
            return False
        if others:
            return True
        if error.kind in _KINDS_AGAIN or error.reason in _REASONS_AGAIN or isinstance(error, UnsupportedParamsError):
            return False
        return self._may_come_back(plan, error)

    def spare(self, plan: Plan, target: Target, error: RouterError) -> None:
        """An attempt failed: the next one does not count where this one was refused."""
        if plan.spared < refused.MOST:
            plan.spared += refused.is_spared(error, self._planner.retries_allowed(plan, target, error))

    def pause(self, plan: Plan, target: Target, error: RouterError, tried: frozenset[str]) -> float:
        """Seconds to the next attempt: none if it goes elsewhere, else full jitter; at least `retry_after`."""
        least = self._settings.retry_after
        if _others(target, tried):
            return least
        jitter = self._random.uniform(0.0, min(LONGEST, BASE * 2.0**plan.retries))
        return max(least, jitter, error.retry_after or 0.0)

    def _may_come_back(self, plan: Plan, error: RouterError) -> bool:
        """Whether the time for which the upstream wants to be left alone is within the call's patience."""
        patience = self._settings.max_wait if plan.options.max_wait is None else plan.options.max_wait
        return (error.retry_after or 0.0) <= max(patience, self._settings.retry_after)


class _Again(Generic[T]):
    """The loop of one call in one group, begun with its first failure."""

    def __init__(self, rules: Retries, plan: Plan, target: Target, once: Once[T], error: RouterError) -> None:
        self._rules, self._plan, self._target, self._once = rules, plan, target, once
        self._last, self._replayed, self._refused = error, False, False
        self._tried = _spoken_for(target, error)

    async def run(self) -> T:
        retrying = AsyncRetrying(
            retry=retry_if_exception(self._wanted),
            wait=self._pause,
            stop=self._too_late,
            sleep=asyncio.sleep,
            reraise=True,
        )
        return await retrying(self._attempt)

    async def _attempt(self) -> T:
        if not self._replayed:  # tenacity begins with the failure that brought us here
            self._replayed = True
            raise self._last
        self._plan.retries += 1
        try:
            return await self._once(self._tried)
        except NoDeploymentAvailable as refused:
            self._plan.retries -= 1
            self._refused = True
            if self._last.retry_after is None:
                self._last.retry_after = refused.earliest
            raise self._last from refused
        except NotAllowed as denied:
            self._plan.retries -= 1
            self._refused, self._last.not_retried = True, denied.message
            raise self._last from denied
        except RouterError as error:
            self._rules.spare(self._plan, self._target, error)
            self._last = error
            self._tried |= _spoken_for(self._target, error)
            raise

    def _wanted(self, error: BaseException) -> bool:
        return (
            isinstance(error, RouterError)
            and not self._refused
            and self._rules.wanted(self._plan, self._target, error, self._tried)
        )

    def _pause(self, _: RetryCallState) -> float:
        return self._rules.pause(self._plan, self._target, self._last, self._tried)

    def _too_late(self, state: RetryCallState) -> bool:
        return state.upcoming_sleep >= self._plan.left()


def _spoken_for(target: Target, error: RouterError) -> frozenset[str]:
    """The deployments that would answer so: the one that did, and its likes where the error is its model's."""
    id = error.deployment or ""
    return target.group.alike(id) if error.reason == "unsupported_here" else frozenset((id,))


def _others(target: Target, tried: frozenset[str]) -> bool:
    """Whether the target has deployments that did not fail yet."""
    return target.only is None and any(id not in tried for id in target.group.ids)


def _fits_another(plan: Plan, target: Target, error: RouterError, tried: frozenset[str]) -> bool:
    return target.only is None and target.group.has_wider(error.deployment, tried, plan.least_input)
