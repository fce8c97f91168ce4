"""Asking the pool who serves: from a stop of the plan to a lease, or to an error that says why not and until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router_core.choosing import custom, limits
from router_core.choosing.affinity import NOWHERE, Affinity, Drawn
from router_core.choosing.allowance import Allowance
from router_core.choosing.candidates import Needs, Slice
from router_core.choosing.routing import Routed, Routing
from router_core.choosing.shadow import Shadow
from router_core.choosing.watch import Watch
from router_core.config import Settings
from router_core.errors import BudgetExceededError, NoDeploymentAvailable, RouterError, StateUnavailable
from router_core.estimating import tokenizer, tokens
from router_core.estimating.bounds import Bounds
from router_core.estimating.fits import Fits
from router_core.hooks import CallDenied, Decided, Hook
from router_core.plan import Plan, Target
from router_core.providers.base import GENERATING
from router_core.state.records import Acquire, Denied, Explanation, Extra, Lease, Pinned, Refused, StateError
from router_core.state.store import Store
from router_core.timeouts import Timeouts

_NONE: Mapping[str, tokenizer.Encoding] = {}
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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the outcome is to be compared with. `latency`: see `Outcome.learn`.

    `guess`: the uncorrected estimate of the input, None where it says nothing; `tools`: the call has some.
    """

    latency: str = ""
    guess: int | None = None
    tools: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    """All of an acquire but its candidates and its wait. Tokens as guessed; `timeout`: seconds of the lease.

    `subjects`: whose limits hold besides the deployment's; `most`: tokens of input and output at most, 0 if unneeded;
    `counted`, `extra`, `throttle`, `hedged`: as of Acquire.
    """

    target: Target
    routed: Routed
    eligible: Collection[str] | None
    drawn: Drawn
    pin_seconds: float
    shadow: str
    lesson: Lesson
    input_tokens: int
    output_tokens: int
    timeout: float
    priority: int
    max_queue: int
    subjects: tuple[str, ...]
    most: tuple[int, int]
    counted: bool
    extra: Extra | None
    throttle: float
    hedged: bool

    def slice(self, exclude: Collection[str]) -> Slice:
        shuffle, wishes = self.routed.shuffle, self.drawn.wishes
        return self.target.group.slice(self.eligible, shuffle=shuffle, exclude=exclude, wishes=wishes)

    def towards(self, deployment: str) -> _Question:
        """The same with the deployment of its session among the candidates, if it may be."""
        return replace(self, drawn=replace(self.drawn, wishes=(deployment, *self.drawn.wishes)))

    def acquire(self, part: Slice, wait: float, *, sampled: bool = False) -> Acquire:
        return Acquire(
            group=self.target.group.name,
            candidates=part.ids,
            strategy=self.routed.spec,
            preferred=part.preferred,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            stream=self.target.call.stream,
            timeout=self.timeout,
            max_wait=wait,
            priority=self.priority,
            caller=limits.caller_of(self.subjects) if self.subjects else "",
            max_queue=self.max_queue,
            remember=part.remember,
            wishes=part.wishes,
            bounded=self.drawn.bounded,
            pin=self.drawn.pin,
            pin_seconds=self.pin_seconds,
            sampled=sampled,
            shadow=self.shadow,
            subjects=self.subjects,
            max_input=self.most[0],
            max_output=self.most[1],
            counted=self.counted,
            extra=self.extra,
            throttle=self.throttle,
            hedged=self.hedged,
        )


