"""From group to group: where one cannot serve, the call goes on to those that the configuration or the caller names.

Each group is visited once, so that circles end. A group that was reached by a fallback has fallbacks of its own, which
are tried before the remaining ones. The kind of the error chooses the list (`Settings.fallbacks_for`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from router_core.errors import (
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NoDeploymentAvailable,
    NotAllowed,
    RouterError,
    StateUnavailable,
)
from router_core.plan import Plan, Planner, Target

T = TypeVar("T")

Serve = Callable[[Plan, Target, bool], Awaitable[T]]  # the last argument: may it wait for room?


async def run(planner: Planner, plan: Plan, serve: Serve[T]) -> T:
    """`serve` at the first target that can.

    Raises the error of the first group, which is the one the caller asked for; if nobody there had room, its
    `retry_after` is the nearest of all groups.
    """
    try:
        _pretend(plan)
        return await _visit(planner, plan, plan.target, serve, [])
    except RouterError as error:
        stops = _after(planner, plan, plan.target, error)
        if not stops:
            raise
        first = error
    while stops:
        target = stops.pop(0)
        if target.place in plan.visited:
            continue
        plan.fallbacks += 1
        try:
            return await _visit(planner, plan, target, serve, stops)
        except RouterError as error:
            if error.retry_after is not None and isinstance(first, NoDeploymentAvailable):
                first.retry_after = min(error.retry_after, first.retry_after or error.retry_after)
            if isinstance(error, NotAllowed):
                first.not_retried = error.message
            more = _after(planner, plan, target, error)
            stops = more + stops if plan.left() > 0 else []
    raise first


async def _visit(planner: Planner, plan: Plan, target: Target, serve: Serve[T], rest: list[Target]) -> T:
    """Serve there; waiting for room is for the last stop only, since the others have somewhere to go at once."""
    plan.visited.add(target.place)
    return await serve(plan, target, not rest and not planner.after(plan, target, "rate_limit"))


def _after(planner: Planner, plan: Plan, target: Target, error: RouterError) -> list[Target]:
    if isinstance(error, StateUnavailable) or plan.left() <= 0:
        return []
    return planner.after(plan, target, error.kind)


def _pretend(plan: Plan) -> None:
    """`mock_testing_fallbacks` and its kin: the first group fails without a call, to see the fallbacks work."""
    options = plan.options
    if options.mock_testing_fallbacks:
        raise InternalServerError("mock_testing_fallbacks", model=plan.target.group.name)
    if options.mock_testing_context_fallbacks:
        raise ContextWindowExceededError("mock_testing_context_fallbacks", model=plan.target.group.name)
    if options.mock_testing_content_policy_fallbacks:
        raise ContentPolicyViolationError("mock_testing_content_policy_fallbacks", model=plan.target.group.name)
