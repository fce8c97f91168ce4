"""Asking the pool who serves: from a stop of the plan to a lease, or to an error that says why not and until when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from router_core.choosing import limits
from router_core.choosing.allowance import Allowance
from router_core.choosing.candidates import Slice
from router_core.choosing.question import Lesson, Question, Questions
from router_core.config import Settings
from router_core.errors import BudgetExceededError, NoDeploymentAvailable, RouterError, StateUnavailable
from router_core.hooks import CallDenied, Decided, Hook
from router_core.plan import Plan, Target
from router_core.state.records import Denied, Explanation, Extra, Lease, OutcomeKind, Pinned, Refused, StateError
from router_core.state.store import Store

SLICES = 4  # how many samples of a large group are asked before the answer is no


@dataclass(frozen=True, slots=True)
class Decision:
    """How a deployment was chosen: on `answer.decision`. Times in milliseconds."""

    group: str
    deployment: str
    strategy: str
    candidates: int
    decision_ms: float
    waited_ms: float
    probe: bool


class Decisions:
    """One `acquire` per attempt, more only where a large group's sample or all untried deployments are full."""

    def __init__(
        self, store: Store, settings: Settings, questions: Questions, allowance: Allowance, emit: Hook | None
    ) -> None:
        self._store, self._settings, self._questions = store, settings, questions
        self._allowance, self._emit = allowance, emit

    async def acquire(
        self, plan: Plan, target: Target, tried: Collection[str], may_wait: bool
    ) -> tuple[Lease, Decision, Lesson]:
        """A lease, how it came about, and what its deployment learns from the outcome.

        Deployments of `tried` only serve where no other can. Raises NoDeploymentAvailable, NotAllowed,
        StateUnavailable, and what the static facts say (ContextWindowExceededError).
        """
        question = await self._questions.of(plan, target)
        wait = self._patience(plan) if may_wait else 0.0
        try:
            if tried and target.only is None and question.slice(tried).ids:
                try:
                    lease, size = await self._ask(question, tried, 0.0)
                except Refused:
                    lease, size = await self._ask(question, (), wait)
            else:
                lease, size = await self._ask(question, (), wait)
        except Refused as refused:
            raise self._refusal(question, refused) from None
        except Denied as denied:
            if self._emit is not None:
                self._emit(CallDenied(denied.group, denied.reason))
            raise self._allowance.error(denied) from None
        except StateError as exc:
            raise StateUnavailable(f"no decision for {target.group.name!r}: {exc}", model=target.group.name) from exc
        return lease, self._decided(question, lease, size), question.lesson

    async def hedge(
        self, plan: Plan, target: Target, not_at: Collection[str], budget: float
    ) -> tuple[Lease, Decision, Lesson]:
        """As `acquire`, for the copy of a call that runs: at none of `not_at`, at once, within the budget of copies.

        Raises Refused, Denied, StateError, and what the static facts say.
        """
        question = await self._questions.of(plan, target)
        drawn = replace(question.drawn, pin="")  # its session stays where it is
        question = replace(question, drawn=drawn, shadow="", extra=Extra("hedge", budget))
        lease, size = await self._ask(question, not_at, 0.0)
        return lease, self._decided(question, lease, size), question.lesson

    def _decided(self, question: Question, lease: Lease, size: int) -> Decision:
        name = question.routed.spec
        if self._emit is not None:
            self._emit(Decided(lease.group, name, lease.deployment, lease.decision_ms, lease.waited_ms))
        return Decision(lease.group, lease.deployment, name, size, lease.decision_ms, lease.waited_ms, lease.probe)

    async def explain(self, plan: Plan) -> Explanation:
        """What `acquire` would decide now, without effect. Raises the same errors, but refusals are in the answer."""
        question = await self._questions.of(plan, plan.target)
        try:
            return await self._store.explain(question.acquire(question.slice(()), 0.0))
        except StateError as exc:
            raise StateUnavailable(f"no explanation: {exc}", model=plan.target.group.name) from exc

    async def _ask(self, question: Question, exclude: Collection[str], wait: float) -> tuple[Lease, int]:
        group, refused = question.target.group, None
        for number in range(1, SLICES + 1):
            part = question.slice(exclude)
            if not part.ids:
                break
            last = not part.partial or number == SLICES
            try:
                lease = await self._acquire(question, part, exclude, wait if last else 0.0)
            except Refused as exc:
                refused = exc if refused is None else _both(refused, exc)
                if last:
                    break
                exclude = {*exclude, *part.ids}
            else:
                group.learn_best(lease.best)
                return lease, len(part.ids)
        raise refused or Refused(group.name, (), None)

    async def _acquire(self, question: Question, part: Slice, exclude: Collection[str], wait: float) -> Lease:
        try:
            sampled = part.partial and not exclude
            return await self._store.acquire(question.acquire(part, wait, sampled=sampled))
        except Pinned as pinned:
            question = question.towards(pinned.deployment)
            return await self._store.acquire(question.acquire(question.slice(exclude), wait))

    def _patience(self, plan: Plan) -> float:
        own = plan.options.max_wait
        return max(0.0, min(self._settings.max_wait if own is None else own, plan.left()))

    def _refusal(self, question: Question, refused: Refused) -> RouterError:
        if self._emit is not None:
            reasons = tuple(refusal.reason for refusal in refused.refusals)
            self._emit(Decided(refused.group, question.routed.spec, None, 0.0, reasons=reasons))
        error, kind, message = _why(question, refused)
        return error(
            message,
            refusals=refused.refusals,
            earliest=refused.earliest,
            place=refused.place,
            waiting=refused.waiting,
            model=refused.group,
            kind=kind,
        )


def _why(question: Question, refused: Refused) -> tuple[type[NoDeploymentAvailable], OutcomeKind, str]:
    reasons = [refusal.reason for refusal in refused.refusals]
    message = f"no deployment of {refused.group!r} can serve this now"
    if reasons and all(map(limits.is_budget, reasons)):
        return BudgetExceededError, "rate_limit", f"{message}: spent is {limits.spent(refused.refusals)}"
    if reasons and all(reason == "too_large" for reason in reasons):
        asked = f"about {question.input_tokens:,} tokens of input and {question.output_tokens:,} of output"
        return NoDeploymentAvailable, "context_window", f"{message}, or ever: {asked} fit no limit or context window"
    return NoDeploymentAvailable, "rate_limit", message


def _both(first: Refused, second: Refused) -> Refused:
    known = [moment for moment in (first.earliest, second.earliest) if moment is not None]
    refusals, earliest = (*first.refusals, *second.refusals), min(known, default=None)
    return Refused(second.group, refusals, earliest, max(first.place, second.place), second.waiting)
