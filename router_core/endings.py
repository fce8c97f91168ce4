"""How an attempt ended: what of it is charged, and what the pool, this process and its watchers learn of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from router_core.costs.usage import usage_of
from router_core.errors import AttemptRecord, ContextWindowExceededError, RouterError
from router_core.estimating.estimates import sample
from router_core.hooks import AttemptEnded
from router_core.state.records import Outcome, OutcomeKind

if TYPE_CHECKING:
    from router_core.attempts import Attempt

_FREE = frozenset({"rate_limit", "auth", "not_found", "connect", "context_window"})  # nobody is billed for those


class Ending:
    """Of one attempt. `answer`: whose usage counts; `guess`: output tokens where a whole answer has no usage."""

    __slots__ = ("_attempt", "_error", "_kind", "_made", "_ms", "_sent", "_status", "_usage", "cost_nano")

    def __init__(
        self,
        attempt: Attempt,
        kind: OutcomeKind,
        answer: Mapping[str, Any] | None,
        error: RouterError | None,
        guess: int | None,
    ) -> None:
        self._attempt, self._kind, self._error, self._ms = attempt, kind, error, attempt.elapsed_ms()
        self._status = None if error is None else error.status_code
        self._usage = usage = usage_of(answer, attempt.target.call)
        self._sent, self._made = usage.sent, usage.made
        if attempt.heard and kind == "rate_limit":
            self._sent = self._made = 0  # what a 429 has counted its headers say
        if self._made is None and kind == "ok":
            self._made = guess
        self.cost_nano = self._cost(answer) if kind == "ok" else None

    def settle(self) -> None:
        """Give the lease back, charged with what was used, and tell the pool what the provider said."""
        attempt, store = self._attempt, self._attempt.upstream.store
        if not attempt.sent:  # nothing went upstream, so all that was reserved comes back
            store.cancel(attempt.lease)
            return
        outcome = self._outcome()
        attempt.plan.sent = (*attempt.plan.sent, attempt.target.group.name)
        store.settle(attempt.lease, outcome)
        store.observe(attempt.lease, attempt.heard, refused=True)
        if self._kind == "rate_limit" and outcome.retry_after and outcome.breaker.max_cooldown:
            siblings = attempt.upstream.siblings.get(attempt.deployment.id, ())
            store.pause(siblings, outcome.retry_after, outcome.breaker.max_cooldown)

    def _outcome(self) -> Outcome:
        attempt, error, lesson = self._attempt, self._error, self._attempt.lesson
        upstream, deployment, group = attempt.upstream, attempt.deployment, attempt.target.group
        return Outcome(
            kind=self._kind,
            total_ms=self._ms if attempt.teaches else None,
            ttft_ms=attempt.ttft_ms,
            input_tokens=self._sent,
            output_tokens=self._made,
            cost_nano=0 if self._kind in _FREE else self.cost_nano,
            retry_after=None if error is None else error.retry_after,
            stream=attempt.target.call.stream,
            breaker=upstream.breakers.of(deployment, len(group.ids), self._kind, self._status),
            learn=lesson.latency,
            context_tokens=self._window(),
            adaptive=deployment.adaptive_concurrency is not None,
            guess=self._taught(),
            tools=lesson.tools,
            throttled=upstream.settings.adaptive_throttling is not None,
            sample=self._sample(),
        )

    def _sample(self) -> tuple[float | None, float | None] | None:
        attempt, hedge = self._attempt, self._attempt.plan.options.hedge
        measured = attempt.target.group.name in attempt.upstream.measured or bool(hedge and hedge.percent)
        if not (measured and attempt.teaches):
            return None
        gave_up = attempt.lost and not attempt.is_copy  # a copy that lost did not take long
        return sample(self._kind, attempt.target.call.stream, attempt.ttft_ms, self._ms, gave_up)

    def _window(self) -> int | None:
        """The deployment's context window as its error tells it; a wildcard has many models."""
        error, captured = self._error, self._attempt.target.call.captured
        return error.window if isinstance(error, ContextWindowExceededError) and not captured else None

    def _taught(self) -> int | None:
        """The estimate, where its miss is worth telling the fleet."""
        attempt, lesson = self._attempt, self._attempt.lesson
        if self._kind != "ok" or not self._sent or not lesson.guess:
            return None
        teaches = attempt.upstream.fits.teaches(attempt.deployment.id, lesson.guess, lesson.tools, self._sent)
        return lesson.guess if teaches else None

    def _cost(self, answer: Mapping[str, Any] | None) -> int | None:
        attempt, call = self._attempt, self._attempt.target.call
        captured = call.model_of(attempt.deployment.model) if call.captured else None
        names = (None if answer is None else answer.get("model"), captured)
        return attempt.upstream.prices.cost_nano(attempt.deployment.id, self._usage, names)

    def report(self) -> None:
        """To the call's record of its attempts, and to hooks."""
        attempt, kind, error = self._attempt, self._kind, self._error
        deployment, attempts, emit = attempt.deployment, attempt.plan.attempts, attempt.upstream.emit
        reason = "hedge_lost" if attempt.lost and kind == "cancelled" else "" if error is None else error.reason
        attempts.append(AttemptRecord(deployment.id, kind, 200 if kind == "ok" else self._status, self._ms, reason))
        if emit is not None:
            emit(AttemptEnded(
                attempt.lease.group, deployment.id, deployment.provider, kind, self._status, self._ms,
                attempt.ttft_ms, attempt.target.call.stream, self._sent, self._made, self.cost_nano,
                retry=len(attempts) > 1 + attempt.plan.hedges,
            ))  # fmt: skip

    def learn(self) -> None:
        """What this process learns: how large a context the deployment takes, and how long its group's answers are."""
        attempt, group, error = self._attempt, self._attempt.target.group, self._error
        if isinstance(error, ContextWindowExceededError):
            if error.window is not None or error.reason == "too_long":  # else it is a limit of tokens a minute
                least = group.overflowed(attempt.deployment.id, self._window())
                attempt.plan.least_input = max(attempt.plan.least_input, least, error.requested or 0)
        elif self._usage.sent:
            group.took(attempt.deployment.id, self._usage.sent)
        if self._kind == "ok" and self._made is not None and attempt.teaches:
            attempt.upstream.lengths.learn(group.name, self._made)
