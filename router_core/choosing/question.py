"""What a call asks the pool: whom it may be served by, whom it wishes, and what it will take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router_core.choosing import custom, limits
from router_core.choosing.affinity import NOWHERE, Affinity, Drawn
from router_core.choosing.allowance import Allowance
from router_core.choosing.candidates import Slice
from router_core.choosing.members import Needs
from router_core.choosing.routing import Routed, Routing
from router_core.choosing.shadow import Shadow
from router_core.choosing.watch import Watch
from router_core.config import Settings
from router_core.errors import StateUnavailable
from router_core.estimating import tokenizer, tokens
from router_core.estimating.bounds import Bounds
from router_core.estimating.fits import Fits
from router_core.hooks import Hook
from router_core.plan import Plan, Target
from router_core.providers.base import GENERATING
from router_core.state.records import Acquire, Extra, StateError
from router_core.timeouts import Timeouts

_NONE: Mapping[str, tokenizer.Encoding] = {}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the outcome is to be compared with. `latency`: see `Outcome.learn`.

    `guess`: the uncorrected estimate of the input, None where it says nothing; `tools`: the call has some.
    """

    latency: str = ""
    guess: int | None = None
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Question:
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

    def towards(self, deployment: str) -> Question:
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


class Questions:
    """What each call asks, by one configuration."""

    def __init__(
        self,
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
        allowance: Allowance,
        encodings: Mapping[str, tokenizer.Encoding] = _NONE,
    ) -> None:
        """`encodings`: by which group's tokens are counted; the others' are guessed."""
        self._settings, self._routing = settings, routing
        self._timeouts, self._lengths, self._fits = timeouts, lengths, fits
        self._watch, self._emit, self._bounds, self._encodings = watch, emit, bounds, encodings
        self._affinity, self._shadow, self._allowance = affinity, shadow, allowance

    async def of(self, plan: Plan, target: Target) -> Question:
        """The question of one attempt. Raises StateUnavailable, and what the static facts say."""
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
        return Question(
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
