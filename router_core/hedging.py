"""Hedging: a call that takes unusually long is made once more at another deployment, and the first answer counts.

Dean and Barroso, The Tail at Scale (2013). A copy begins when the group's usual time (a percentile, or seconds) has
passed without a first content, or a whole answer where it is not streamed; once a call, never after a first content. It
is decided and reserved like any call, but does not wait for room, and the fleet makes at most `budget` copies per
request of the group. Half of the budget is kept for who waits longest: a call that may have no copy yet asks again when
it has waited twice as long, and so on. The slower one is cancelled and settled like a call whose caller went away: what
was reserved for it stays charged.

Only calls that may be made twice (repeatable.py), and that no deployment of their own is to serve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from router_core.attempts import Attempt, Upstream
from router_core.choosing.decisions import Decision, Decisions
from router_core.config import Settings
from router_core.config.hedges import Hedge
from router_core.estimating.estimates import Estimates
from router_core.hooks import Hedged, HedgeOutcome
from router_core.plan import Plan, Planner, Target
from router_core.repeatable import repeatable
from router_core.serving import Served, served
from router_core.state.records import Denied, Refused
from router_core.streaming import Stream

GRACE = 1.0  # seconds that the loser's end may take before the winner's answer is given
AT_FIRST = 0.5  # part of the budget: most of who is a little late answers before a copy could

Task = asyncio.Task[Served]


def hedge_of(settings: Settings, plan: Plan, target: Target) -> Hedge | None:
    """When this call is hedged there; None: never."""
    own = plan.options.hedge
    hedge = settings.hedge_for(target.group.name) if own is None else own or None
    if hedge is None or plan.hedges or plan.options.mirrored:
        return None
    elsewhere = target.only is None and len(target.group.ids) > 1
    return hedge if elsewhere and repeatable(target.call) else None


class Hedging:
    """The hedges of one configuration."""

    def __init__(
        self, settings: Settings, planner: Planner, decisions: Decisions, estimates: Estimates, upstream: Upstream
    ) -> None:
        self._settings, self._planner, self._decisions = settings, planner, decisions
        self._estimates, self._upstream = estimates, upstream

    async def serve(self, attempt: Attempt, decision: Decision, tried: frozenset[str]) -> Served:
        """The attempt's answer, or that of its copy at a deployment that is not of `tried`.

        Raises the attempt's RouterError where neither answers. Both leases are settled in every ending.
        """
        hedge = hedge_of(self._settings, attempt.plan, attempt.target)
        seconds = None if hedge is None else self._after(hedge, attempt.target)
        if hedge is None or seconds is None or seconds >= attempt.total.seconds:
            return await served(attempt, decision)

        async def another(share: float) -> tuple[Attempt, Decision]:
            plan, target = attempt.plan, attempt.target
            elsewhere = tried | {attempt.deployment.id}
            lease, decision, lesson = await self._decisions.hedge(plan, target, elsewhere, share * hedge.budget)
            plan.hedges += 1
            deployment = self._planner.deployments[lease.deployment]
            return Attempt(self._upstream, plan, target, deployment, lease, lesson, is_copy=True), decision

        race = _Race(attempt, another)
        try:
            return await race.run(decision, seconds)
        finally:
            if race.outcome is not None and self._upstream.emit is not None:
                copy = None if race.copy is None else race.copy.deployment.id
                self._upstream.emit(Hedged(attempt.lease.group, copy, race.outcome))

    def _after(self, hedge: Hedge, target: Target) -> float | None:
        """Seconds after which the copy begins; None where nobody knows yet."""
        if hedge.percent is None:
            return float(hedge.after)
        group = target.group
        return self._estimates.of_group(group.name, group.ids, target.call.stream, hedge.percent)


class _Race:
    """A call and its copy. `outcome`: how the copy ended, None where there was none, or its caller went away."""

    def __init__(self, first: Attempt, another: Callable[[float], Awaitable[tuple[Attempt, Decision]]]) -> None:
        self._first, self._another = first, another
        self.copy: Attempt | None = None
        self.outcome: HedgeOutcome | None = None

    async def run(self, decision: Decision, seconds: float) -> Served:
        """The first answer. `seconds`: after which the copy begins."""
        loop = asyncio.get_running_loop()
        tasks: list[Task] = [loop.create_task(served(self._first, decision))]
        winner: Task | None = None
        try:
            await asyncio.wait(tasks, timeout=seconds)
            if not tasks[0].done():
                tasks.append(loop.create_task(self._repeat(seconds)))
                await self._one_answers(tasks)
            winner = next((task for task in tasks if _answered(task)), None)
            return (winner or tasks[0]).result()
        finally:
            await self._end(tasks, winner)

    async def _repeat(self, pause: float) -> Served:
        """The copy's answer, as soon as there may be one. `pause`: seconds until it asks again, then twice as long."""
        share = AT_FIRST
        while True:
            try:
                self.copy, decision = await self._another(share)
            except (Denied, Refused) as refused:
                self.outcome = "denied" if isinstance(refused, Denied) else "no_room"
                await asyncio.sleep(pause)
                pause, share = 2 * pause, 1.0
            else:
                return await served(self.copy, decision)

    async def _one_answers(self, tasks: Sequence[Task]) -> None:
        """Wait for the first answer, or until there will be none."""
        running = set(tasks)
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            if any(map(_answered, done)) or (tasks[0].done() and self.copy is None):
                return

    async def _end(self, tasks: Sequence[Task], winner: Task | None) -> None:
        """Settle and cancel whoever still runs, and wait for its end, but not for ever where it does not listen."""
        if self.copy is not None and (winner is not None or all(task.done() for task in tasks)):
            self.outcome = "failed" if winner is None else "lost" if winner is tasks[0] else "won"
        for attempt, task in zip((self._first, self.copy), tasks, strict=False):
            if attempt is not None and task is not winner:
                attempt.lost = winner is not None
                attempt.end("cancelled")  # it may have ended already, or never begun
            task.cancel()
        await asyncio.wait(tasks, timeout=GRACE)
        for task in tasks:
            if not task.done():
                task.add_done_callback(_answered)
            elif task is not winner and _answered(task) and isinstance(stream := task.result(), Stream):
                await stream.aclose()


def _answered(task: Task) -> bool:
    """Whether it has; a failure counts as seen."""
    return task.done() and not task.cancelled() and task.exception() is None
