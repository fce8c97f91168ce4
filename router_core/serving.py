"""From an attempt to what the caller gets of it: an answer, or a stream with its first content."""

from __future__ import annotations

from router_core import attempts, streaming
from router_core.answering import stamp
from router_core.answering.answers import Answer
from router_core.attempts import Attempt
from router_core.choosing import pins
from router_core.choosing.decisions import Decision
from router_core.streaming import Stream

Served = Answer | Stream


async def served(attempt: Attempt, decision: Decision) -> Served:
    """Make the upstream call. Raises RouterError; the lease is settled in every ending."""
    if attempt.target.call.stream:
        stream = await streaming.opened(attempt)
        stream.stamp(stamp.facts(attempt, decision))
        return stream
    answer = await attempts.whole(attempt)
    answer.__dict__.update(stamp.facts(attempt, decision))
    if attempt.target.call.kind == "responses":
        pins.pin(answer, attempt.deployment.id)
    return answer