class Decisions:
    """One `acquire` per attempt, more only where a large group's sample or all untried deployments are full."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        routing: Routing,
        timeouts: Timeouts,
        lengths: tokens.OutputLengths,
        fits: Fits,
        watch: Watch,
        emit: Hook | None,
        bounds: Bounds,
        affinity: Affinity,
        shadow: Shadow,
        encodings: Mapping[str, tokenizer.Encoding] = _NONE,
    ) -> None:
        """`encodings`: by which group's tokens are counted; the others' are guessed."""
        self._store, self._settings, self._routing = store, settings, routing
        self._timeouts, self._lengths, self._fits = timeouts, lengths, fits
        self._watch, self._emit, self._bounds, self._encodings = watch, emit, bounds, encodings
        self._affinity, self._shadow, self._allowance = affinity, shadow, Allowance(settings)

    async def acquire(
        self, plan: Plan, target: Target, tried: Collection[str], may_wait: bool
    ) -> tuple[Lease, Decision, Lesson]:
        """A lease, how it came about, and what its deployment learns from the outcome.

        Deployments of `tried` only serve where no other can. Raises NoDeploymentAvailable, NotAllowed,
        StateUnavailable, and what the static facts say (ContextWindowExceededError).
        """
        question = await self._question(plan, target)
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
        question = await self._question(plan, target)
        drawn = replace(question.drawn, pin="")  # its session stays where it is
        question = replace(question, drawn=drawn, shadow="", extra=Extra("hedge", budget))
        lease, size = await self._ask(question, not_at, 0.0)
        return lease, self._decided(question, lease, size), question.lesson

    def _decided(self, question: _Question, lease: Lease, size: int) -> Decision:
        name = question.routed.spec
        if self._emit is not None:
            self._emit(Decided(lease.group, name, lease.deployment, lease.decision_ms, lease.waited_ms))
        return Decision(lease.group, lease.deployment, name, size, lease.decision_ms, lease.waited_ms, lease.probe)

    async def explain(self, plan: Plan) -> Explanation:
        """What `acquire` would decide now, without effect. Raises the same errors, but refusals are in the answer."""
        question = await self._question(plan, plan.target)
        try:
            return await self._store.explain(question.acquire(question.slice(()), 0.0))
        except StateError as exc:
            raise StateUnavailable(f"no explanation: {exc}", model=plan.target.group.name) from exc

    async def _ask(self, question: _Question, exclude: Collection[str], wait: float) -> tuple[Lease, int]:
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

    async def _acquire(self, question: _Question, part: Slice, exclude: Collection[str], wait: float) -> Lease:
        try:
            sampled = part.partial and not exclude
            return await self._store.acquire(question.acquire(part, wait, sampled=sampled))
        except Pinned as pinned:
            question = question.towards(pinned.deployment)
            return await self._store.acquire(question.acquire(question.slice(exclude), wait))

    async def _question(self, plan: Plan, target: Target) -> _Question:
        group, options, body = target.group, plan.options, target.call.body
        routed = self._routing.of(group.name, options)
        read, encoding = tokens.read(body, target.call.kind), self._encodings.get(group.name)
        guess = read.tokens if encoding is None else tokenizer.count(read, encoding)
        tools = bool(read.tools)
        sent = self._fits.expect(group.name, group.members[0].provider, guess, tools)
        eligible = group.eligible(self._needs(plan, target, sent))
        hedged = bool(options.hedge) or self._settings.hedge_for(group.name) is not None
        if group.large:
            self._watch.touch()
        return _Question(
            target=target,
            routed=routed,
            eligible=eligible,
            drawn=await self._drawn(routed, plan, target, read.tools, eligible),
            pin_seconds=self._settings.deployment_affinity_ttl_seconds,
            shadow=self._shadow.of_next(),
            lesson=Lesson(routed.learn, None if read.own_tools or read.media else guess, tools),
            input_tokens=max(sent, guess),  # what was learned never reserves less: limits must hold
            output_tokens=self._lengths.expect(group.name, body) if target.call.kind in GENERATING else 0,
            timeout=min(self._timeouts.lease(group.name, target.call.stream), max(plan.left(), 0.001)),
            priority=options.priority if options.priority is not None else self._settings.default_priority or 0,
            max_queue=self._settings.max_queue,
            subjects=limits.subjects_of(plan),
            most=self._bounds.of(group.name, target.call),
            counted=self._allowance.counted or hedged,
            extra=self._allowance.extra(plan, target),
            throttle=self._allowance.throttle,
            hedged=hedged,
        )

    def _needs(self, plan: Plan, target: Target, sent: int) -> Needs:
        filtering = target.group.filters_by_tags
        if filtering is None:
            filtering = self._settings.enable_tag_filtering
        return Needs(
            input_tokens=sent,
            least=plan.least_input,
            region=plan.options.allowed_model_region,
            tags=plan.options.tags if filtering or plan.options.enable_tag_filtering else None,
            match_any=self._settings.tag_filtering_match_any,
            only=target.only,
            kind=target.call.kind,
        )

    async def _drawn(
        self, routed: Routed, plan: Plan, target: Target, tools: str, eligible: Collection[str] | None
    ) -> Drawn:
        """Whom the call wishes: what the routing function says, else where its session or its prompt belongs."""
        if target.only is not None:
            return NOWHERE
        drawn = self._affinity.of(target.group, target.call, plan.options, tools, eligible)
        if routed.function is None:
            return drawn
        wishes = await self._wishes(routed, target.group, target.call.body, plan)
        return replace(drawn, wishes=wishes, bounded=False) if wishes else drawn

    async def _wishes(self, routed: Routed, group: Any, body: Mapping[str, Any], plan: Plan) -> tuple[str, ...]:
        try:
            snapshot = await self._watch.current()
        except StateError as exc:
            raise StateUnavailable(f"no snapshot for the routing function: {exc}", model=group.name) from exc
        request = custom.RouteRequest(
            model=group.name,
            messages=body.get("messages") or (),
            metadata=plan.options.metadata,
            user=body.get("user"),
            tags=plan.options.tags,
        )
        assert routed.function is not None
        return await custom.wishes(routed.function, request, snapshot, group, self._emit)

    def _patience(self, plan: Plan) -> float:
        own = plan.options.max_wait
        return max(0.0, min(self._settings.max_wait if own is None else own, plan.left()))

    def _refusal(self, question: _Question, refused: Refused) -> RouterError:
        if self._emit is not None:
            reasons = tuple(refusal.reason for refusal in refused.refusals)
            self._emit(Decided(refused.group, question.routed.spec, None, 0.0, reasons=reasons))
        if refused.refusals and all(limits.is_budget(refusal.reason) for refusal in refused.refusals):
            return BudgetExceededError(
                f"no deployment of {refused.group!r} can serve this now: spent is {limits.spent(refused.refusals)}",
                refusals=refused.refusals,
                earliest=refused.earliest,
                place=refused.place,
                waiting=refused.waiting,
                model=refused.group,
            )
        too_large = bool(refused.refusals) and all(refusal.reason == "too_large" for refusal in refused.refusals)
        return NoDeploymentAvailable(
            f"no deployment of {refused.group!r} can serve this now",
            refusals=refused.refusals,
            earliest=refused.earliest,
            place=refused.place,
            waiting=refused.waiting,
            model=refused.group,
            kind="context_window" if too_large else "rate_limit",
        )


def _both(first: Refused, second: Refused) -> Refused:
    known = [moment for moment in (first.earliest, second.earliest) if moment is not None]
    refusals, earliest = (*first.refusals, *second.refusals), min(known, default=None)
    return Refused(second.group, refusals, earliest, max(first.place, second.place), second.waiting)
